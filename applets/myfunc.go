package applets

import (
	"cmp"
	"context"

	"github.com/mpbox/mpbox/applets/myfunc"
)

type myfuncCommand struct {
	I Number `arg:"" name:"i" help:"The last number, 0 to 100000."`
	Common
}

func (c *myfuncCommand) Help() string {
	return `Calls the helper function myFunc(i) in this process: no other is started. It
prints the numbers from 0 to I, both included.

Examples:

  mpbox myfunc 3
  mpbox myfunc 0 --pids`
}

func (c *myfuncCommand) Validate() error {
	return cmp.Or(c.Common.Validate(), between("I", c.I, 0, 100_000))
}

func (c *myfuncCommand) Run(ctx context.Context) error {
	myfunc.MyFunc(c.printf, int(c.I))
	return ctx.Err()
}
