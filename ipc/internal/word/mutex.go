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

// A Mutex is a lock between processes, and between the goroutines of each:
// one that finds its own pid in the word waits as for any other. Only for
// Unlock they are the same owner.
type Mutex struct {
	w     *atomic.Uint32
	local *Local
}

// MutexAt is the mutex in the word w. Local may be nil for one goroutine alone.
func MutexAt(w *atomic.Uint32, local *Local) Mutex { return Mutex{w, local} }

// Word is the word that the mutex is in.
func (m Mutex) Word() *atomic.Uint32 { return m.w }

// TryFree acquires m for the process pid if it is free and nothing is to be
// told of its last holder. It is what most acquisitions are, and small enough
// to be compiled into its caller.
func (m Mutex) TryFree(pid uint32) bool {
	if !m.w.CompareAndSwap(0, pid) {
		return false
	}
	m.local.acquired()
	return true
}

// Free releases m if the process pid holds it and nobody sleeps for it.
func (m Mutex) Free(pid uint32) bool {
	m.local.releases()
	return m.w.CompareAndSwap(pid, 0)
}

// Lock acquires m. It reports whether the last holder died with it: m is then
// held all the same, and what it guards may be half done.
func (m Mutex) Lock(ctx context.Context, env Env) (ownerDied bool, err error) {
	if m.TryFree(env.Pid()) {
		return false, nil
	}
	if err := m.local.enter(ctx); err != nil {
		return false, err
	}
	defer m.local.leave()
	return m.lock(ctx, env)
}

// spins is how often one wait for a lock tries again without sleeping when
// the word has changed and the lock was someone else's again.
const spins = 8

func (m Mutex) lock(ctx context.Context, env Env) (ownerDied bool, err error) {
	slept := uint32(0)
	for spun := 0; ; {
		v := m.w.Load()
		if v&pidMask == 0 {
			// Others may be asleep whenever we slept ourselves: leave the
			// mark, or the release that follows would wake nobody.
			if m.w.CompareAndSwap(v, env.Pid()|v&waitingBit|slept) {
				m.local.acquired()
				return v&diedBit != 0, nil
			}
			continue
		}
		if spun < spins {
			if !env.Spin(m.w, v, 2) {
				spun = spins
			}
			spun++
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
		if !look {
			spun = 0
		} else if env.Dead(v & pidMask) {
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
			m.local.acquired()
			return true, v&diedBit != 0
		}
	}
}

// Unlock releases m, and reports false if this process does not hold it.
func (m Mutex) Unlock(env Env) bool {
	return m.Free(env.Pid()) || m.leave(env, 0)
}

// UnlockDied is Unlock by one who could not make use of the lock: the next
// holder is told of the death that this one was told of.
func (m Mutex) UnlockDied(env Env) bool {
	m.local.releases()
	return m.leave(env, diedBit)
}

func (m Mutex) leave(env Env, to uint32) bool {
	for {
		v := m.w.Load()
		if v&pidMask != env.Pid() {
			return false
		}
		if !m.w.CompareAndSwap(v, to) {
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
