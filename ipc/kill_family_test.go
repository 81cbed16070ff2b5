package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The places of those on whom others depend by birth: makers of objects,
// parents, and senders and receivers of handles.

// A pouch is a message with handles.
type pouch struct {
	Sender   *ipc.Sender[[]byte]
	Receiver *ipc.Receiver[[]byte]
}

var familyPlaces = []place{
	{
		object: "a handle in a message", moment: "after sending it, and having made the object",
		seen: "the handle, which works",
		set: func(t *testing.T) (ours, victims stage) {
			needMessages(t)
			a, b, err := ipc.Pipe[pouch]()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { a.Close(); b.Close() })
			return stage{Parcels: a}, stage{Parcels: b}
		},
		victim: func(ctx context.Context, s stage) error {
			r, w, err := ipc.OneWay[[]byte]()
			if err != nil {
				return err
			}
			return errors.Join(w.Send(ctx, numbered(0, short)), s.Parcels.Send(ctx, pouch{Receiver: r}))
		},
		after: func(ctx context.Context, s stage, _ way) error {
			p, err := s.Parcels.Recv(ctx)
			if err != nil {
				return fmt.Errorf("Recv() of the handle = %w", err)
			}
			defer p.Receiver.Close()
			return numberedUpTo(ctx, p.Receiver, 1)
		},
	},
	{
		object: "a handle in a message", moment: "before receiving it",
		seen: "the handle is held no more: `io.EOF`",
		set: func(t *testing.T) (ours, victims stage) {
			needMessages(t)
			a, b, err := ipc.Pipe[pouch]()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { a.Close(); b.Close() })
			r, s := channel[[]byte](t)
			if err := a.Send(context.Background(), pouch{Sender: s}); err != nil {
				t.Fatal(err)
			}
			s.Close()
			return stage{Parcels: a, Receiver: r}, stage{Parcels: b}
		},
		victim: func(context.Context, stage) error { return nil },
		others: func(ctx context.Context, s stage, _ way) error { return atEOF(ctx, s.Receiver) },
	},
	{
		object: "any", moment: "started, its target not begun", mode: unborn,
		seen: "as if it had begun: `io.EOF`; a lock is free",
		ways: func(w way) bool { return w.name == "kill" },
		set: func(t *testing.T) (ours, victims stage) {
			r, s := channel[[]byte](t)
			l := newLock(t)
			return stage{Receiver: r, Lock: l}, stage{Sender: s, Lock: l}
		},
		victim: func(context.Context, stage) error { return nil },
		others: func(ctx context.Context, s stage, _ way) error { return atEOF(ctx, s.Receiver) },
		after:  acquireFree,
		again:  lockAgain,
	},
	{
		object: "any", moment: "having made it, two others using it",
		seen: "nothing",
		ways: abrupt, // else it waits for them: they are its children
		set: func(t *testing.T) (ours, victims stage) {
			return reporting(t, stage{Event: ok(ipc.NewEvent())(t)})
		},
		victim: func(ctx context.Context, s stage) error {
			l, err := ipc.NewLock()
			v, verr := ipc.NewValue(0)
			q, qerr := ipc.NewQueue[int](1)
			if err := errors.Join(err, verr, qerr); err != nil {
				return err
			}
			a := ipc.NewProcess(partnerTarget, partner{l, v, q, true, s.Sender, s.Event})
			b := ipc.NewProcess(partnerTarget, partner{l, v, q, false, s.Sender, s.Event})
			return errors.Join(a.Start(), b.Start())
		},
		after: func(ctx context.Context, s stage, _ way) error {
			s.Event.Set()
			return numberedUpTo(ctx, s.Receiver, 2)
		},
	},
	{
		object: "any", moment: "being the parent of one that waits",
		seen: "nothing: its child goes on",
		ways: abrupt,
		set: func(t *testing.T) (ours, victims stage) {
			s, _ := lockPlaces[1].set(t)
			s.Event = ok(ipc.NewEvent())(t)
			return reporting(t, s)
		},
		victim: func(ctx context.Context, s stage) error {
			return errors.Join(ipc.NewProcess(childTarget, s).Start(), s.Event.Wait(ctx))
		},
		after: func(ctx context.Context, s stage, _ way) error {
			s.Lock.Release()
			return numberedUpTo(ctx, s.Receiver, 1)
		},
		again: lockAgain,
	},
	{
		object: "any", moment: "being the parent of a daemon that holds a lock",
		seen: "its daemon dies too: `ErrOwnerDied`",
		set: func(t *testing.T) (ours, victims stage) {
			return reporting(t, stage{Lock: newLock(t), Event: ok(ipc.NewEvent())(t)})
		},
		victim: func(ctx context.Context, s stage) error {
			p := ipc.NewProcess(childTarget, s)
			p.Daemon = true
			return errors.Join(p.Start(), s.Event.Wait(ctx))
		},
		others: func(ctx context.Context, s stage, _ way) error { return inherit(ctx, s.Lock) },
		again:  lockAgain,
	},
}

