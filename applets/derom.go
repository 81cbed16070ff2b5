package applets

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

type deromCommand struct {
	Fault *string `help:"What goes wrong: kill-main, the main program is killed." enum:"kill-main" placeholder:"HOW"`
	Common
}

func (c *deromCommand) Help() string {
	return `Starts a daemon, whose heart would beat for ever, and a process that is none,
with work for six steps. The main program ends in the middle: the daemon is
ended with it, the other is waited for.

Examples:

  mpbox derom
  mpbox derom --step 1s --pids`
}

type deromArgs struct {
	Common
	Begun *ipc.Sender[bool]
	Fault *killedMain // nil: none
}

var heartbeatTarget = ipc.NewTarget(heartbeat)

// heartbeat never returns by itself.
func heartbeat(ctx context.Context, args deromArgs) error {
	args.printf("Starting daemon process")
	for beat := 1; ; beat++ {
		args.printf("daemon: heartbeat %d", beat)
		if beat == 1 {
			if err := args.Begun.Send(ctx, true); err != nil {
				return err
			}
		}
		if err := args.pause(ctx, 1); err != nil {
			return err
		}
	}
}

var workTarget = ipc.NewTarget(work)

func work(ctx context.Context, args deromArgs) error {
	args.printf("Starting non-daemon process")
	if err := args.Begun.Send(ctx, true); err != nil {
		return err
	}
	for part := range 6 {
		if err := args.pause(ctx, 1); err != nil {
			return err
		}
		if err := args.Fault.wait(ctx, part); err != nil {
			return err
		}
		args.printf("non-daemon: part %d of 6 is done", part+1)
	}
	args.printf("Exiting non-daemon process")
	return args.Fault.done(ctx)
}

func (c *deromCommand) Run(ctx context.Context) error {
	if c.Fault != nil {
		return c.runKillMain(ctx)
	}
	begun, begin, err := ipc.OneWay[bool]()
	if err != nil {
		return err
	}
	daemon := ipc.NewProcess(heartbeatTarget, deromArgs{c.Common, begin, nil})
	daemon.Name = "daemon"
	daemon.Daemon = true
	worker := ipc.NewProcess(workTarget, deromArgs{c.Common, begin, nil})
	worker.Name = "non-daemon"
	if err := startAll(daemon, worker); err != nil {
		return err
	}
	if err := begin.Close(); err != nil {
		return err
	}
	for range 2 { // however long the machine takes to start them
		if _, err := begun.Recv(ctx); err != nil {
			return err
		}
	}
	if err := c.pause(ctx, 2.5); err != nil {
		return err
	}
	c.printf("The main program ends here")
	return nil // ipc.Main ends the daemon now, and then joins the other
}
