package applets

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

type subclassCommand struct {
	Fault *string `help:"What goes wrong: panic, one of the ten panics in Run." enum:"panic" placeholder:"HOW"`
	Seeded
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
	Mishap mishap
}

var myProcessTarget = ipc.TargetOf[MyProcess]()

// Run is what the process does.
func (p MyProcess) Run(context.Context) error {
	p.Mishap.strike(p.Common, 0, "")
	p.printf("called run method in %s", ipc.CurrentProcess().Name)
	return nil
}

func (c *subclassCommand) Run(ctx context.Context) error {
	if c.Fault != nil {
		return c.runPanic(ctx)
	}
	for range 10 {
		p := ipc.NewProcess(myProcessTarget, MyProcess{Common: c.Common})
		if err := p.Start(); err != nil {
			return err
		}
		if err := p.Join(ctx); err != nil {
			return err
		}
	}
	return nil
}
