package word

import (
	"context"
	"sync/atomic"
)

// A Semaphore is a number of permits. It keeps account of who holds how many,
// so that those of a process that dies can be given back: the value and what
// all members hold make up the total, whoever is killed at whatever point.
//
// There is no lock in it. Its state is one 64-bit word, which says what the
// permits that are left are, and what was last changed:
//
//	bits 0-19   the value: how many permits are left
//	bit 20      someone may be asleep on the lower half; only if none is left
//	bits 21-31  the slot whose account the last change is for
//	bits 32-33  what the last change does to that account
//	bits 34-63  the version: which change it is, modulo 2^30
//
// The account of a slot, Held[slot], has the number of its permits in the lower
// half and the version of the last change to it in the upper one. Whoever makes
// a change first enters the one before it in its account, if that has not been
// done: so nobody needs to come back to what he has begun.
//
// A compare-and-swap that was prepared before a pause could only be taken in by
// a version that comes round to just the one it had seen.
type Semaphore struct {
	State   *atomic.Uint64
	Low     *atomic.Uint32  // its lower half
	Held    []atomic.Uint64 // by slot
	Slots   *atomic.Uint32  // how many of them are in use at most
	Slot    int             // of this process
	Bounded bool            // there are never more permits than at first
	Local   *Local
	Closed  func() error // an error, from when this process gives up all it has
}

const (
	valueMask      = 1<<20 - 1
	semaphoreSleep = 1 << 20
	slotShift      = 21
	slotMask       = 1<<11 - 1
	changeShift    = 32
	changeMask     = 3
	versionShift   = 34
	versionMask    = 1<<30 - 1

	countMask = 1<<32 - 1 // of an account

	// MaxPermits is the largest number of permits of a semaphore.
	MaxPermits = valueMask
)

// What a change does to an account.
const (
	changeNone = iota
	changeTook // one more
	changeGave // one less
	changeAll  // none left
)

// Init makes s one of n permits. Nobody else knows of it yet.
func (s *Semaphore) Init(n int) { s.State.Store(uint64(n)) }

// Value is how many permits are left.
func (s *Semaphore) Value() int { return int(s.State.Load() & valueMask) }

// settled is the state, with its last change entered in its account.
func (s *Semaphore) settled() uint64 {
	for {
		v := s.State.Load()
		if v>>changeShift&changeMask == changeNone {
			return v
		}
		w := &s.Held[v>>slotShift&slotMask]
		h := w.Load()
		if h>>32 == v>>versionShift {
			return v
		}
		// The account was as in h while v was the state, which no other can
		// be again. If someone enters v before us, this swap fails.
		if s.State.Load() == v {
			w.CompareAndSwap(h, v>>versionShift<<32|account(h&countMask, v>>changeShift&changeMask))
		}
	}
}

// account is what a change makes of n permits.
func account(n, change uint64) uint64 {
	switch change {
	case changeTook:
		return n + 1
	case changeGave:
		return n - 1
	}
	return 0
}

// change replaces the settled state v by one with another value, and a change
// to the account of slot that is still to be entered.
func (s *Semaphore) change(v, value uint64, slot int, what uint64) bool {
	version := v>>versionShift + 1
	if version&versionMask == s.Held[slot].Load()>>32 {
		version++ // or it would pass for one that has been entered
	}
	return s.State.CompareAndSwap(v, version<<versionShift|what<<changeShift|uint64(slot)<<slotShift|value)
}

// TryAcquire takes a permit if one is left.
func (s *Semaphore) TryAcquire(env Env) (bool, error) {
	for {
		v := s.settled()
		if v&valueMask == 0 {
			return false, nil
		}
		if s.change(v, v&valueMask-1, s.Slot, changeTook) {
			break
		}
	}
	s.Local.acquired()
	if err := s.Closed(); err != nil {
		s.GiveUp(env, s.Slot) // who closed it may have been before us
		return false, err
	}
	return true, nil
}

// Acquire takes a permit, waiting for one.
func (s *Semaphore) Acquire(ctx context.Context, env Env) error {
	if ok, err := s.TryAcquire(env); ok || err != nil {
		return err
	}
	if err := s.Local.enter(ctx); err != nil {
		return err
	}
	defer s.Local.leave()
	return s.acquire(ctx, env)
}

func (s *Semaphore) acquire(ctx context.Context, env Env) error {
	for spun := 0; ; {
		if ok, err := s.TryAcquire(env); ok || err != nil {
			return err
		}
		v := s.State.Load()
		if v&valueMask != 0 {
			continue
		}
		if spun < spins {
			if spun++; !env.Spin(s.Low, uint32(v), 2) {
				spun = spins
			}
			continue
		}
		if v&semaphoreSleep == 0 && !s.State.CompareAndSwap(v, v|semaphoreSleep) {
			continue
		}
		look, err := env.Wait(ctx, s.Low, uint32(v|semaphoreSleep))
		if err != nil {
			return err
		}
		if !look {
			spun = 0
		}
	}
}

// Release gives a permit back: one of this process; or else one of another
// that holds some, as those do who signal by it; or else a new one. It reports
// false if there would be too many.
func (s *Semaphore) Release(env Env) bool {
	s.Local.releases()
	for {
		v := s.settled()
		// What is given up from here on makes another state than v.
		if s.Closed() != nil {
			return true
		}
		slot, what := s.Slot, uint64(changeGave)
		if s.count(slot) == 0 {
			slot = s.holder()
		}
		if slot < 0 {
			slot, what = s.Slot, changeNone
		}
		if v&valueMask == MaxPermits || s.Bounded && what == changeNone {
			if s.State.Load() == v { // else a permit may have been taken since
				return false
			}
			continue
		}
		if s.change(v, v&valueMask+1, slot, what) {
			s.wake(env, v)
			return true
		}
	}
}

// GiveUp gives back all permits of a slot whose process takes none any more.
func (s *Semaphore) GiveUp(env Env, slot int) {
	for {
		v := s.settled()
		n := s.count(slot)
		if n == 0 {
			return
		}
		if s.change(v, min(v&valueMask+n, MaxPermits), slot, changeAll) {
			s.wake(env, v)
			return
		}
	}
}

// wake wakes the sleepers, if v, which was replaced, had their mark. If we die
// before, they find out after their nap.
func (s *Semaphore) wake(env Env, v uint64) {
	if v&semaphoreSleep != 0 {
		env.Wake(s.Low)
	}
}

func (s *Semaphore) count(slot int) uint64 { return s.Held[slot].Load() & countMask }

// holder is a slot that holds a permit, -1 if none does.
func (s *Semaphore) holder() int {
	for slot := range s.Holders {
		return slot
	}
	return -1
}

// Holders goes over the slots that hold permits.
func (s *Semaphore) Holders(yield func(slot int) bool) {
	s.settled() // the last change may not be in its account yet
	for slot := range min(int(s.Slots.Load()), len(s.Held)) {
		if s.count(slot) > 0 && !yield(slot) {
			return
		}
	}
}
