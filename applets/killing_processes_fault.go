package applets

import (
	"context"
	"errors"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

const (
	pythonSurvives = "the same: terminate() has no effect, kill() has. With fork, a child also has the " +
		"handler for SIGTERM that its parent has set: then it survives terminate() without meaning to."
	pythonPending = "the same, for it is the system's doing: after terminate(), join() waits until somebody " +
		"continues the process. kill() needs nobody."
)

// Validate refuses what leaves no SIGTERM for the fault.
func (c *killingCommand) Validate() error {
	if c.Fault != nil && c.Kill {
		return errors.New("--fault is about SIGTERM: it can't be had with --kill")
	}
	return c.Common.Validate()
}

var longFooTarget = ipc.NewTarget(longFoo)

// longFoo is foo, which works longer here, as more is done to it, and leaves
// nothing behind if its parent is killed meanwhile.
func longFoo(ctx context.Context, args fooArgs) error {
	goOnWithoutParent()
	ctx, cancel := untilOrphaned(ctx)
	defer cancel()
	args.Step = max(args.Step, time.Second)
	return foo(ctx, args)
}

func (c *killingCommand) runFaulty(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx, 30)
	defer cancel()
	if *c.Fault == "stop" {
		return c.runStop(ctx)
	}
	c.IgnoreTerm = true
	c.printf("Fault   : ignore-term, the process ignores SIGTERM")
	p, err := c.begin(ctx, longFooTarget)
	if err != nil {
		return err
	}
	if err := c.end(ctx, p); err != nil {
		return err
	}
	if err := c.join(ctx, p); err != nil {
		return err
	}
	c.tell("Seen", "%s: not SIGTERM, which came first, but what came a step later.", howEnded(p))
	c.tell("Python", pythonSurvives)
	return nil
}

// runStop terminates a process that is stopped, and kills another one.
func (c *killingCommand) runStop(ctx context.Context) error {
	first, err := c.beginStopped(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = goOn(first) }() // so that it can end, whatever ends us
	if err := first.Terminate(); err != nil {
		return err
	}
	begin := time.Now()
	c.show("terminated", first)
	if err := c.pause(ctx, 1); err != nil {
		return err
	}
	c.show("a step later", first)
	alive, pending := first.IsAlive(), time.Since(begin)
	if err := goOn(first); err != nil {
		return err
	}
	c.show("continued", first)
	if err := c.join(ctx, first); err != nil {
		return err
	}
	second, err := c.beginStopped(ctx)
	if err != nil {
		return err
	}
	if err := second.Kill(); err != nil {
		return err
	}
	c.show("killed", second)
	if err := c.join(ctx, second); err != nil {
		return err
	}
	c.tell("Seen", "%v after SIGTERM: alive=%t. Then came SIGCONT, and %s. %s while it was stopped: "+
		"SIGKILL does not wait for SIGCONT.", pending.Round(time.Millisecond), alive, howEnded(first), howEnded(second))
	c.tell("Python", pythonPending)
	return nil
}

// beginStopped starts a process and stops it at its work.
func (c *killingCommand) beginStopped(ctx context.Context) (*ipc.Process, error) {
	p, err := c.begin(ctx, longFooTarget)
	if err != nil {
		return nil, err
	}
	if err := c.halt(ctx, p); err != nil {
		return nil, err
	}
	c.printf("Fault   : stop, %s is stopped by SIGSTOP", p.Name)
	c.show("stopped", p)
	return p, nil
}
