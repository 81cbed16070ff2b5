package word

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// low is the half of w that waiters sleep on.
func low(w *atomic.Uint64) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(w)) }

func newBarrier(parties uint32, state uint64) Barrier {
	w := new(atomic.Uint64)
	w.Store(state)
	return BarrierAt(w, low(w), parties, nil)
}

// atRound is the state of an empty barrier in that round.
func atRound(r uint64) uint64 { return r << roundShift }

func TestBarrierLetsAllPassInEveryOrder(t *testing.T) {
	const parties, rounds = 3, 2
	for _, start := range []uint64{0, roundMask} {
		everyOrder(t, 20000, func(w *world) func() {
			b := newBarrier(parties, atRound(start))
			var index [rounds][]int
			for range parties {
				w.add(func(p *proc) {
					for r := range rounds {
						i, err := b.Wait(context.Background(), p)
						if err != nil {
							w.fail("Wait() = %v", err)
						}
						if r > 0 && len(index[r-1]) < parties-2 {
							w.fail("passed round %d too early", r)
						}
						index[r] = append(index[r], i)
					}
				})
			}
			return func() {
				for r := range rounds {
					if slices.Sort(index[r]); !slices.Equal(index[r], []int{0, 1, 2}) {
						t.Errorf("indices of round %d are %v; want each of 0 to 2 once", r, index[r])
					}
				}
				if b.Waiting() != 0 || b.Broken() {
					t.Errorf("Waiting() = %d, Broken() = %v at the end; want 0, false", b.Waiting(), b.Broken())
				}
			}
		})
	}
}

func TestBarrierHoldsBackUntilLastArrives(t *testing.T) {
	everyOrder(t, 10000, func(w *world) func() {
		b, arrived := newBarrier(3, 0), 0
		for range 3 {
			w.add(func(p *proc) {
				p.point()
				arrived++
				if _, err := b.Wait(context.Background(), p); err != nil || arrived < 3 {
					w.fail("Wait() = %v with %d arrived", err, arrived)
				}
			})
		}
		return nil
	})
}

// Of six processes at a barrier for three, any three make a round.
func TestBarrierServesMoreProcessesThanParties(t *testing.T) {
	everyOrder(t, 4000, func(w *world) func() {
		b := newBarrier(3, atRound(roundMask))
		var index []int
		for range 6 {
			w.add(func(p *proc) {
				i, err := b.Wait(context.Background(), p)
				if err != nil {
					w.fail("Wait() = %v", err)
				}
				index = append(index, i)
			})
		}
		return func() {
			if slices.Sort(index); !slices.Equal(index, []int{0, 0, 1, 1, 2, 2}) {
				t.Errorf("indices are %v; want each of 0 to 2 twice", index)
			}
		}
	})
}

func TestBarrierOfOnePassesAtOnce(t *testing.T) {
	b := newBarrier(1, atRound(roundMask-1))
	for range 5 {
		if i, err := b.Wait(t.Context(), alone{t, 1}); i != 0 || err != nil {
			t.Fatalf("Wait() = %d, %v; want 0, nil", i, err)
		}
	}
	if got := round(b.state.Load()); got != 3 {
		t.Errorf("round after 5 from the last but one = %d; want 3", got)
	}
}

func TestBarrierTakesMostParties(t *testing.T) {
	b := newBarrier(MaxParties, atRound(roundMask)|MaxParties-1)
	i, err := b.Wait(t.Context(), alone{t, 1})
	if i != MaxParties-1 || err != nil || b.Broken() || round(b.state.Load()) != 0 {
		t.Errorf("Wait() = %d, %v, broken %v, round %d; want %d, nil, false, 0",
			i, err, b.Broken(), round(b.state.Load()), MaxParties-1)
	}
}

func TestBarrierAbortReachesAll(t *testing.T) {
	everyOrder(t, 10000, func(w *world) func() {
		b := newBarrier(3, 0)
		for range 2 {
			w.add(func(p *proc) {
				for range 2 { // who waits, and who comes later
					if _, err := b.Wait(context.Background(), p); err != ErrBroken {
						w.fail("Wait() = %v; want ErrBroken", err)
					}
				}
			})
		}
		w.add(func(p *proc) { b.Abort(p) })
		return func() {
			if !b.Broken() || b.Waiting() != 0 {
				t.Errorf("Broken() = %v, Waiting() = %d; want true, 0", b.Broken(), b.Waiting())
			}
		}
	})
}

// A reset between the two arrivals of a round of two breaks that round, or
// comes before or after it: both parties see the same of it.
func TestBarrierResetBreaksRoundForAllOrNone(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		b := newBarrier(2, atRound(31))
		ctx, cancel := context.WithCancel(context.Background())
		got := []error{nil, nil}
		for i := range 2 {
			w.add(func(p *proc) { _, got[i] = b.Wait(ctx, p) })
		}
		w.add(func(p *proc) { b.Reset(p) })
		// What is left alone after the reset gives up in the end.
		w.add(func(p *proc) { cancel() }).last = true
		return func() {
			if (got[0] == nil) != (got[1] == nil) {
				t.Errorf("Wait() = %v; want both to pass or neither", got)
			}
		}
	})
}

