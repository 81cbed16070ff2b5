package applets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

const pythonKillMain = "nobody ends the daemon: it goes on for ever, as an orphan. What would have ended it " +
	"was to run at the end of the main program, which never came to its end."

// killedMain is what the worker needs whose main program is killed.
type killedMain struct {
	Done *ipc.Sender[int] // its parent's pid, when all is done
}

// wait holds the worker back, before the part in the middle, until it has lost
// its parent: however short the steps are, it is at work then.
func (k *killedMain) wait(ctx context.Context, part int) error {
	if k == nil || part != 3 {
		return nil
	}
	for os.Getppid() == ipc.ParentProcess().Pid() {
		if err := (Common{Step: time.Millisecond}).pause(ctx, 1); err != nil {
			return err
		}
	}
	return nil
}

// done tells the demonstration that the work is done, and who is the parent now.
func (k *killedMain) done(ctx context.Context) error {
	if k == nil {
		return nil
	}
	return k.Done.Send(ctx, os.Getppid())
}

// deromMainArgs are those of a process that plays the main program, below the
// demonstration. The ends of the pipes tell when the two below it have ended.
type deromMainArgs struct {
	Common
	Pids         *ipc.Sender[[2]int]
	Daemon, Work *ipc.Sender[bool]
	Done         *ipc.Sender[int]
}

var deromMainTarget = ipc.NewTarget(deromMain)

// deromMain starts the daemon and the worker and waits to be killed.
func deromMain(ctx context.Context, args deromMainArgs) error {
	daemon := ipc.NewProcess(heartbeatTarget, deromArgs{args.Common, args.Daemon, nil})
	daemon.Name = "daemon"
	daemon.Daemon = true
	worker := ipc.NewProcess(workTarget, deromArgs{args.Common, args.Work, &killedMain{args.Done}})
	worker.Name = "non-daemon"
	if err := startAll(daemon, worker); err != nil {
		return err
	}
	if err := args.Pids.Send(ctx, [2]int{daemon.Pid(), worker.Pid()}); err != nil {
		return err
	}
	for _, end := range []io.Closer{args.Daemon, args.Work, args.Done} {
		_ = end.Close() // always nil
	}
	select {
	case <-ipc.ParentProcess().Sentinel():
		os.Exit(1) // the worker is to be an orphan in this case, too
	case <-daemon.Sentinel():
		leaveAs(daemon)
	case <-worker.Sentinel():
		leaveAs(worker)
	}
	return nil
}

// leaveAs ends this process as another has ended that was not expected to, so
// that the demonstration learns why: if nobody reads their lines, it is SIGPIPE.
func leaveAs(p *ipc.Process) {
	code, _ := p.ExitCode()
	if code < 0 {
		code = 128 - code
	}
	os.Exit(code)
}

// deromPipes are the receiving ends that the demonstration has.
type deromPipes struct {
	pids         *ipc.Receiver[[2]int]
	daemon, work *ipc.Receiver[bool]
	done         *ipc.Receiver[int]
}

// startMain starts the main program and waits until both below it are at work.
func (c *deromCommand) startMain(ctx context.Context) (*ipc.Process, *deromPipes, [2]int, error) {
	pids, sendPids, err1 := ipc.OneWay[[2]int]()
	daemon, sendDaemon, err2 := ipc.OneWay[bool]()
	work, sendWork, err3 := ipc.OneWay[bool]()
	done, sendDone, err4 := ipc.OneWay[int]()
	var below [2]int
	if err := cmp.Or(err1, err2, err3, err4); err != nil {
		return nil, nil, below, err
	}
	p := ipc.NewProcess(deromMainTarget, deromMainArgs{c.Common, sendPids, sendDaemon, sendWork, sendDone})
	p.Name = "main program"
	if err := p.Start(); err != nil {
		return nil, nil, below, err
	}
	for _, end := range []io.Closer{sendPids, sendDaemon, sendWork, sendDone} {
		_ = end.Close() // always nil
	}
	below, err := pids.Recv(ctx)
	if err == nil {
		_, err1 = daemon.Recv(ctx)
		_, err2 = work.Recv(ctx)
		err = cmp.Or(err1, err2)
	}
	if err == io.EOF {
		err = cmp.Or(p.Join(ctx), err)
	}
	return p, &deromPipes{pids, daemon, work, done}, below, err
}

// runKillMain kills the main program and looks what becomes of the two below.
func (c *deromCommand) runKillMain(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx, 30)
	defer cancel()
	p, pipes, below, err := c.startMain(ctx)
	defer func() { killLeft(below[:]) }() // nobody else would end them
	if err != nil {
		return err
	}
	if err := c.pause(ctx, 2.5); err != nil {
		return err
	}
	c.printf("Fault   : kill-main, the main program, pid=%d, is killed", p.Pid())
	if err := p.Kill(); err != nil {
		return err
	}
	_ = p.Join(ctx) // its exit code tells
	begin := time.Now()
	daemon, err := c.fateOfDaemon(ctx, pipes.daemon, begin)
	if err != nil {
		return err
	}
	lives := below[0]
	if daemon != "" {
		below[0] = 0
	} else {
		daemon = fmt.Sprintf("The daemon, pid=%d, is alive after %v", lives, time.Since(begin))
	}
	parent, err := pipes.done.Recv(ctx)
	worker := fmt.Sprintf("The non-daemon did all of its work, first with parent=%d and then with parent=%d", p.Pid(), parent)
	if err == io.EOF {
		worker, err = "The non-daemon ended before its work was done", nil
	}
	if err != nil {
		return err
	}
	below[1] = 0
	c.tell("Seen", "The %s. %s. %s.", howEnded(p), daemon, worker)
	c.tell("Python", pythonKillMain)
	if below[0] != 0 || parent == 0 {
		return errors.New("not what is promised: the daemon ends, the other does not")
	}
	return nil
}

// fateOfDaemon waits for the end of the daemon, which is told by the end of the
// pipe. Without a text it has not come in ten steps, or ten seconds.
func (c *deromCommand) fateOfDaemon(ctx context.Context, daemon *ipc.Receiver[bool], begin time.Time) (string, error) {
	limit, cancel := context.WithTimeout(ctx, max(10*c.Step, 10*time.Second))
	defer cancel()
	switch _, err := daemon.Recv(limit); {
	case err == io.EOF:
		return fmt.Sprintf("The daemon was gone within %v", time.Since(begin).Round(time.Microsecond)), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	return "", nil
}

// killLeft kills the processes that are not 0, which are no children of ours.
func killLeft(pids []int) {
	for _, pid := range pids {
		if pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
		}
	}
}
