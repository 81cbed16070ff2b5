package applets

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

// runFaulty is Run, but one of the processes has a mishap.
func (c *namespaceCommand) runFaulty(ctx context.Context) error {
	victim, mishap := c.victim(int(c.Processes), *c.Fault)
	var processes []*ipc.Process
	for i := range int(c.Processes) {
		args := namespaceArgs{Common: c.Common, I: i}
		if i == victim {
			args.Mishap = mishap
		}
		p := ipc.NewProcess(importedTarget, args)
		args.Mishap.hit(p)
		processes = append(processes, p)
	}
	if err := startAll(processes...); err != nil {
		return err
	}
	return c.reckon(ctx, whatPythonDoes(*c.Fault), processes...)
}

// faulty returns a function that prints, for the function of the other package,
// which knows of no mishap: it comes before a line, the first of which has no
// number.
func (args namespaceArgs) faulty(printf func(string, ...any)) func(string, ...any) {
	line := -1
	return func(format string, values ...any) {
		args.Mishap.strike(args.Common, line, "output")
		line++
		printf(format, values...)
	}
}
