package word

import (
	"context"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// Who ends or breaks a round takes the mark of the sleepers away, and wakes
// them if it was there.
func TestBarrierWakesIfSomeoneMaySleep(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name         string
		state, after uint64
		do           func(b Barrier, env Env)
	}{
		{"last arrives", 1, atRound(1), pass},
		{"last arrives at the wrap", atRound(roundMask) | 1, 0, pass},
		{"Abort", 1, brokenBit | 1, Barrier.Abort},
		{"Abort of a broken one", brokenBit | 1, brokenBit | 1, Barrier.Abort},
		{"Reset", 1, 1<<32 | atRound(1), Barrier.Reset},
		{"Reset of a broken one", brokenBit | 1, 1<<32 | atRound(1), Barrier.Reset},
		{"arrival with an ended context", 1, brokenBit | 1, func(b Barrier, env Env) { b.Wait(ended, env) }},
	} {
		for wakes, mark := range []uint64{0, barrierSleep} {
			b, env := newBarrier(2, tt.state|mark), &counting{alone: alone{t, 1}}
			tt.do(b, env)
			if got := b.state.Load(); got != tt.after || env.wakes != wakes {
				t.Errorf("%s, mark %#x: state %#x, %d wakes; want %#x, %d",
					tt.name, mark, got, env.wakes, tt.after, wakes)
			}
		}
	}
}

// The mark of the sleepers is no party, and does not run into the count.
func TestBarrierCountsBesideMarkOfSleepers(t *testing.T) {
	for _, state := range []uint64{0, barrierSleep} {
		b := newBarrier(MaxParties, atRound(roundMask)|state|MaxParties-1)
		if n := b.Waiting(); n != MaxParties-1 || b.Broken() {
			t.Errorf("Waiting() = %d, Broken() = %v; want %d, false", n, b.Broken(), MaxParties-1)
		}
		if i, err := b.Wait(t.Context(), alone{t, 1}); i != MaxParties-1 || err != nil || b.state.Load() != 0 {
			t.Errorf("Wait() = %d, %v, state %#x; want %d, nil, 0", i, err, b.state.Load(), MaxParties-1)
		}
	}
}

// A party that comes while others sleep leaves their mark for the last one.
func TestBarrierArrivalKeepsMarkOfSleepers(t *testing.T) {
	watchdog.Start(t)
	w := newWorld(t, func(int) int { return 0 })
	b, seen := newBarrier(3, 1|barrierSleep), false
	w.add(func(p *proc) {
		if i, err := b.Wait(context.Background(), p); i != 1 || err != nil {
			w.fail("Wait() = %d, %v; want 1, nil", i, err)
		}
	}).held = func() bool { return b.Waiting() == 2 && !seen }
	w.add(func(p *proc) {
		if v := b.state.Load(); v != 2|barrierSleep {
			w.fail("state with two that wait = %#x; want %#x", v, 2|barrierSleep)
		}
		seen = true
		b.Wait(context.Background(), p)
	}).held = func() bool { return b.Waiting() < 2 && !seen }
	w.play()
}

// Rounds end by completion, reset and abort in any order around a waiter that
// looks, marks and sleeps. There are no naps: each end must wake it.
func TestBarrierForgetsNoWake(t *testing.T) {
	for _, end := range []func(b Barrier, env Env){Barrier.Abort, Barrier.Reset} {
		everyOrder(t, 10000, func(w *world) func() {
			b := newBarrier(2, atRound(roundMask))
			ctx, cancel := context.WithCancel(context.Background())
			for range 2 {
				w.add(func(p *proc) {
					for range 2 {
						if _, err := b.Wait(ctx, p); err != nil && err != ErrBroken && err != context.Canceled {
							w.fail("Wait() = %v", err)
						}
					}
				})
			}
			w.add(func(p *proc) { end(b, p) })
			// What is left alone after a reset gives up in the end.
			w.add(func(p *proc) {
				asleep := len(w.sleepers())
				if asleep > b.Waiting() {
					w.fail("%d sleep and %d wait: one was not woken", asleep, b.Waiting())
				}
				cancel()
			}).last = true
			return nil
		})
	}
}

// A party that dies asleep leaves its mark and its place: the barrier can be
// broken and made whole, and the mark is a wake for nobody.
func TestBarrierOutlivesSleeper(t *testing.T) {
	everyDeath(t, 50, func(w *world) (*proc, func()) {
		b := newBarrier(2, 0)
		w.naps = 20
		victim := w.add(func(p *proc) { b.Wait(context.Background(), p) })
		begun, reset := false, false
		w.add(func(p *proc) {
			begun = true
			b.Abort(p) // as the sweep does after a death
			b.Reset(p)
			reset = true
		}).held = func() bool { return !begun && !victim.dead && victim.asleep == nil }
		index := 0
		for range 2 {
			w.add(func(p *proc) {
				i, err := b.Wait(context.Background(), p)
				if err != nil {
					w.fail("Wait() after Reset = %v", err)
				}
				index += i
			}).held = func() bool { return !reset || !victim.dead && !victim.ended }
		}
		return victim, func() {
			if v := b.state.Load(); index != 1 || arrived(v) != 0 || v&(brokenBit|barrierSleep) != 0 {
				t.Errorf("sum of indices %d, state %#x at the end; want 1, an empty round", index, v)
			}
		}
	})
}