// reporting adds a pipe on which the victim's children report. It closes the
// event of s in the end.
func reporting(t *testing.T, s stage) (ours, victims stage) {
	t.Cleanup(func() { s.Event.Close() })
	r, w := channel[[]byte](t)
	ours, victims = s, s
	ours.Receiver, victims.Sender = r, w
	return ours, victims
}

// child acquires the lock, and says when it has it, or waits for it. When it
// has it and is no daemon it reports and ends; a daemon keeps it.
func child(ctx context.Context, s stage) error {
	done := make(chan error, 1)
	go func() { done <- acquireAsChild(ctx, s) }()
	sleeps("ipc_test.acquireAsChild", done)
	s.Event.Set()
	if err := <-done; err != nil {
		return err
	}
	if ipc.CurrentProcess().Daemon {
		<-ctx.Done()
	}
	s.Lock.Release()
	return s.Sender.Send(ctx, numbered(0, short))
}

func acquireAsChild(ctx context.Context, s stage) error { return s.Lock.Acquire(ctx) }

// A partner plays with another one until it is told that the maker of what
// they play with is dead, and for a while after that.
type partner struct {
	Lock   *ipc.Lock
	Value  *ipc.Value[int]
	Queue  *ipc.Queue[int]
	Serves bool
	Report *ipc.Sender[[]byte]
	Dead   *ipc.Event
}

func (p partner) Run(ctx context.Context) error {
	if p.Serves {
		return p.serve(ctx)
	}
	played := 0
	for n, err := range p.Queue.All(ctx) {
		if err := errors.Join(err, p.count(ctx)); err != nil || n != played {
			return fmt.Errorf("ball %d is number %d: %w", played, n, err)
		}
		played++
	}
	if n := p.Value.Load(); n != 2*played {
		return fmt.Errorf("%d strokes in %d rounds", n, played)
	}
	return p.Report.Send(ctx, numbered(1, short))
}

func (p partner) serve(ctx context.Context) error {
	for n, more := 0, 100; more > 0; n++ {
		if p.Dead.IsSet() {
			more--
		}
		if err := errors.Join(p.count(ctx), p.Queue.Put(ctx, n)); err != nil {
			return err
		}
	}
	// First, so that this is the first report.
	return errors.Join(p.Report.Send(ctx, numbered(0, short)), p.Queue.Close())
}

// count counts a stroke, in two steps.
func (p partner) count(ctx context.Context) error {
	if err := p.Lock.Acquire(ctx); err != nil {
		return err
	}
	defer p.Lock.Release()
	p.Value.Store(p.Value.Load() + 1)
	return nil
}

var (
	childTarget   = ipc.NewTarget(child)
	partnerTarget = ipc.TargetOf[partner]()
)
