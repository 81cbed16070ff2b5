package applets

import (
	"cmp"
	"context"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

const pythonIgnoreTerm = "the main program sends its daemons SIGTERM too, and then joins them: this one " +
	"for ever, and the program never ends."

// ignoredTerm is for processes of a main program whose daemon ignores SIGTERM.
type ignoredTerm struct {
	Told *ipc.Receiver[bool] // ends when the demonstration knows the daemon's fate
}

// begin has the daemon ignore what would end it.
func (f *ignoredTerm) begin(me *ipc.Process) {
	if f != nil && me.Daemon {
		signal.Ignore(syscall.SIGTERM)
	}
}

// wait lets the daemon never end by itself, and the other not before the fate of
// the daemon is known, as the main program ends with it.
func (f *ignoredTerm) wait(ctx context.Context, me *ipc.Process) error {
	if f == nil {
		return nil
	}
	if me.Daemon {
		<-ctx.Done()
		return ctx.Err()
	}
	if _, err := f.Told.Recv(ctx); err != io.EOF {
		return err
	}
	return nil
}

// noBgMainArgs are those of a process that plays the main program, below the
// demonstration.
type noBgMainArgs struct {
	Common
	Flip  bool
	Below *ipc.Sender[[2]int] // the pids of the daemon and the other
	Fate  *ipc.Sender[fate]
	Told  *ipc.Receiver[bool]
}

// fate is how a daemon ended, and how long after the end of the main program.
type fate struct {
	Name string
	Code int
	Took time.Duration
}

var noBgMainTarget = ipc.NewTarget(noBgMain)

// noBgMain does what Run does. Behind its end, package ipc ends the daemon.
func noBgMain(ctx context.Context, args noBgMainArgs) error {
	two, sayTwo, err := ipc.OneWay[bool]()
	if err != nil {
		return err
	}
	fault := &ignoredTerm{args.Told}
	background := ipc.NewProcess(printUntilEndTarget, cutOffArgs{args.Common, 0, sayTwo, fault})
	background.Name = "background_process"
	other := ipc.NewProcess(printUntilEndTarget, cutOffArgs{args.Common, 5, sayTwo, fault})
	other.Name = "NO_background_process"
	daemon, ordinary := background, other
	if args.Flip {
		daemon, ordinary = other, background
	}
	daemon.Daemon = true
	if err := (&noBgCommand{Common: args.Common}).startApart(ctx, background, other); err != nil {
		return err
	}
	_ = sayTwo.Close() // always nil
	if err := args.Below.Send(ctx, [2]int{daemon.Pid(), ordinary.Pid()}); err != nil {
		return err
	}
	if _, err := two.Recv(ctx); err != nil {
		return cmp.Or(daemon.Join(ctx), err)
	}
	if err := args.pause(ctx, 0.75); err != nil {
		return err
	}
	args.printf("The main program ends here")
	go args.tellFate(daemon)
	return nil
}

// tellFate reports how the daemon ended. There is time for it while the other
// is being joined, which does not end before.
func (args noBgMainArgs) tellFate(daemon *ipc.Process) {
	begin := time.Now()
	<-daemon.Sentinel()
	code, _ := daemon.ExitCode()
	// The context of a target ends with it.
	_ = args.Fate.Send(context.Background(), fate{daemon.Name, code, time.Since(begin)})
}

// runIgnoreTerm starts the main program and looks how it gets rid of its daemon.
func (c *noBgCommand) runIgnoreTerm(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx, 20)
	defer cancel()
	below, sendBelow, err1 := ipc.OneWay[[2]int]()
	fates, sendFate, err2 := ipc.OneWay[fate]()
	told, tell, err3 := ipc.OneWay[bool]()
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	p := ipc.NewProcess(noBgMainTarget, noBgMainArgs{c.Common, c.Flip, sendBelow, sendFate, told})
	p.Name = "main program"
	if err := p.Start(); err != nil {
		return err
	}
	for _, end := range []io.Closer{sendBelow, sendFate, told} {
		_ = end.Close() // always nil
	}
	pids, err := below.Recv(ctx)
	defer func() { killLeft(pids[:]) }() // nobody else would end them
	if err != nil {
		return cmp.Or(p.Join(ctx), err)
	}
	c.printf("Fault   : ignore-term, the daemon, pid=%d, ignores SIGTERM", pids[0])
	f, err := fates.Recv(ctx)
	if err != nil {
		return cmp.Or(p.Join(ctx), err)
	}
	pids[0] = 0
	_ = tell.Close() // always nil
	if err := p.Join(ctx); err != nil {
		return err
	}
	pids[1] = 0
	c.tellStubborn(f, p)
	return nil
}

// tellStubborn says how the daemon ended, and how the main program.
func (c *noBgCommand) tellStubborn(f fate, p *ipc.Process) {
	how := "it ended by itself"
	if f.Code < 0 {
		how = "signal " + syscall.Signal(-f.Code).String() + " ended it"
	}
	c.tell("Seen", "%s was sent SIGTERM, and %s, %v after the last line of the main program: exit code %d. "+
		"Then the %s.", f.Name, how, f.Took.Round(time.Millisecond), f.Code, howEnded(p))
	c.tell("Python", pythonIgnoreTerm)
}
