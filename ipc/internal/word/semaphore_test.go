package word

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// A tally is a semaphore as the tests see it: of several processes, each in
// the slot of its pid.
type tally struct{ Semaphore }

func newTally(n int) *tally {
	state, slots := new(atomic.Uint64), new(atomic.Uint32)
	slots.Store(8)
	s := &tally{Semaphore{State: state, Low: low(state), Held: make([]atomic.Uint64, 8), Slots: slots,
		Closed: func() error { return nil }}}
	s.Init(n)
	return s
}

// of is the semaphore of the process in slot.
func (s *tally) of(slot int) *Semaphore {
	mine := s.Semaphore
	mine.Slot = slot
	return &mine
}

// take takes a permit if one is left.
func (s *Semaphore) take(t *testing.T) bool {
	ok, err := s.TryAcquire(alone{t, 1})
	if err != nil {
		t.Errorf("TryAcquire() = %v", err)
	}
	return ok
}

// held is what each slot holds, for slots up to the last that holds any.
func (s *tally) held() []int {
	s.settled()
	var held []int
	for slot := range s.Holders {
		held = append(held, make([]int, slot+1-len(held))...)
		held[slot] = int(s.count(slot))
	}
	return held
}

func (s *tally) total() int {
	total := s.Value()
	for _, n := range s.held() {
		total += n
	}
	return total
}

// undertaker gives back what the dead hold, whenever its process has napped.
type undertaker struct {
	*proc
	s *tally
}

func (u undertaker) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	look, err := u.proc.Wait(ctx, w, old)
	if look {
		u.s.bury(u.proc)
	}
	return look, err
}

func (s *tally) bury(p *proc) {
	for _, q := range p.w.procs {
		if q.dead {
			s.GiveUp(p, int(q.pid))
		}
	}
}

func TestSemaphoreKeepsAccounts(t *testing.T) {
	s := newTally(2)
	a, b, c := s.of(1), s.of(2), s.of(3)
	env := alone{t, 1}
	take := func(s *Semaphore) func() bool { return func() bool { return s.take(t) } }
	give := func(s *Semaphore) func() bool { return func() bool { return s.Release(env) } }
	for i, step := range []struct {
		do    func() bool
		ok    bool
		value int
		held  []int
	}{
		{take(a), true, 1, []int{0, 1}},
		{take(a), true, 0, []int{0, 2}},
		{take(b), false, 0, []int{0, 2}},
		{give(a), true, 1, []int{0, 1}},
		{take(b), true, 0, []int{0, 1, 1}},
		{give(c), true, 1, []int{0, 0, 1}}, // of another, since c has none
		{give(a), true, 2, nil},
		{give(a), true, 3, nil}, // a new one
		{take(c), true, 2, []int{0, 0, 0, 1}},
		{give(c), true, 3, nil},
	} {
		if ok, held := step.do(), s.held(); ok != step.ok || s.Value() != step.value || !slices.Equal(held, step.held) {
			t.Fatalf("step %d = %v, value %d, held %v; want %v, %d, %v",
				i, ok, s.Value(), held, step.ok, step.value, step.held)
		}
	}
}

func TestSemaphoreIsBounded(t *testing.T) {
	s := newTally(2)
	s.Bounded = true
	if a := s.of(1); a.Release(alone{t, 1}) || s.Value() != 2 {
		t.Errorf("Release() of a full one goes through, value %d", s.Value())
	}
	if a, b := s.of(1), s.of(2); !a.take(t) || !b.Release(alone{t, 2}) || b.Release(alone{t, 2}) || s.Value() != 2 {
		t.Errorf("after one of two was taken, not just one Release() goes through, value %d", s.Value())
	}
	s = newTally(MaxPermits)
	if s.Release(alone{t, 1}) || s.Value() != MaxPermits {
		t.Errorf("Release() above the largest value goes through, value %d", s.Value())
	}
}

func TestSemaphoreGivesUpAll(t *testing.T) {
	s := newTally(5)
	for _, slot := range []int{1, 2, 1, 1} {
		s.of(slot).take(t)
	}
	for range 2 {
		s.GiveUp(alone{t, 3}, 1)
		if held := s.held(); s.Value() != 4 || !slices.Equal(held, []int{0, 0, 1}) {
			t.Errorf("value %d, held %v; want 4, [0 0 1]", s.Value(), held)
		}
	}
}

// Versions come round. One that is in an account from the last round must not
// make the change look like one that has been entered.
func TestSemaphoreVersionsComeRound(t *testing.T) {
	for _, old := range []uint64{0, 1, versionMask, versionMask - 1} {
		s := newTally(3)
		s.State.Store((versionMask-2)<<versionShift | 3)
		s.Held[1].Store(old << 32)
		for i := range 5 {
			s.of(1 + i%2).take(t)
			s.of(1 + i%2).take(t)
			if held := s.held(); held[1+i%2] != 2 || s.Value() != 1 {
				t.Errorf("%d after version %d: value %d, held %v", i, old, s.Value(), held)
			}
			s.of(1 + i%2).Release(alone{t, 1})
			s.of(1 + i%2).Release(alone{t, 1})
		}
	}
}

func TestSemaphoreLetsThroughAsManyAsPermits(t *testing.T) {
	for permits := 1; permits <= 2; permits++ {
		everyOrder(t, 20000, func(w *world) func() {
			s, inside := newTally(permits), 0
			for range 3 {
				w.add(func(p *proc) {
					mine := s.of(int(p.pid))
					for range 2 {
						if err := mine.Acquire(context.Background(), p); err != nil {
							w.fail("Acquire() = %v", err)
						}
						if inside++; inside > permits {
							w.fail("%d hold a permit; there are %d", inside, permits)
						}
						p.point()
						inside--
						mine.Release(p)
					}
				})
			}
			return func() {
				if held := s.held(); s.Value() != permits || held != nil {
					t.Errorf("value %d, held %v at the end; want %d, none", s.Value(), held, permits)
				}
			}
		})
	}
}

