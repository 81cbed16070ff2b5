package ipc_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The places of conditions.

var condPlaces = []place{
	{
		object: "Cond", moment: "in `Wait`", mode: asleep,
		seen:   "nothing: a notification that it would have got goes to another one",
		set:    conds,
		victim: waitCond,
		others: func(ctx context.Context, s stage, _ way) error { return waitCond(ctx, s) },
		after:  notifyAfter,
		again:  condAgain,
	},
	{
		object: "Cond", moment: "in `Wait` with an `RLock` held twice", mode: asleep,
		seen: "the same",
		set: func(t *testing.T) (ours, victims stage) {
			l := ok(ipc.NewRLock())(t)
			held := l // see newLock
			t.Cleanup(func() { held.Close(); held = nil })
			return shared(stage{RLock: l, Cond: newCond(t, l)})
		},
		victim: func(ctx context.Context, s stage) error {
			if err := s.RLock.Acquire(ctx); err != nil {
				return err
			}
			return waitCond(ctx, s)
		},
		others: func(ctx context.Context, s stage, _ way) error { return waitCond(ctx, s) },
		after:  notifyAfter,
		again:  condAgain,
	},
	{
		object: "Cond", moment: "notified, and waiting for the lock", mode: asleep,
		seen:   "another one is notified in its place",
		set:    conds,
		victim: waitCond,
		others: func(ctx context.Context, s stage, _ way) error { return waitCond(ctx, s) },
		before: func(ctx context.Context, s stage) error {
			if err := s.Cond.L.Acquire(ctx); err != nil {
				return err
			}
			s.Cond.Notify(1)
			return nil
		},
		after: func(_ context.Context, s stage, _ way) error { s.Cond.L.Release(); return nil },
		again: condAgain,
	},
	{
		object: "Cond", moment: "holding the lock after `Wait`", mode: asleep,
		seen: "`ErrOwnerDied` from `Wait`, with the lock",
		set: func(t *testing.T) (ours, victims stage) {
			s, _ := conds(t)
			e, _ := events(t)
			s.Event = e.Event
			return shared(s)
		},
		victim: func(ctx context.Context, s stage) error {
			if err := inTurn(
				func() error { return s.Cond.L.Acquire(ctx) },
				func() error { return s.Cond.Wait(ctx) },
			); err != nil {
				return err
			}
			s.Cond.NotifyAll()
			s.Event.Set()
			return nil
		},
		others: func(ctx context.Context, s stage, _ way) error {
			if err := s.Cond.L.Acquire(ctx); err != nil {
				return err
			}
			defer s.Cond.L.Release()
			err := s.Cond.Wait(ctx)
			if err == nil { // it was faster, and the victim notifies it once more
				err = s.Cond.Wait(ctx)
			}
			return want("Wait()", err, ipc.ErrOwnerDied)
		},
		before: func(ctx context.Context, s stage) error {
			if err := notifyCond(ctx, s, 2); err != nil {
				return err
			}
			return s.Event.Wait(ctx)
		},
		again: condAgain,
	},
	{
		object: "Cond", moment: "notifying", mode: moving,
		seen: "`ErrOwnerDied`, and the condition works",
		set:  conds,
		victim: func(ctx context.Context, s stage) error {
			if err := s.Cond.L.Acquire(ctx); err != nil {
				return err
			}
			for {
				s.Cond.NotifyAll()
			}
		},
		after: func(ctx context.Context, s stage, _ way) error {
			if err := s.Cond.L.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
				return err
			}
			s.Cond.L.Release()
			return nil
		},
		again: condAgain,
	},
}

func conds(t *testing.T) (ours, victims stage) {
	return shared(stage{Cond: newCond(t, newLock(t))})
}

// waitCond waits for a notification.
func waitCond(ctx context.Context, s stage) error {
	if err := s.Cond.L.Acquire(ctx); err != nil {
		return err
	}
	defer s.Cond.L.Release()
	return want("Wait()", s.Cond.Wait(ctx), nil)
}

// notifyAfter notifies one. A process that ends in good order closes first what
// it holds, by which a goroutine that waits comes back to the lock.
func notifyAfter(ctx context.Context, s stage, w way) error {
	if err := s.Cond.L.Acquire(ctx); err != nil && (err != ipc.ErrOwnerDied || !w.clean) {
		return fmt.Errorf("Acquire() = %w", err)
	}
	s.Cond.Notify(1)
	s.Cond.L.Release()
	return nil
}

func notifyCond(ctx context.Context, s stage, n int) error {
	if err := s.Cond.L.Acquire(ctx); err != nil {
		return fmt.Errorf("Acquire() = %w", err)
	}
	s.Cond.Notify(n)
	s.Cond.L.Release()
	return nil
}

// condAgain has one wait and another notify it.
func condAgain(ctx context.Context, s stage) error {
	waited := make(chan error, 1)
	go func() { waited <- waitCond(ctx, s) }()
	if !sleeps("ipc_test.waitCond", waited) {
		return fmt.Errorf("Wait() without a notification = %v", <-waited)
	}
	if err := notifyCond(ctx, s, 1); err != nil {
		return err
	}
	return <-waited
}
