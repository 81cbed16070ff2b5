package applets

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

type subclassCommand struct {
	Common
}

func (c *subclassCommand) Help() string {
	return `Starts ten processes of a type with a Run method of its own, one after the
other. Go has no subclasses: a type that has the method is enough.

Examples:

  mpbox process_in_subclass
  mpbox process_in_subclass --pids`
}

// MyProcess is a process by its Run method. Its fields are the arguments.
type MyProcess struct {
	Common
}

var myProcessTarget = ipc.TargetOf[MyProcess]()

// Run is what the process does.
func (p MyProcess) Run(context.Context) error {
	p.printf("called run method in %s", ipc.CurrentProcess().Name)
	return nil
}

func (c *subclassCommand) Run(ctx context.Context) error {
	for range 10 {
		p := ipc.NewProcess(myProcessTarget, MyProcess{c.Common})
		if err := p.Start(); err != nil {
			return err
		}
		if err := p.Join(ctx); err != nil {
			return err
		}
	}
	return nil
}
