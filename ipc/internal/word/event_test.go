package word

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
)

func TestEventIsSetAndCleared(t *testing.T) {
	for _, start := range []uint32{0, 2, math.MaxUint32 - 1, math.MaxUint32 - 3} {
		w := new(atomic.Uint32)
		w.Store(start)
		e, env := EventAt(w), alone{t, 1}
		for range 3 {
			if e.Clear(); e.IsSet() {
				t.Fatalf("IsSet() after Clear = true, word %#x", w.Load())
			}
			e.Set(env)
			if e.Set(env); !e.IsSet() {
				t.Fatalf("IsSet() after Set = false, word %#x", w.Load())
			}
			if err := e.Wait(t.Context(), env); err != nil {
				t.Fatalf("Wait() = %v; want nil", err)
			}
		}
	}
}

func TestEventClearKeepsTheCount(t *testing.T) {
	w := new(atomic.Uint32)
	e := EventAt(w)
	for want := range uint32(5) {
		if got := w.Load() >> 1; got != want {
			t.Errorf("count = %d; want %d", got, want)
		}
		e.Set(alone{t, 1})
		e.Clear()
		e.Clear()
	}
}

func TestEventWaitersSeePulse(t *testing.T) {
	for _, start := range []uint32{0, math.MaxUint32 - 1} {
		everyOrder(t, 10000, func(w *world) func() {
			word := new(atomic.Uint32)
			word.Store(start)
			e, waiting := EventAt(word), 0
			for range 2 {
				w.add(func(p *proc) {
					waiting++
					if err := e.Wait(context.Background(), p); err != nil {
						w.fail("Wait() = %v; want nil", err)
					}
				})
			}
			w.add(func(p *proc) {
				e.Set(p)
				e.Clear()
			}).held = func() bool { return waiting < 2 }
			return nil
		})
	}
}

func TestEventWaitEndsWithContext(t *testing.T) {
	everyOrder(t, 1000, func(w *world) func() {
		e := EventAt(new(atomic.Uint32))
		ctx, cancel := context.WithCancel(context.Background())
		var got error
		w.add(func(p *proc) { got = e.Wait(ctx, p) })
		w.add(func(p *proc) { cancel() })
		return func() {
			if got != context.Canceled {
				t.Errorf("Wait() = %v; want context.Canceled", got)
			}
		}
	})
}

func TestEventSetOutlivesItsContext(t *testing.T) {
	e := EventAt(new(atomic.Uint32))
	e.Set(alone{t, 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Wait(ctx, alone{t, 2}); err != nil {
		t.Errorf("Wait() for a set event = %v; want nil", err)
	}
}

// The setter may die before its wake: a nap finds the event.
func TestEventIsSeenAfterDeathOfSetter(t *testing.T) {
	everyDeath(t, 20, func(w *world) (*proc, func()) {
		e := EventAt(new(atomic.Uint32))
		ctx, cancel := context.WithCancel(context.Background())
		w.naps = 10
		var got error
		w.add(func(p *proc) { got = e.Wait(ctx, p) })
		setter := w.add(func(p *proc) { e.Set(p) })
		w.add(func(p *proc) {
			if !e.IsSet() {
				cancel() // nobody will
			}
		}).held = func() bool { return !setter.dead && !setter.ended }
		return setter, func() {
			if e.IsSet() && got != nil {
				t.Errorf("Wait() = %v; want nil", got)
			}
		}
	})
}
