package applets

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/mpbox/mpbox/ipc"
)

type pipeCommand struct {
	Count Number  `help:"How many numbers to send, 0 to 100000." default:"10"`
	Fault *string `help:"What goes wrong: kill, the process that squares is killed; forget-close, the main program does not close its copy of a sending end." enum:"kill,forget-close" placeholder:"HOW"`
	Seeded
	Common
}

func (c *pipeCommand) Help() string {
	return `Starts two processes, joined by two pipes. The first sends the numbers from 0
on into the first pipe; the second receives them and sends their squares into
the second pipe, from which the main process prints them, up to the end of
file.

Examples:

  mpbox communicating_with_pipe
  mpbox communicating_with_pipe --count 1e3`
}

func (c *pipeCommand) Validate() error {
	if c.Fault != nil && c.Count < 2 {
		return errors.New("--fault needs two numbers or more")
	}
	return cmp.Or(c.Common.Validate(), between("--count", c.Count, 0, 100_000))
}

type createArgs struct {
	Count int
	Out   *ipc.Sender[int]
	Fault *pipeFault // nil: none
}

var createItemsTarget = ipc.NewTarget(createItems)

// createItems sends the numbers into the first pipe.
func createItems(ctx context.Context, args createArgs) error {
	for item := range args.Count {
		args.Fault.wait(ctx, item)
		if err := args.Out.Send(ctx, item); err != nil {
			return err
		}
	}
	return args.Out.Close()
}

type multiplyArgs struct {
	In    *ipc.Receiver[int]
	Out   *ipc.Sender[int]
	Fault *pipeFault
}

var multiplyItemsTarget = ipc.NewTarget(multiplyItems)

// multiplyItems squares what comes from the first pipe into the second.
func multiplyItems(ctx context.Context, args multiplyArgs) error {
	for item, err := range args.In.All(ctx) {
		if err != nil {
			return err
		}
		args.Fault.strike(item)
		if err := args.Out.Send(ctx, item*item); err != nil {
			return err
		}
	}
	return args.Out.Close()
}

func (c *pipeCommand) Run(ctx context.Context) error {
	if c.Fault != nil {
		return c.runFaulty(ctx)
	}
	in1, out1, err := ipc.OneWay[int]()
	if err != nil {
		return err
	}
	in2, out2, err := ipc.OneWay[int]()
	if err != nil {
		return err
	}
	create := ipc.NewProcess(createItemsTarget, createArgs{int(c.Count), out1, nil})
	multiply := ipc.NewProcess(multiplyItemsTarget, multiplyArgs{in1, out2, nil})
	if err := startAll(create, multiply); err != nil {
		return err
	}
	// End of file comes when no process is left that could send, and this one
	// could, until it closes its own copies of the ends.
	for _, end := range []io.Closer{out1, in1, out2} {
		if err := end.Close(); err != nil {
			return err
		}
	}
	if err := c.printAll(ctx, in2); err != nil {
		return err
	}
	return joinAll(ctx, create, multiply)
}

func (c *pipeCommand) printAll(ctx context.Context, in *ipc.Receiver[int]) error {
	for {
		item, err := in.Recv(ctx)
		if err == io.EOF {
			c.printf("End")
			return in.Close()
		}
		if err != nil {
			return err
		}
		c.printf("%d", item)
	}
}
