package applets

import (
	"context"
	"os"

	"github.com/mpbox/mpbox/ipc"
)

type noDermonCommand struct {
	NoWait bool    `help:"Leave the main program at once: the processes outlive it."`
	Fault  *string `help:"What goes wrong: kill, one of the two is killed." enum:"kill" placeholder:"HOW"`
	Seeded
	Common
}

func (c *noDermonCommand) Help() string {
	return `Starts two processes, neither of them a daemon. The main program has nothing
more to do, but waits until both are finished; with --no-wait it leaves at
once, and they run on to their end as children of another process.

Examples:

  mpbox run_bgprocess_no_dermon
  mpbox run_bgprocess_no_dermon --no-wait --pids`
}

type numbersArgs struct {
	Common
	First  int
	Mishap mishap
}

var printNumbersTarget = ipc.NewTarget(printNumbers)

// printNumbers prints five numbers, one a step.
func printNumbers(ctx context.Context, args numbersArgs) error {
	name := ipc.CurrentProcess().Name
	args.printf("Starting %s", name)
	for i := range 5 {
		args.Mishap.strike(args.Common, args.First+i, "number")
		args.printf("---> %d", args.First+i)
		if err := args.pause(ctx, 1); err != nil {
			return err
		}
	}
	args.printf("Exiting %s", name)
	if before, now := ipc.ParentProcess().Pid(), os.Getppid(); now != before {
		args.printf("%s: its parent was %d and is now %d", name, before, now)
	}
	return nil
}

func (c *noDermonCommand) Run(ctx context.Context) error {
	one, two := c.mishaps()
	background := ipc.NewProcess(printNumbersTarget, numbersArgs{c.Common, 0, one})
	background.Name = "background_process"
	other := ipc.NewProcess(printNumbersTarget, numbersArgs{c.Common, 5, two})
	other.Name = "NO_background_process"

	if err := background.Start(); err != nil {
		return err
	}
	// Half a step apart, their lines come in one order.
	if err := c.pause(ctx, 0.5); err != nil {
		return err
	}
	if err := other.Start(); err != nil {
		return err
	}
	if c.NoWait {
		c.printf("The main program leaves at once")
		os.Exit(0)
	}
	c.printf("The main program ends here, and waits for both")
	if c.Fault != nil {
		return c.reckon(ctx, pythonKilledAside, background, other)
	}
	return nil // nobody calls Join: ipc.Main does
}
