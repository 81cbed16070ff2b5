package ipc_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The places where processes wait for each other.

var meetingPlaces = []place{
	{
		object: "Event", moment: "in `Wait`", mode: asleep,
		seen:   "nothing: `Set` returns at once and wakes the others",
		set:    events,
		victim: func(ctx context.Context, s stage) error { return s.Event.Wait(ctx) },
		others: func(ctx context.Context, s stage, _ way) error { return s.Event.Wait(ctx) },
		after:  func(_ context.Context, s stage, _ way) error { s.Event.Set(); return nil },
		again:  eventAgain,
	},
	{
		object: "Event", moment: "after `Set`",
		seen:   "the event stays set",
		set:    events,
		victim: func(_ context.Context, s stage) error { s.Event.Set(); return nil },
		others: func(ctx context.Context, s stage, _ way) error { return s.Event.Wait(ctx) },
		after:  func(ctx context.Context, s stage, _ way) error { return s.Event.Wait(ctx) },
		again:  eventAgain,
	},
	{
		object: "Event", moment: "setting and clearing it", mode: moving,
		seen: "the event is set or it is not, and works",
		set:  events,
		victim: func(_ context.Context, s stage) error {
			for {
				s.Event.Set()
				s.Event.Clear()
			}
		},
		again: eventAgain,
	},
	{
		object: "Barrier", moment: "before `Wait`",
		seen:   "`ErrBrokenBarrier`; if it has left in good order they go on waiting",
		set:    barriers(2),
		victim: func(context.Context, stage) error { return nil },
		others: func(ctx context.Context, s stage, w way) error { return meetAt(ctx, s, w.clean) },
		after:  meetAfter,
		again:  barrierAgain,
	},
	{
		object: "Barrier", moment: "in `Wait`", mode: asleep,
		seen:   "`ErrBrokenBarrier`",
		set:    barriers(3),
		victim: func(ctx context.Context, s stage) error { return meetAt(ctx, s, true) },
		others: func(ctx context.Context, s stage, _ way) error { return meetAt(ctx, s, false) },
		after:  func(ctx context.Context, s stage, _ way) error { return meetAfter(ctx, s, way{}) },
		again:  barrierAgain,
	},
	{
		object: "Barrier", moment: "in its action", mode: moving,
		seen: "`ErrBrokenBarrier`",
		set: func(t *testing.T) (ours, victims stage) {
			b := ok(ipc.NewBarrier(2, actTarget))(t)
			t.Cleanup(func() { b.Close() })
			e := ok(ipc.NewEvent())(t)
			t.Cleanup(func() { e.Close() })
			return shared(stage{Barrier: b, Event: e})
		},
		victim: func(ctx context.Context, s stage) error {
			actsIn = s
			until(func() bool { return s.Barrier.Waiting() == 1 }, func() {}) // it is the last one
			return meetAt(ctx, s, true)
		},
		others: func(ctx context.Context, s stage, _ way) error { return meetAt(ctx, s, false) },
		before: func(ctx context.Context, s stage) error { return s.Event.Wait(ctx) },
		again:  barrierAgain,
	},
	{
		object: "Barrier", moment: "after `Wait`",
		seen: "`ErrBrokenBarrier` in the next round; if it has left in good order, nothing",
		set: func(t *testing.T) (ours, victims stage) {
			ours, victims = barriers(2)(t)
			go func() { _, _ = ours.Barrier.Wait(context.Background()) }()
			return ours, victims
		},
		victim: func(ctx context.Context, s stage) error { return meetAt(ctx, s, true) },
		others: func(ctx context.Context, s stage, w way) error { return meetAt(ctx, s, w.clean) },
		after:  meetAfter,
		again:  barrierAgain,
	},
	{
		object: "Barrier", moment: "going round after round", mode: moving,
		seen: "`ErrBrokenBarrier`, all of them after the same number of rounds or one more",
		ways: abrupt, // else it may have left between two rounds
		set:  barriers(3),
		victim: func(ctx context.Context, s stage) error {
			for {
				if err := meetAt(ctx, s, true); err != nil {
					return err
				}
			}
		},
		others: func(ctx context.Context, s stage, _ way) error {
			one, two := make(chan int), make(chan int)
			for _, rounds := range []chan int{one, two} {
				go func() {
					n := 0
					for meetAt(ctx, s, true) == nil {
						n++
					}
					rounds <- n
				}()
			}
			if a, b := <-one, <-two; a != b {
				return fmt.Errorf("one has passed %d rounds, the other %d", a, b)
			}
			return want("Wait()", meetAt(ctx, s, false), nil)
		},
		again: barrierAgain,
	},
}

func events(t *testing.T) (ours, victims stage) {
	e := ok(ipc.NewEvent())(t)
	t.Cleanup(func() { e.Close() })
	return shared(stage{Event: e})
}

func eventAgain(ctx context.Context, s stage) error {
	s.Event.Clear()
	waited := make(chan error, 1)
	go func() { waited <- await(ctx, s) }()
	if !sleeps("ipc_test.await", waited) {
		return fmt.Errorf("Wait() for an event that is not set = %v", <-waited)
	}
	s.Event.Set()
	return want("Wait()", <-waited, nil)
}

func await(ctx context.Context, s stage) error { return s.Event.Wait(ctx) }

func barriers(parties int) func(t *testing.T) (ours, victims stage) {
	return func(t *testing.T) (ours, victims stage) { return shared(stage{Barrier: newBarrier(t, parties)}) }
}

// actsIn is the stage of the process whose barrier has the action act.
var actsIn stage

// act says that it has begun, in the victim, and does not end there.
func act(context.Context, ipc.None) error {
	if actsIn.Event != nil {
		actsIn.Event.Set()
		select {}
	}
	return nil
}

var actTarget = ipc.NewTarget(act)

// meetAt waits at the barrier, which is whole or not.
func meetAt(ctx context.Context, s stage, whole bool) error {
	_, err := s.Barrier.Wait(ctx)
	if whole {
		return want("Wait()", err, nil)
	}
	return want("Wait()", err, ipc.ErrBrokenBarrier)
}

// meetAfter waits at a barrier that is whole, or as soon as somebody has found
// that it is not: until then the others could pass it without the dead one.
func meetAfter(ctx context.Context, s stage, w way) error {
	if !w.clean {
		until(s.Barrier.Broken, func() {})
	}
	return meetAt(ctx, s, w.clean)
}

// barrierAgain makes it whole if it is broken, and has all parties pass.
func barrierAgain(ctx context.Context, s stage) error {
	if s.Barrier.Broken() {
		s.Barrier.Reset()
	}
	n := s.Barrier.Parties()
	passed := make(chan error, n)
	for range n {
		go func() { passed <- meetAt(ctx, s, true) }()
	}
	for range n {
		if err := <-passed; err != nil {
			return err
		}
	}
	return nil
}
