package word

import (
	"context"
	"sync/atomic"
)

// The layout of a lock word is that of the kernel's robust futexes, so that a
// robust list can be put over it:
//
//	bit 31     someone may be asleep on the word
//	bit 30     the holder died; the next one to take the lock is told
//	bits 0-29  the pid of the holder, 0 if the lock is free
//
// Who changes it: 0 or died -> pid, who acquires; pid -> pid|waiting, who is
// about to sleep; pid -> 0, who releases; pid -> died (waiting is kept), who
// has found out that pid is dead.
const (
	waitingBit = 1 << 31
	diedBit    = 1 << 30
	pidMask    = 1<<30 - 1
)

// A Mutex is a lock between processes. Goroutines of one process are the same
// owner to it: its user keeps them apart.
type Mutex struct{ w *atomic.Uint32 }

// MutexAt is the mutex in the word w.
func MutexAt(w *atomic.Uint32) Mutex { return Mutex{w} }

// Lock acquires m. It reports whether the last holder died with it: m is then
// held all the same, and what it guards may be half done.
func (m Mutex) Lock(ctx context.Context, env Env) (ownerDied bool, err error) {
	slept := uint32(0)
	for {
		v := m.w.Load()
		if v&pidMask == 0 {
			// Others may be asleep whenever we slept ourselves: leave the
			// mark, or the release that follows would wake nobody.
			if m.w.CompareAndSwap(v, env.Pid()|v&waitingBit|slept) {
				return v&diedBit != 0, nil
			}
			continue
		}
		if v&waitingBit == 0 && !m.w.CompareAndSwap(v, v|waitingBit) {
			continue
		}
		look, err := env.Wait(ctx, m.w, v|waitingBit)
		if err != nil {
			return false, err
		}
		slept = waitingBit
		if look && env.Dead(v&pidMask) {
			m.Bury(env, v&pidMask)
		}
	}
}

// TryLock acquires m if it is free.
func (m Mutex) TryLock(env Env) (ok, ownerDied bool) {
	for {
		v := m.w.Load()
		if v&pidMask != 0 {
			return false, false
		}
		if m.w.CompareAndSwap(v, env.Pid()|v&waitingBit) {
			return true, v&diedBit != 0
		}
	}
}

// Unlock releases m, and reports false if this process does not hold it.
func (m Mutex) Unlock(env Env) bool {
	for {
		v := m.w.Load()
		if v&pidMask != env.Pid() {
			return false
		}
		if !m.w.CompareAndSwap(v, 0) {
			continue // the waiting bit came in between
		}
		// If we die here, the sleepers find the word free after their nap.
		if v&waitingBit != 0 {
			env.Wake(m.w)
		}
		return true
	}
}

// Owner is the pid of the holder, 0 if m is free.
func (m Mutex) Owner() uint32 { return m.w.Load() & pidMask }

// Bury marks m as left by a dead holder if it is pid's.
func (m Mutex) Bury(env Env, pid uint32) {
	for {
		v := m.w.Load()
		if v&pidMask != pid {
			return
		}
		if m.w.CompareAndSwap(v, v&waitingBit|diedBit) {
			env.Wake(m.w)
			return
		}
	}
}
