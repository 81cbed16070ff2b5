package applets

import (
	"cmp"
	"context"

	"github.com/mpbox/mpbox/applets/myfunc"
	"github.com/mpbox/mpbox/ipc"
)

type namespaceCommand struct {
	Processes Number  `help:"How many processes to start, 1 to 1000." default:"6"`
	Fault     *string `help:"What goes wrong in one of them: kill or panic." enum:"kill,panic" placeholder:"HOW"`
	Seeded
	Common
}

func (c *namespaceCommand) Help() string {
	return `Starts processes that run a function of another package, each with arguments
of its own, and then joins them all. They run side by side: their lines mix,
but each line is whole.

Examples:

  mpbox spawning_process_namespace --pids
  mpbox spawning_process_namespace --processes 2`
}

func (c *namespaceCommand) Validate() error {
	return cmp.Or(c.Common.Validate(), between("--processes", c.Processes, 1, 1000))
}

// namespaceArgs is what travels to a child: any struct of exported fields.
type namespaceArgs struct {
	Common
	I      int
	Mishap mishap
}

var importedTarget = ipc.NewTarget(imported)

// imported hands the arguments to the function of the other package.
func imported(_ context.Context, args namespaceArgs) error {
	myfunc.MyFunc(args.faulty(args.printf), args.I)
	return nil
}

func (c *namespaceCommand) Run(ctx context.Context) error {
	if c.Fault != nil {
		return c.runFaulty(ctx)
	}
	var processes []*ipc.Process
	for i := range int(c.Processes) {
		args := namespaceArgs{Common: c.Common, I: i}
		processes = append(processes, ipc.NewProcess(importedTarget, args))
	}
	if err := startAll(processes...); err != nil {
		return err
	}
	return joinAll(ctx, processes...)
}
