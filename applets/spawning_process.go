package applets

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

type spawningCommand struct {
	Processes Number `help:"How many processes to start, 1 to 1000." default:"6"`
	Parallel  bool   `help:"Start all of them, then join all of them."`
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
	return between("--processes", c.Processes, 1, 1000)
}

type myFuncArgs struct {
	Common
	I int
}

var myFuncTarget = ipc.NewTarget(myFunc)

func myFunc(_ context.Context, args myFuncArgs) error {
	args.printf("calling myFunc from process n°: %d", args.I)
	for j := range args.I + 1 {
		args.printf("output from myFunc is :%d", j)
	}
	return nil
}

func (c *spawningCommand) Run(ctx context.Context) error {
	var started []*ipc.Process
	for i := range int(c.Processes) {
		p := ipc.NewProcess(myFuncTarget, myFuncArgs{c.Common, i})
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
