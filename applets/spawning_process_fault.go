package applets

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

// What Python does when a process is killed, and when an exception ends it.
const (
	pythonKilled = "exitcode is -9 there too, but join() returns None and raises nothing: a program " +
		"that does not look at exitcode never learns of it."
	pythonRaised = "an exception is a trace on the child's stderr, and exitcode 1. join() raises nothing, " +
		"and no exception object comes to the parent."
)

// whatPythonDoes is for the faults that hit one of several processes.
func whatPythonDoes(how string) string {
	if how == "panic" {
		return pythonRaised
	}
	return pythonKilled
}

// victim draws which of so many processes is hit, not the last if there is
// another, and before which of the lines that it prints: number i prints i+1.
func (s Seeded) victim(processes int, how string) (int, mishap) {
	dice := s.dice()
	i := dice.IntN(max(1, processes-1))
	return i, mishap{how, dice.IntN(i + 1)}
}

// runFaulty is Run, but one of the processes has a mishap, and the next is
// started whatever has become of it.
func (c *spawningCommand) runFaulty(ctx context.Context) error {
	victim, mishap := c.victim(int(c.Processes), *c.Fault)
	var started []*ipc.Process
	for i := range int(c.Processes) {
		args := myFuncArgs{Common: c.Common, I: i}
		if i == victim {
			args.Mishap = mishap
		}
		p := ipc.NewProcess(myFuncTarget, args)
		args.Mishap.hit(p)
		if err := p.Start(); err != nil {
			return err
		}
		started = append(started, p)
		if !c.Parallel {
			_ = p.Join(ctx) // told by reckon, which joins it again
		}
	}
	return c.reckon(ctx, whatPythonDoes(*c.Fault), started...)
}
