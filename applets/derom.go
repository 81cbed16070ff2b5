package applets

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

type deromCommand struct {
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

var heartbeatTarget = ipc.NewTarget(heartbeat)

// heartbeat never returns by itself.
func heartbeat(ctx context.Context, c Common) error {
	c.printf("Starting daemon process")
	for beat := 1; ; beat++ {
		c.printf("daemon: heartbeat %d", beat)
		if err := c.pause(ctx, 1); err != nil {
			return err
		}
	}
}

var workTarget = ipc.NewTarget(work)

func work(ctx context.Context, c Common) error {
	c.printf("Starting non-daemon process")
	for part := range 6 {
		if err := c.pause(ctx, 1); err != nil {
			return err
		}
		c.printf("non-daemon: part %d of 6 is done", part+1)
	}
	c.printf("Exiting non-daemon process")
	return nil
}

func (c *deromCommand) Run(ctx context.Context) error {
	daemon := ipc.NewProcess(heartbeatTarget, c.Common)
	daemon.Name = "daemon"
	daemon.Daemon = true
	worker := ipc.NewProcess(workTarget, c.Common)
	worker.Name = "non-daemon"
	if err := startAll(daemon, worker); err != nil {
		return err
	}
	if err := c.pause(ctx, 2.5); err != nil {
		return err
	}
	c.printf("The main program ends here")
	return nil // ipc.Main ends the daemon now, and then joins the other
}