// Whoever wakes late finds out how its round ended, up to 31 rounds later.
func TestBarrierTellsLateWaiterHowItsRoundEnded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start uint64
		end   func(b Barrier, env Env) // of the round that is waited for
		later func(b Barrier, env Env) // each of the 31 rounds that follow
		want  error
	}{
		{"complete, then resets", 0, pass, Barrier.Reset, nil},
		{"complete, then complete", 0, pass, passTwo, nil},
		{"reset, then complete", 0, Barrier.Reset, passTwo, ErrBroken},
		{"reset, then resets", 5, Barrier.Reset, Barrier.Reset, ErrBroken},
		{"reset at the wrap", roundMask, Barrier.Reset, passTwo, ErrBroken},
		{"complete at the wrap", roundMask, pass, Barrier.Reset, nil},
		{"complete, then broken", 31, pass, Barrier.Abort, nil},
		{"aborted, then reset", 31, abortAndReset, passTwo, ErrBroken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			watchdog.Start(t)
			w := newWorld(t, func(int) int { return 0 })
			b := newBarrier(2, atRound(tt.start))
			waiting, over := false, false
			w.add(func(p *proc) {
				if _, err := b.Wait(context.Background(), p); err != tt.want {
					w.fail("Wait() = %v; want %v", err, tt.want)
				}
			}).held = func() bool {
				waiting = waiting || b.Waiting() > 0
				return waiting && !over
			}
			w.add(func(p *proc) {
				env := alone{t, p.pid}
				tt.end(b, env)
				for range 31 {
					tt.later(b, env)
				}
				over = true
				p.Wake(b.low)
			}).held = func() bool { return !waiting }
			w.play()
		})
	}
}

// pass arrives as the last party, passTwo as both.
func pass(b Barrier, env Env) { b.Wait(context.Background(), env) }
func passTwo(b Barrier, env Env) {
	b.state.Add(1)
	pass(b, env)
}
func abortAndReset(b Barrier, env Env) { b.Abort(env); b.Reset(env) }

func TestBarrierBreaksWithContextOfWaiter(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		b := newBarrier(3, atRound(roundMask))
		ctx, cancel := context.WithCancel(context.Background())
		got := make([]error, 3)
		for i := range 3 {
			w.add(func(p *proc) {
				c := context.Background()
				if i == 0 {
					c = ctx
				}
				_, got[i] = b.Wait(c, p)
			})
		}
		w.add(func(p *proc) { cancel() })
		return func() {
			switch {
			case !b.Broken() && errors.Join(got...) != nil:
				t.Errorf("Wait() = %v with a whole barrier; want nil for all", got)
			case b.Broken() && (got[0] != context.Canceled || got[1] != ErrBroken || got[2] != ErrBroken):
				t.Errorf("Wait() = %v with a broken barrier; want Canceled and twice ErrBroken", got)
			}
		}
	})
}

func TestBarrierWaitSucceedsIfCancelledAfterCompletion(t *testing.T) {
	watchdog.Start(t)
	w := newWorld(t, func(int) int { return 0 })
	b, last := newBarrier(2, 0), false
	ctx, cancel := context.WithCancel(context.Background())
	w.add(func(p *proc) {
		if i, err := b.Wait(ctx, p); i != 0 || err != nil {
			w.fail("Wait() = %d, %v; want 0, nil", i, err)
		}
	}).held = func() bool { return b.Waiting() == 1 && !last }
	w.add(func(p *proc) {
		b.Wait(context.Background(), alone{t, p.pid}) // wakes nobody
		cancel()
		last = true
	}).held = func() bool { return b.Waiting() == 0 && !last }
	w.play()
}

func TestBarrierBreaksAtOnceWithEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := newBarrier(2, 0)
	if _, err := b.Wait(ctx, alone{t, 1}); err != context.Canceled || !b.Broken() {
		t.Errorf("Wait() = %v, Broken() = %v; want context.Canceled, true", err, b.Broken())
	}
}

func TestBarrierResetMakesWholeAgain(t *testing.T) {
	env := alone{t, 1}
	b := newBarrier(1, atRound(roundMask))
	b.Abort(env)
	if _, err := b.Wait(t.Context(), env); err != ErrBroken {
		t.Errorf("Wait() after Abort = %v; want ErrBroken", err)
	}
	b.Reset(env)
	if _, err := b.Wait(t.Context(), env); err != nil || b.Broken() {
		t.Errorf("Wait() after Reset = %v, Broken() = %v; want nil, false", err, b.Broken())
	}
}

// The sweep that follows a death aborts, wherever the party was.
func TestBarrierBreaksAfterDeathOfParty(t *testing.T) {
	everyDeath(t, 50, func(w *world) (*proc, func()) {
		b := newBarrier(3, 0)
		got := make([]error, 3)
		var victim *proc
		w.naps = 20
		for i := range 3 {
			p := w.add(func(p *proc) { _, got[i] = b.Wait(context.Background(), p) })
			if i == 0 {
				victim = p
			}
		}
		w.add(func(p *proc) {
			if victim.dead {
				b.Abort(p)
			}
		}).held = func() bool { return !victim.dead && !victim.ended }
		return victim, func() {
			if got[1] != got[2] {
				t.Errorf("Wait() = %v and %v; want the same of one round", got[1], got[2])
			}
		}
	})
}
