package word

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
)

func TestEventIsSetAndCleared(t *testing.T) {
	for _, start := range []uint32{0, eventSleep, math.MaxUint32 &^ eventSet, math.MaxUint32 &^ (eventSet | eventSleep)} {
		w := new(atomic.Uint32)
		w.Store(start)
		e, env := EventAt(w, nil), alone{t, 1}
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
	e := EventAt(w, nil)
	for want := range uint32(5) {
		if got := w.Load() / eventOnce; got != want {
			t.Errorf("count = %d; want %d", got, want)
		}
		e.Set(alone{t, 1})
		e.Clear()
		e.Clear()
	}
}

// Only who finds the mark of the sleepers wakes them, and takes it away.
func TestEventSetWakesIfSomeoneMaySleep(t *testing.T) {
	const last = math.MaxUint32 &^ (eventSet | eventSleep)
	for _, tt := range []struct {
		name        string
		word, after uint32
		wakes       int
	}{
		{"nobody waits", 0, eventSet + eventOnce, 0},
		{"someone waits", eventSleep, eventSet + eventOnce, 1},
		{"set already", eventSet + eventOnce, eventSet + eventOnce, 0},
		{"nobody waits at the wrap", last, eventSet, 0},
		{"someone waits at the wrap", last | eventSleep, eventSet, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, env := new(atomic.Uint32), &counting{alone: alone{t, 1}}
			w.Store(tt.word)
			EventAt(w, nil).Set(env)
			if w.Load() != tt.after || env.wakes != tt.wakes {
				t.Errorf("Set() of %#x gives %#x with %d wakes; want %#x, %d",
					tt.word, w.Load(), env.wakes, tt.after, tt.wakes)
			}
		})
	}
}

func TestEventClearKeepsMarkOfSleepers(t *testing.T) {
	for _, word := range []uint32{eventSleep, eventSleep | eventSet, eventSet, 0} {
		w := new(atomic.Uint32)
		w.Store(word)
		EventAt(w, nil).Clear()
		if w.Load() != word&eventSleep {
			t.Errorf("Clear() of %#x gives %#x; want %#x", word, w.Load(), word&eventSleep)
		}
	}
}

// Setters and clearers run between a waiter's look, its mark and its sleep.
// The last Set must find each of them. There are no naps here.
func TestEventForgetsNoWake(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		e, pulsed := EventAt(new(atomic.Uint32), nil), 0
		for range 2 {
			w.add(func(p *proc) {
				if err := e.Wait(context.Background(), p); err != nil {
					w.fail("Wait() = %v; want nil", err)
				}
			})
			w.add(func(p *proc) {
				e.Set(p)
				p.point()
				e.Clear()
				pulsed++
			})
		}
		w.add(func(p *proc) { e.Set(p) }).held = func() bool { return pulsed < 2 }
		return nil
	})
}

// What a waiter that died leaves is a mark: a wake for nobody, and no harm.
func TestEventOutlivesItsWaiters(t *testing.T) {
	everyDeath(t, 30, func(w *world) (*proc, func()) {
		e, passed := EventAt(new(atomic.Uint32), nil), false
		wait := func(p *proc) {
			if err := e.Wait(context.Background(), p); err != nil {
				w.fail("Wait() = %v; want nil", err)
			}
		}
		victim := w.add(wait)
		w.add(func(p *proc) {
			wait(p)
			passed = true
		})
		w.add(func(p *proc) { e.Set(p) })
		return victim, func() {
			if v := e.w.Load(); !passed || v != eventSet+eventOnce {
				t.Errorf("the other passed: %v, word %#x; want true, %#x", passed, v, eventSet+eventOnce)
			}
		}
	})
}

func TestEventWaitersSeePulse(t *testing.T) {
	for _, start := range []uint32{0, eventSleep, math.MaxUint32 &^ eventSet} {
		everyOrder(t, 10000, func(w *world) func() {
			word := new(atomic.Uint32)
			word.Store(start)
			e := EventAt(word, nil)
			wait := func(p *proc) {
				if err := e.Wait(context.Background(), p); err != nil {
					w.fail("Wait() = %v; want nil", err)
				}
			}
			first, second := w.add(wait), w.add(wait)
			w.add(func(p *proc) {
				e.Set(p)
				e.Clear()
			}).held = func() bool { return !first.begun() || !second.begun() }
			return nil
		})
	}
}

func TestEventWaitEndsWithContext(t *testing.T) {
	everyOrder(t, 1000, func(w *world) func() {
		e := EventAt(new(atomic.Uint32), nil)
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
	e := EventAt(new(atomic.Uint32), nil)
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
		e := EventAt(new(atomic.Uint32), nil)
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
