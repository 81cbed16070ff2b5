package applets

import (
	"context"
	"fmt"
	"slices"
	"unicode"

	"github.com/mpbox/mpbox/ipc"
)

type namingCommand struct {
	Name  string  `help:"The name of the first process." default:"myFunc process"`
	Fault *string `help:"What goes wrong: stop, one of the two is stopped for a while." enum:"stop" placeholder:"HOW"`
	Seeded
	Common
}

func (c *namingCommand) Help() string {
	return `Starts one process with a name, and one without: it is called Process-2, as it
is the second. Each asks in its own process what it is called, when it starts
and when it exits.

Examples:

  mpbox naming_processes
  mpbox naming_processes --name "the first one" --pids`
}

func (c *namingCommand) Validate() error {
	if c.Name == "" || len(c.Name) > 200 || slices.ContainsFunc([]rune(c.Name), unicode.IsControl) {
		return fmt.Errorf("--name must be 1 to 200 bytes without control characters, not %.20q", c.Name)
	}
	return c.Common.Validate()
}

var sayNameTarget = ipc.NewTarget(sayName)

func sayName(ctx context.Context, c Common) error {
	name := ipc.CurrentProcess().Name
	c.printf("Starting process name = %s", name)
	if err := c.pause(ctx, 3); err != nil {
		return err
	}
	c.printf("Exiting process name = %s", name)
	return nil
}

func (c *namingCommand) Run(ctx context.Context) error {
	if c.Fault != nil {
		return c.runStop(ctx)
	}
	withName := ipc.NewProcess(sayNameTarget, c.Common)
	withName.Name = c.Name
	withDefaultName := ipc.NewProcess(sayNameTarget, c.Common)

	if err := withName.Start(); err != nil {
		return err
	}
	// The second starts a step later, so that the lines come in one order.
	if err := c.pause(ctx, 1); err != nil {
		return err
	}
	if err := withDefaultName.Start(); err != nil {
		return err
	}
	return joinAll(ctx, withName, withDefaultName)
}