// One that only gives and one that only takes, as who produces and who consumes.
func TestSemaphoreSignals(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		s, given, taken := newTally(0), 0, 0
		for range 2 {
			w.add(func(p *proc) {
				for range 2 {
					given++
					s.of(int(p.pid)).Release(p)
				}
			})
			w.add(func(p *proc) {
				for range 2 {
					if err := s.of(int(p.pid)).Acquire(context.Background(), p); err != nil {
						w.fail("Acquire() = %v", err)
					}
					if taken++; taken > given {
						w.fail("%d taken of %d", taken, given)
					}
				}
			})
		}
		return func() {
			if s.Value() != 0 {
				t.Errorf("value = %d; want 0", s.Value())
			}
		}
	})
}

func TestSemaphoreWaitEndsWithContext(t *testing.T) {
	everyOrder(t, 2000, func(w *world) func() {
		s := newTally(0)
		ctx, cancel := context.WithCancel(context.Background())
		got := []error{nil, nil}
		for i := range got {
			w.add(func(p *proc) { got[i] = s.of(int(p.pid)).Acquire(ctx, p) })
		}
		w.add(func(p *proc) { s.of(int(p.pid)).Release(p) }) // for one of them, or none
		w.add(func(p *proc) { cancel() })
		return func() {
			gaveUp := 0
			for _, err := range got {
				if err == context.Canceled {
					gaveUp++
				}
			}
			if s.Value() != gaveUp-1 || s.total() != 1 {
				t.Errorf("%v; value %d, total %d", got, s.Value(), s.total())
			}
		}
	})
}

// One goroutine closes while another takes and gives. Between what it reads and
// what it writes the other may have closed, each time that it looks for it.
func TestSemaphoreHoldsNothingWhenClosed(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		s, closed := newTally(2), false
		s.of(2).take(t)
		user := w.add(func(p *proc) {
			mine := s.of(1)
			mine.Closed = func() error {
				if p.point(); closed {
					return context.Canceled
				}
				return nil
			}
			for range 2 {
				if err := mine.Acquire(context.Background(), p); err != nil {
					return
				}
				if !mine.Release(p) {
					w.fail("Release() = false")
				}
			}
		})
		w.add(func(p *proc) {
			closed = true
			p.point()
			s.GiveUp(p, 1)
		})
		return func() {
			if held := s.held(); s.Value() != 1 || !slices.Equal(held, []int{0, 0, 1}) {
				t.Errorf("value %d, held %v after %d points; want 1, [0 0 1]", s.Value(), held, user.points)
			}
		}
	})
}

func TestSemaphoreGetsBackPermitsOfTheDead(t *testing.T) {
	everyDeath(t, 40, func(w *world) (*proc, func()) {
		s, passed := newTally(1), 0
		w.naps = 20
		turn := func(p *proc) {
			mine := s.of(int(p.pid))
			if err := mine.Acquire(context.Background(), undertaker{p, s}); err != nil {
				w.fail("Acquire() = %v", err)
			}
			p.point()
			mine.Release(p)
			passed++
		}
		victim := w.add(turn)
		w.add(turn)
		w.add(turn)
		return victim, func() {
			s.GiveUp(alone{t, 2}, int(victim.pid))
			if passed < 2 || s.Value() != 1 || s.held() != nil {
				t.Errorf("%d passed; value %d, held %v; want 2, 1, none", passed, s.Value(), s.held())
			}
		}
	})
}

// Whoever is killed right behind a change has not entered it. The next one does.
func TestSemaphoreNeedsNobodyToFinish(t *testing.T) {
	s := newTally(3)
	if v := s.settled(); !s.change(v, 2, 1, changeTook) {
		t.Fatal("change() of what nobody else changes failed")
	}
	stale := s.State.Load()
	if s.count(1) != 0 {
		t.Fatal("the change is in the account already")
	}
	s.GiveUp(alone{t, 2}, 1)
	if held := s.held(); s.Value() != 3 || held != nil {
		t.Errorf("value %d, held %v; want 3, none", s.Value(), held)
	}
	if s.change(stale, 1, 2, changeTook) {
		t.Error("a change of a state that is past went through")
	}
}

// Goroutines on all processors take, give and sweep at once: nothing gets lost.
func TestSemaphoreStaysExact(t *testing.T) {
	watchdog.Start(t)
	const total, slots = 5, 6
	s := newTally(total)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	rounds := 20000
	if testing.Short() {
		rounds /= 10
	}
	var wg sync.WaitGroup
	for slot := range slots {
		wg.Go(func() {
			mine, has := s.of(slot), 0
			r := rand.New(rand.NewPCG(uint64(slot), 0))
			for range rounds {
				switch n := r.IntN(10); {
				case n < 5 && mine.take(t):
					has++
				case n < 9 && has > 0:
					mine.Release(alone{t, 1})
					has--
				case n == 9: // as if it had died, and another come in its place
					s.GiveUp(alone{t, 1}, slot)
					has = 0
				}
				if v := s.Value(); v > total {
					t.Errorf("value = %d; want %d at most", v, total)
				}
			}
			if s.settled(); int(s.count(slot)) != has {
				t.Errorf("slot %d holds %d; want %d", slot, s.count(slot), has)
			}
		})
	}
	if wg.Wait(); s.total() != total {
		t.Errorf("total = %d; want %d", s.total(), total)
	}
}
