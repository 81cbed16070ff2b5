package word

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func (b Barrier) withAction(f func() error) Barrier {
	b.Action = f
	return b
}

var errAction = errors.New("action failed")

func TestBarrierActsOnceBeforeAnyGoesOn(t *testing.T) {
	const parties, rounds = 3, 2
	for _, start := range []uint64{0, roundMask} {
		everyOrder(t, 20000, func(w *world) func() {
			b, began, ended := newBarrier(parties, atRound(start)), 0, 0
			var index [rounds][]int
			for range parties {
				w.add(func(p *proc) {
					mine := b.withAction(func() error {
						began++
						p.point()
						ended++
						return nil
					})
					for r := range rounds {
						i, err := mine.Wait(context.Background(), p)
						if err != nil || began < r+1 || ended < r+1 {
							w.fail("Wait() %d = %v after %d and %d actions", r, err, began, ended)
						}
						index[r] = append(index[r], i)
					}
				})
			}
			return func() {
				if began != rounds || ended != rounds || b.Waiting() != 0 || b.Broken() {
					t.Errorf("%d actions; waiting %d, broken %v", began, b.Waiting(), b.Broken())
				}
				for r := range rounds {
					if slices.Sort(index[r]); !slices.Equal(index[r], []int{0, 1, 2}) {
						t.Errorf("indices of round %d are %v", r, index[r])
					}
				}
			}
		})
	}
}

// Those who come during an action are for the next round.
func TestBarrierActionHoldsBackNextRound(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		b, under, done := newBarrier(2, atRound(roundMask)), false, 0
		for range 4 {
			w.add(func(p *proc) {
				_, err := b.withAction(func() error {
					if under {
						w.fail("two actions at a time")
					}
					under = true
					p.point()
					p.point()
					under = false
					done++
					return nil
				}).Wait(context.Background(), p)
				if err != nil {
					w.fail("Wait() = %v", err)
				}
			})
		}
		return func() {
			if done != 2 || b.Waiting() != 0 || b.Broken() {
				t.Errorf("%d actions; waiting %d, broken %v; want 2, 0, false", done, b.Waiting(), b.Broken())
			}
		}
	})
}

func TestBarrierBreaksByItsAction(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errAction },
		"panic": func() error { panic(errAction) },
	} {
		t.Run(name, func(t *testing.T) {
			everyOrder(t, 5000, func(w *world) func() {
				b, got := newBarrier(3, 0), make([]error, 3)
				for i := range got {
					w.add(func(p *proc) {
						defer func() {
							if r := recover(); r != nil {
								got[i] = r.(error)
							}
						}()
						_, got[i] = b.withAction(func() error {
							p.point()
							return fail()
						}).Wait(context.Background(), p)
					})
				}
				return func() {
					failed := slices.DeleteFunc(slices.Clone(got), func(err error) bool { return err == ErrBroken })
					if !slices.Equal(failed, []error{errAction}) || !b.Broken() {
						t.Errorf("%v; broken %v; want one to fail, and the others ErrBroken", got, b.Broken())
					}
				}
			})
		})
	}
}

// What others do to the round during its action holds for all its parties.
func TestBarrierIsBrokenDuringItsAction(t *testing.T) {
	for _, tt := range []struct {
		name   string
		do     func(b Barrier, env Env)
		broken bool
	}{
		{"Abort", Barrier.Abort, true},
		{"Reset", Barrier.Reset, false},
		{"Reset twice", func(b Barrier, env Env) { b.Reset(env); b.Reset(env) }, false},
		{"Abort and Reset", abortAndReset, false},
	} {
		b, acted := newBarrier(1, atRound(roundMask)), 0
		env := alone{t, 1}
		b.Action = func() error {
			acted++
			if b.Waiting() != 1 {
				t.Errorf("Waiting() during the action = %d; want 1", b.Waiting())
			}
			tt.do(b, env)
			return nil
		}
		if _, err := b.Wait(t.Context(), env); err != ErrBroken || acted != 1 || b.Broken() != tt.broken {
			t.Errorf("%s: Wait() = %v after %d actions, broken %v", tt.name, err, acted, b.Broken())
		}
		b.Action = nil
		b.Reset(env)
		if _, err := b.Wait(t.Context(), env); err != nil {
			t.Errorf("%s: Wait() after a reset = %v", tt.name, err)
		}
	}
}

// One that has come too early gives up: that breaks the barrier, as always.
func TestBarrierActionIsNotWaitedForLonger(t *testing.T) {
	everyOrder(t, 5000, func(w *world) func() {
		b, acting := newBarrier(1, 0), false
		ctx, cancel := context.WithCancel(context.Background())
		var early, acted error
		w.add(func(p *proc) {
			_, acted = b.withAction(func() error {
				acting = true
				p.point()
				p.point()
				return nil
			}).Wait(context.Background(), p)
		})
		w.add(func(p *proc) {
			_, early = b.withAction(func() error { return nil }).Wait(ctx, p)
		}).held = func() bool { return !acting }
		w.add(func(p *proc) { cancel() }).held = func() bool { return !acting }
		return func() {
			switch {
			case early == nil && (acted != nil || b.Broken()),
				early != nil && (early != context.Canceled || !b.Broken()):
				t.Errorf("Wait() = %v, of the one who acts %v; broken %v", early, acted, b.Broken())
			}
		}
	})
}

// An action has everyone who sleeps woken at its end, however it ends.
func TestBarrierActionWakesSleepers(t *testing.T) {
	for _, err := range []error{nil, errAction} {
		for wakes, mark := range []uint64{0, barrierSleep} {
			b, env := newBarrier(2, 1|mark), &counting{alone: alone{t, 1}}
			b.Action = func() error { return err }
			if _, got := b.Wait(t.Context(), env); got != err || env.wakes != wakes || b.state.Load()&barrierSleep != 0 {
				t.Errorf("mark %#x: Wait() = %v, %d wakes, state %#x; want %v, %d", mark, got, env.wakes, b.state.Load(), err, wakes)
			}
		}
	}
	b := newBarrier(MaxParties, MaxParties-1)
	b.Action = func() error { return nil }
	if i, err := b.Wait(t.Context(), alone{t, 1}); i != MaxParties-1 || err != nil || b.Waiting() != 0 {
		t.Errorf("Wait() of the last of most parties = %d, %v", i, err)
	}
}

// breaking has who naps break the barrier for the dead.
type breaking struct {
	*proc
	b Barrier
}

func (e breaking) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	look, err := e.proc.Wait(ctx, w, old)
	for _, q := range e.proc.w.procs {
		if look && q.dead {
			e.b.Abort(e.proc)
		}
	}
	return look, err
}

func TestBarrierActionMayBeTheDeathOfOne(t *testing.T) {
	watchdog.Start(t)
	everyDeath(t, 40, func(w *world) (*proc, func()) {
		b, ended := newBarrier(3, 0), 0
		w.naps = 20
		got := []error{errAction, errAction, errAction}
		var ps []*proc
		for i := range got {
			ps = append(ps, w.add(func(p *proc) {
				_, got[i] = b.withAction(func() error {
					p.point()
					p.point()
					ended++
					return nil
				}).Wait(context.Background(), breaking{p, b})
			}))
		}
		return ps[1], func() {
			if got[0] != got[2] || got[0] == nil && ended != 1 || got[0] != nil && got[0] != ErrBroken {
				t.Errorf("Wait() = %v after %d actions", got, ended)
			}
		}
	})
}
