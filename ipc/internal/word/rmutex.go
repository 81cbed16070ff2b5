package word

import (
	"context"
	"sync"
)

// An RMutex is a Mutex that belongs to a process as a whole: all goroutines of
// the one that has it may lock it again, and it is free when each of them has
// unlocked it.
type RMutex struct {
	m Mutex
	d *Depth
}

// A Depth is how often a process has locked an RMutex. There is one for each
// of them in a process. The zero value is ready.
type Depth struct {
	mu   sync.Mutex
	n    int
	busy bool // a goroutine waits for the word; no other tries to get it before
}

// RMutexAt makes an RMutex of m, which has a Local.
func RMutexAt(m Mutex, d *Depth) RMutex { return RMutex{m, d} }

// TryLock locks r if it is free, or this process's already. It fails, too,
// when another goroutine of this process is waiting for it.
func (r RMutex) TryLock(env Env) (ok, ownerDied bool) {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	switch {
	case r.d.n > 0:
		r.d.n++
		return true, false
	case r.d.busy:
		return false, false
	}
	if ok, ownerDied = r.m.TryLock(env); ok {
		r.d.n = 1
	}
	return ok, ownerDied
}

// Lock locks r. It reports whether the last holder died with it.
func (r RMutex) Lock(ctx context.Context, env Env) (ownerDied bool, err error) {
	if ok, died := r.TryLock(env); ok {
		return died, nil
	}
	if err := r.m.local.enter(ctx); err != nil {
		return false, err
	}
	defer r.m.local.leave()
	if r.again() {
		return false, nil
	}
	died, err := r.m.lock(ctx, env)
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	if r.d.busy = false; err == nil {
		r.d.n = 1
	}
	return died, err
}

// again locks r if it is this process's, else it is the caller's turn to wait.
func (r RMutex) again() bool {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	if r.d.n == 0 {
		r.d.busy = true
		return false
	}
	r.d.n++
	return true
}

// Unlock takes back one Lock, and reports false if there was none.
func (r RMutex) Unlock(env Env) bool {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	if r.d.n == 0 {
		return false
	}
	if r.d.n--; r.d.n == 0 {
		r.m.Unlock(env)
	}
	return true
}

// UnlockAll takes all back, and returns how many there were. The next holder
// is told of a death that this one was told of and made nothing of.
func (r RMutex) UnlockAll(env Env, ownerDied bool) (depth int) {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	depth, r.d.n = r.d.n, 0
	switch {
	case depth == 0:
	case ownerDied:
		r.m.UnlockDied(env)
	default:
		r.m.Unlock(env)
	}
	return depth
}

// LockAll is so many times Lock.
func (r RMutex) LockAll(ctx context.Context, env Env, depth int) (ownerDied bool, err error) {
	if ownerDied, err = r.Lock(ctx, env); err == nil {
		r.d.mu.Lock()
		r.d.n += depth - 1
		r.d.mu.Unlock()
	}
	return ownerDied, err
}

// Held reports whether this process holds r.
func (r RMutex) Held() bool {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	return r.d.n > 0
}

// Owner is the pid of the holder, 0 if r is free.
func (r RMutex) Owner() uint32 { return r.m.Owner() }

// Bury marks r as left by a dead holder if it is pid's.
func (r RMutex) Bury(env Env, pid uint32) { r.m.Bury(env, pid) }
