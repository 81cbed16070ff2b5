package applets

import (
	"cmp"
	"context"

	"github.com/mpbox/mpbox/ipc"
)

type spawningCommand struct {
	Processes Number  `help:"How many processes to start, 1 to 1000." default:"6"`
	Parallel  bool    `help:"Start all of them, then join all of them."`
	Fault     *string `help:"What goes wrong in one of them: kill or panic." enum:"kill,panic" placeholder:"HOW"`
	Seeded
	Common
}

func (c *spawningCommand) Help() string {
	return `Starts processes one after the other: start, join, next. Process number i runs
myFunc(i), which prints the numbers from 0 to i.

Examples:

  mpbox spawning_process --pids
  mpbox spawning_process --processes 3 --parallel`
}

func (c *spawningCommand) Validate() error {
	return cmp.Or(c.Common.Validate(), between("--processes", c.Processes, 1, 1000))
}

type myFuncArgs struct {
	Common
	I      int
	Mishap mishap
}

var myFuncTarget = ipc.NewTarget(myFunc)

func myFunc(_ context.Context, args myFuncArgs) error {
	args.printf("calling myFunc from process n°: %d", args.I)
	for j := range args.I + 1 {
		args.Mishap.strike(args.Common, j, "output")
		args.printf("output from myFunc is :%d", j)
	}
	return nil
}

func (c *spawningCommand) Run(ctx context.Context) error {
	if c.Fault != nil {
		return c.runFaulty(ctx)
	}
	var started []*ipc.Process
	for i := range int(c.Processes) {
		p := ipc.NewProcess(myFuncTarget, myFuncArgs{Common: c.Common, I: i})
		if err := p.Start(); err != nil {
			return err
		}
		started = append(started, p)
		if c.Parallel {
			continue
		}
		if err := p.Join(ctx); err != nil {
			return err
		}
	}
	return joinAll(ctx, started...)
}
