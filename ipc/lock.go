package ipc

import (
	"context"
	"fmt"
	"runtime"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
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
type Lock struct {
	h   *space.Handle
	m   word.Mutex
	pid uint32
}

// NewLock makes a lock that nobody holds.
func NewLock() (*Lock, error) {
	o, err := newObject(space.Shape{Kind: space.Lock, Maps: 1})
	if err != nil {
		return nil, fmt.Errorf("ipc: lock: %w", err)
	}
	l := new(Lock)
	l.adopt(o.Open(0))
	return l, nil
}

func (l *Lock) held() *space.Handle { return l.h }
func (l *Lock) kind() space.Kind    { return space.Lock }

// adopt keeps h's memory mapped until l is garbage. So Acquire and Release
// touch one shared word and nothing else: they need not say that they are
// under way, as other operations do, for Close not to pull it from under them.
func (l *Lock) adopt(h *space.Handle) {
	l.h, l.m, l.pid = h, h.Mutex(), h.Pid()
	keepMapped(l, h)
}

// Acquire waits until the lock is free and takes it. It returns ctx.Err() if
// ctx ends first, and ErrClosed. ErrOwnerDied means that the caller has the
// lock, but that the last holder ended without releasing it.
func (l *Lock) Acquire(ctx context.Context) error {
	if l.h.Closed() == nil && l.m.TryFree(l.pid) {
		return l.acquired(false)
	}
	return l.wait(ctx)
}

func (l *Lock) wait(ctx context.Context) error {
	if l.h.Closed() != nil {
		return ErrClosed
	}
	died, err := l.m.Lock(ctx, l.h)
	if err != nil {
		return public(err)
	}
	return l.acquired(died)
}

// TryAcquire takes the lock if it is free, else it returns ErrWouldBlock.
func (l *Lock) TryAcquire() error {
	if l.h.Closed() != nil {
		return ErrClosed
	}
	ok, died := l.m.TryLock(l.h)
	if pid := l.m.Owner(); !ok && pid != 0 && l.h.Dead(pid) {
		l.m.Bury(l.h, pid)
		ok, died = l.m.TryLock(l.h)
	}
	if !ok {
		return ErrWouldBlock
	}
	return l.acquired(died)
}

// acquired is what a lock that was just taken means to the caller.
func (l *Lock) acquired(died bool) error {
	if l.h.Logs() {
		l.h.Log(eventlog.Acquire, died)
	}
	if died || l.h.Closed() != nil {
		return l.warn(died)
	}
	runtime.KeepAlive(l)
	return nil
}

func (l *Lock) warn(died bool) error {
	if l.h.Closed() != nil { // meanwhile, by another goroutine
		l.unlock(died)
		return ErrClosed
	}
	return ErrOwnerDied
}

// unlock gives the lock back, unless Close has done so. The next one learns
// of a death that the caller was not told of.
func (l *Lock) unlock(died bool) {
	if l.h.Logs() {
		l.h.Log(eventlog.GiveUp, false)
	}
	if died {
		l.m.UnlockDied(l.h)
	} else {
		l.m.Unlock(l.h)
	}
}

// Release frees the lock. It panics if this process does not hold it. After
// Close, which releases the lock, it does nothing.
func (l *Lock) Release() {
	if l.h.Logs() {
		l.h.Log(eventlog.Release, false)
	}
	if l.h.Closed() != nil || !l.m.Free(l.pid) {
		l.release()
	}
	runtime.KeepAlive(l)
}

func (l *Lock) release() {
	if l.h.Closed() == nil && !l.m.Unlock(l.h) && l.h.Closed() == nil {
		panic("ipc: release of a lock that this process does not hold")
	}
}

// Close gives up this process's use of the lock, and releases it if this
// process holds it. It always returns nil, and can be called again.
func (l *Lock) Close() error {
	if l.h.Enter() == nil {
		l.h.Close() // first: an Acquire under way looks for it
		if l.h.Logs() {
			l.h.Log(eventlog.GiveUp, false)
		}
		l.m.Unlock(l.h)
		l.h.Exit()
	}
	return nil
}
