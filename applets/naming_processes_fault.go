package applets

import (
	"cmp"
	"context"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

const pythonStopped = "the same, for it is the system's doing: is_alive() is True, join() waits. But set() of an " +
	"Event does not return there before the stopped process, if it waits for the Event, is continued."

// toldArgs are for processes that exit when they are told to, all by one Event.
type toldArgs struct {
	Common
	Begun *ipc.Sender[bool]
	Exit  *ipc.Event
}

var sayNameUntilToldTarget = ipc.NewTarget(sayNameUntilTold)

func sayNameUntilTold(ctx context.Context, args toldArgs) error {
	goOnWithoutParent()
	name := ipc.CurrentProcess().Name
	args.printf("Starting process name = %s", name)
	if err := args.Begun.Send(ctx, true); err != nil {
		return err
	}
	ctx, cancel := untilOrphaned(ctx)
	defer cancel()
	if err := args.Exit.Wait(ctx); err != nil {
		return err
	}
	args.printf("Exiting process name = %s", name)
	return nil
}

// runStop stops one of the two processes while it waits. It is still there, but
// does nothing, until it is continued.
func (c *namingCommand) runStop(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx, 10)
	defer cancel()
	exit, err := ipc.NewEvent()
	if err != nil {
		return err
	}
	both, err := c.startTold(ctx, exit)
	if err != nil {
		return err
	}
	i := c.dice().IntN(2)
	stopped, other := both[i], both[1-i]
	if err := c.halt(ctx, stopped); err != nil {
		return err
	}
	defer func() { _ = goOn(stopped) }() // so that it can end, whatever ends us
	c.printf("Fault   : stop, %s is stopped by SIGSTOP", stopped.Name)
	begin := time.Now()
	exit.Set()
	took := time.Since(begin)
	_ = other.Join(ctx) // its exit code tells
	if err := c.pause(ctx, 3); err != nil {
		return err
	}
	alive, stood := stopped.IsAlive(), time.Since(begin)
	c.printf("Fault   : over, %s is continued by SIGCONT", stopped.Name)
	if err := goOn(stopped); err != nil {
		return err
	}
	if err := joinAll(ctx, both...); err != nil {
		return err
	}
	c.tell("Seen", "Event.Set, which both waited for, returned after %v. %s. %s did nothing for %v: alive=%t, "+
		"no exit code. Then it was continued: %s.", took.Round(time.Microsecond), howEnded(other),
		stopped.Name, stood.Round(time.Millisecond), alive, howEnded(stopped))
	c.tell("Python", pythonStopped)
	return nil
}

// startTold starts both processes, the second when the first has begun.
func (c *namingCommand) startTold(ctx context.Context, exit *ipc.Event) (both []*ipc.Process, err error) {
	for i := range 2 {
		begun, begin, err := ipc.OneWay[bool]()
		if err != nil {
			return nil, err
		}
		p := ipc.NewProcess(sayNameUntilToldTarget, toldArgs{c.Common, begin, exit})
		if i == 0 {
			p.Name = c.Name
		}
		if err := p.Start(); err != nil {
			return nil, err
		}
		_ = begin.Close() // always nil
		if _, err := begun.Recv(ctx); err != nil {
			return nil, cmp.Or(p.Join(ctx), err)
		}
		both = append(both, p)
	}
	return both, nil
}
