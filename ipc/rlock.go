package ipc

import (
	"context"
	"fmt"
	"runtime"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// An RLock is a lock that the process which holds it can acquire again. It is
// free when it was released as often. Use [NewRLock]; the zero value does not
// work. It must not be copied, but handed to children in their arguments.
//
// It belongs to the process as a whole, since goroutines have no identity: it
// excludes other processes, and never the goroutines of one from each other.
// Where that is wanted too, use a [Lock], or a sync.Mutex beside it.
//
// The last Release synchronizes before the Acquire that follows it, in any
// process. If a process ends while it holds the lock, the next Acquire returns
// ErrOwnerDied, and holds it. In Python: multiprocessing.RLock, which belongs
// to a thread.
type RLock struct {
	h *space.Handle
	m word.RMutex
}

// NewRLock makes a lock that nobody holds.
func NewRLock() (*RLock, error) {
	h, err := newHandle(space.Shape{Kind: space.RLock, Maps: 1})
	if err != nil {
		return nil, fmt.Errorf("ipc: rlock: %w", err)
	}
	l := new(RLock)
	l.adopt(h)
	return l, nil
}

func (l *RLock) held() *space.Handle { return l.h }
func (l *RLock) kind() space.Kind    { return space.RLock }

// adopt keeps h's memory mapped, as that of a Lock does.
func (l *RLock) adopt(h *space.Handle) {
	l.h, l.m = h, h.RMutex()
	keepMapped(l, h)
}

// Acquire takes the lock once more, waiting until no other process holds it.
// It returns ctx.Err() if ctx ends first, and ErrClosed. ErrOwnerDied means
// that the caller has the lock, but that the last holder ended without
// releasing it.
func (l *RLock) Acquire(ctx context.Context) error {
	if l.h.Closed() != nil {
		return ErrClosed
	}
	died, err := l.m.Lock(ctx, l.h)
	if err != nil {
		return public(err)
	}
	return l.acquired(died)
}

// TryAcquire takes the lock once more if no other process holds it, else it
// returns ErrWouldBlock.
func (l *RLock) TryAcquire() error {
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
func (l *RLock) acquired(died bool) error {
	if l.h.Logs() {
		l.h.Log(eventlog.Acquire, died)
	}
	switch {
	case l.h.Closed() != nil: // meanwhile, by another goroutine
		if l.h.Logs() {
			l.h.Log(eventlog.GiveUp, false)
		}
		l.m.UnlockAll(l.h, died)
		return ErrClosed
	case died:
		return ErrOwnerDied
	}
	runtime.KeepAlive(l)
	return nil
}

// Release takes back one Acquire. It panics if this process does not hold the
// lock. After Close, which releases the lock, it does nothing.
func (l *RLock) Release() {
	if l.h.Logs() {
		l.h.Log(eventlog.Release, false)
	}
	if l.h.Closed() == nil && !l.m.Unlock(l.h) && l.h.Closed() == nil {
		panic("ipc: release of a lock that this process does not hold")
	}
	runtime.KeepAlive(l)
}

// Close gives up this process's use of the lock, and releases it if this
// process holds it. It always returns nil, and can be called again.
func (l *RLock) Close() error {
	if l.h.Enter() == nil {
		l.h.Close() // first: an Acquire under way looks for it
		if l.h.Logs() {
			l.h.Log(eventlog.GiveUp, false)
		}
		l.m.UnlockAll(l.h, false)
		l.h.Exit()
	}
	return nil
}
