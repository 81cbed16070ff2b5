package applets

import (
	"cmp"
	"context"

	"github.com/mpbox/mpbox/ipc"
)

type noBgCommand struct {
	Flip  bool    `help:"Set the daemon attribute on the other process."`
	Fault *string `help:"What goes wrong: ignore-term, the daemon ignores SIGTERM." enum:"ignore-term" placeholder:"HOW"`
	Common
}

func (c *noBgCommand) Help() string {
	return `Starts two processes that print a number a step, one of them with the daemon
attribute. The main program ends when that one has printed two of its five: it
is cut off, the other completes.

Examples:

  mpbox no_bg_process
  mpbox no_bg_process --flip`
}

type cutOffArgs struct {
	Common
	First int
	Two   *ipc.Sender[bool] // the daemon sends on it when it has printed two
	Fault *ignoredTerm      // nil: none
}

var printUntilEndTarget = ipc.NewTarget(printUntilEnd)

// printUntilEnd prints five numbers, one a step, if it is let.
func printUntilEnd(ctx context.Context, args cutOffArgs) error {
	me := ipc.CurrentProcess()
	args.Fault.begin(me)
	args.printf("Starting %s", me.Name)
	for i := range 5 {
		args.printf("---> %d", args.First+i)
		if i == 1 && me.Daemon {
			if err := args.Two.Send(ctx, true); err != nil {
				return err
			}
		}
		if err := args.pause(ctx, 1); err != nil {
			return err
		}
	}
	if err := args.Fault.wait(ctx, me); err != nil {
		return err
	}
	args.printf("Exiting %s", me.Name)
	args.printf("%s: daemon=%t, came to its end", me.Name, me.Daemon)
	return nil
}

func (c *noBgCommand) Run(ctx context.Context) error {
	if c.Fault != nil {
		return c.runIgnoreTerm(ctx)
	}
	two, sayTwo, err := ipc.OneWay[bool]()
	if err != nil {
		return err
	}
	background := ipc.NewProcess(printUntilEndTarget, cutOffArgs{c.Common, 0, sayTwo, nil})
	background.Name = "background_process"
	other := ipc.NewProcess(printUntilEndTarget, cutOffArgs{c.Common, 5, sayTwo, nil})
	other.Name = "NO_background_process"
	daemon := background
	if c.Flip {
		daemon = other
	}
	daemon.Daemon = true

	if err := c.startApart(ctx, background, other); err != nil {
		return err
	}
	if err := sayTwo.Close(); err != nil {
		return err
	}
	if _, err := two.Recv(ctx); err != nil {
		return cmp.Or(daemon.Join(ctx), err)
	}
	if err := c.pause(ctx, 0.75); err != nil {
		return err
	}
	c.printf("The main program ends here")
	go c.tellFate(daemon)
	return nil // ipc.Main ends the daemon now, and then joins the other
}

// startApart starts them half a step apart, so that their lines come in one
// order.
func (c *noBgCommand) startApart(ctx context.Context, processes ...*ipc.Process) error {
	for _, p := range processes {
		c.printf("%s: daemon=%t", p.Name, p.Daemon)
		if err := p.Start(); err != nil {
			return err
		}
		if err := c.pause(ctx, 0.5); err != nil {
			return err
		}
	}
	return nil
}

// tellFate prints how the daemon ended. The main program is past its end then:
// there is time for it while the other process is being joined.
func (c *noBgCommand) tellFate(daemon *ipc.Process) {
	<-daemon.Sentinel()
	if code, _ := daemon.ExitCode(); code != 0 {
		c.printf("%s: daemon=%t, cut off, exit code %d", daemon.Name, daemon.Daemon, code)
	}
}
