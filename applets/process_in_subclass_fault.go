package applets

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

// runPanic is Run, but the Run method of one of the processes panics, and the
// next is started all the same.
func (c *subclassCommand) runPanic(ctx context.Context) error {
	victim := c.dice().IntN(9)
	var started []*ipc.Process
	for i := range 10 {
		args := MyProcess{Common: c.Common}
		if i == victim {
			args.Mishap.How = *c.Fault
		}
		p := ipc.NewProcess(myProcessTarget, args)
		args.Mishap.hit(p)
		if err := p.Start(); err != nil {
			return err
		}
		_ = p.Join(ctx) // told by reckon, which joins it again
		started = append(started, p)
	}
	return c.reckon(ctx, pythonRaised, started...)
}
