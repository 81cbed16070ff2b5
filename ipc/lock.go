package ipc

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// A Lock is a mutex between processes, and between the goroutines of each.
// Use [NewLock]; the zero value does not work. It must not be copied, but
// handed to children in their arguments.
//
// A Release synchronizes before the Acquire that follows it, in any process.
// The lock belongs to the process: any of its goroutines may release it, and
// one that acquires it twice waits for another to do so. If a process ends
// while it holds the lock, the next Acquire returns ErrOwnerDied, and holds
// it. In Python: multiprocessing.Lock.
type Lock struct{ h *space.Handle }

// NewLock makes a lock that nobody holds.
func NewLock() (*Lock, error) {
	o, err := newObject(space.Shape{Kind: space.Lock, Maps: 1})
	if err != nil {
		return nil, fmt.Errorf("ipc: lock: %w", err)
	}
	return &Lock{o.Open(0)}, nil
}

func (l *Lock) held() *space.Handle   { return l.h }
func (l *Lock) kind() space.Kind      { return space.Lock }
func (l *Lock) adopt(h *space.Handle) { l.h = h }

// Acquire waits until the lock is free and takes it. It returns ctx.Err() if
// ctx ends first, and ErrClosed. ErrOwnerDied means that the caller has the
// lock, but that the last holder ended without releasing it.
func (l *Lock) Acquire(ctx context.Context) error {
	return l.take(l.h.In.Lock(ctx), func() (bool, error) { return l.h.Mutex().Lock(ctx, l.h) })
}

// TryAcquire takes the lock if it is free, else it returns ErrWouldBlock.
func (l *Lock) TryAcquire() error {
	var gate error
	if !l.h.In.TryLock() {
		gate = ErrWouldBlock
	}
	return l.take(gate, l.try)
}

func (l *Lock) try() (died bool, err error) {
	m := l.h.Mutex()
	ok, died := m.TryLock(l.h)
	if pid := m.Owner(); !ok && pid != 0 && l.h.Dead(pid) {
		m.Bury(l.h, pid)
		ok, died = m.TryLock(l.h)
	}
	if !ok {
		return false, word.ErrWouldBlock
	}
	return died, nil
}

// take takes the shared word; gate is the error of taking the gate of this
// process, which it keeps if it succeeds.
func (l *Lock) take(gate error, lock func() (died bool, err error)) error {
	if gate != nil {
		return gate
	}
	if err := l.h.Enter(); err != nil {
		l.h.In.Unlock()
		return public(err)
	}
	defer l.h.Exit()
	died, err := lock()
	switch {
	case err != nil:
		l.h.In.Unlock()
		return public(err)
	case l.h.Closed() != nil:
		l.unlock() // unless Close has seen that it was held
		return ErrClosed
	case died:
		return ErrOwnerDied
	}
	return nil
}

// unlock frees the lock if this process holds it, and reports whether it did.
func (l *Lock) unlock() bool {
	held := l.h.Mutex().Unlock(l.h)
	if held {
		l.h.In.Unlock()
	}
	return held
}

// Release frees the lock. It panics if this process does not hold it. After
// Close, which releases the lock, it does nothing.
func (l *Lock) Release() {
	if l.h.Enter() != nil {
		return
	}
	held := l.unlock()
	l.h.Exit()
	if !held {
		panic("ipc: release of a lock that this process does not hold")
	}
}

// Close gives up this process's use of the lock, and releases it if this
// process holds it. It always returns nil, and can be called again.
func (l *Lock) Close() error {
	if l.h.Enter() == nil {
		l.h.Close() // first: an Acquire under way looks for it
		l.unlock()
		l.h.Exit()
	}
	return nil
}
