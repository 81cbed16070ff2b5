package ipc

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// A Locker is what a [Cond] can go with: a [Lock] or an [RLock].
type Locker interface {
	Acquire(ctx context.Context) error
	TryAcquire() error
	Release()
	Close() error

	traveler
	unlockAll() (depth int) // 0 if this process does not hold it
	lockAll(depth int) error
	holds() bool
}

func (l *Lock) holds() bool         { return l.m.Owner() == l.pid }
func (l *Lock) lockAll(_ int) error { return l.Acquire(context.Background()) }
func (l *Lock) unlockAll() (depth int) {
	if l.h.Logs() && l.holds() {
		l.h.Log(eventlog.Release, false) // before it is free, or two would seem to hold it
	}
	if l.h.Closed() == nil && l.m.Unlock(l.h) {
		return 1
	}
	return 0
}

func (l *RLock) holds() bool { return l.m.Held() }
func (l *RLock) unlockAll() (depth int) {
	if l.h.Logs() {
		l.h.Log(eventlog.GiveUp, false)
	}
	return l.m.UnlockAll(l.h, false)
}

func (l *RLock) lockAll(depth int) error {
	died, err := l.m.LockAll(context.Background(), l.h, depth)
	if err != nil {
		return public(err)
	}
	for l.h.Logs() && depth > 1 {
		l.h.Log(eventlog.Acquire, false)
		depth-- // the last one is logged below
	}
	return l.acquired(died)
}

// A Cond lets processes wait until others have changed what a lock guards. Use
// [NewCond]; the zero value does not work. It must not be copied, but handed to
// children in their arguments, where its lock comes along with it.
//
// Who notifies waits for nobody. If a process is killed while it waits, that
// is of no concern to the others; if it had been notified, and has not come
// back with the lock, another is notified in its place. In Python:
// multiprocessing.Condition.
type Cond struct {
	// L is the lock, to be held by whoever looks at the condition or changes
	// it. It must not be assigned to.
	L Locker

	h *space.Handle
	c word.Cond
}

// NewCond makes a condition of what l guards. Several may have the same lock.
// It panics if l is nil.
func NewCond(l Locker) (*Cond, error) {
	if l == nil {
		panic("ipc: NewCond without a lock")
	}
	sh := space.Shape{Kind: space.Cond, Maps: 1, Data: space.CondData}
	if _, ok := l.(*RLock); ok {
		sh.Param = condOfRLock
	}
	h, err := newHandle(sh)
	if err != nil {
		return nil, fmt.Errorf("ipc: cond: %w", err)
	}
	c := &Cond{L: l}
	c.adopt(h)
	return c, nil
}

// condOfRLock is the parameter of a Cond whose lock is an RLock.
const condOfRLock = 1

func (c *Cond) held() *space.Handle { return c.h }
func (c *Cond) kind() space.Kind    { return space.Cond }

// adopt leaves it to others to adopt L, which travels behind it.
func (c *Cond) adopt(h *space.Handle) {
	if c.h, c.c = h, h.Cond(); c.L != nil {
		return
	}
	if c.L = new(Lock); h.Param() == condOfRLock {
		c.L = new(RLock)
	}
}

// Wait releases the lock, however often this process has acquired it, waits
// until it is notified, and acquires the lock again as often. It returns
// ctx.Err() if ctx ends first, then too with the lock, for which it waits even
// so. Others may have had the lock before, so look at the condition again:
//
//	for !condition() {
//		if err := c.Wait(ctx); err != nil {
//			return err
//		}
//	}
//
// ErrOwnerDied means that the caller has the lock, but that another process
// ended while it held it; it is joined with ctx.Err() if both happened. After
// ErrClosed, which is returned when this process closes c or its lock, the
// lock is held only if it is not closed. Wait panics if this process does not
// hold the lock.
func (c *Cond) Wait(ctx context.Context) error {
	if err := c.h.Enter(); err != nil {
		return public(err)
	}
	defer c.h.Exit()
	e, ok := c.c.Enlist()
	if !ok {
		return errors.New("ipc: too many wait for one condition")
	}
	depth := c.L.unlockAll()
	if depth == 0 {
		c.leave(e)
		return c.mustHold("Wait", false)
	}
	err := public(c.c.Wait(ctx, condEnv{c.h, c.L.held()}, e))
	lockErr := c.L.lockAll(depth)
	switch {
	case err == nil && lockErr == ErrClosed:
		c.c.PassOn(c.h, e)
	case err == nil:
		c.c.Done(e)
	}
	if err == nil || lockErr == ErrClosed {
		return lockErr
	}
	if lockErr == nil {
		return err
	}
	return errors.Join(lockErr, err)
}

// leave takes back an entry that nobody has waited in.
func (c *Cond) leave(e word.Entry) {
	if !c.c.GiveBack(e) {
		c.c.PassOn(c.h, e)
	}
}

// mustHold panics if this process does not hold the lock, unless that is for
// having closed it.
func (c *Cond) mustHold(what string, holds bool) error {
	if c.L.held().Closed() != nil {
		return ErrClosed
	}
	if !holds {
		panic("ipc: " + what + " without the lock of the condition")
	}
	return nil
}

// condEnv is the word.Env of a wait, which ends when its lock is closed, too:
// after a nap, since nobody wakes it for that.
type condEnv struct {
	*space.Handle
	lock *space.Handle
}

func (e condEnv) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (look bool, err error) {
	if look, err = e.Handle.Wait(ctx, w, old); err == nil {
		err = e.lock.Closed()
	}
	return look, err
}

// WaitFor waits until pred reports true, which it asks, with the lock, at first
// and after each Wait. It returns nil when it does, and otherwise what Wait
// returns.
func (c *Cond) WaitFor(ctx context.Context, pred func() bool) error {
	for !pred() {
		if err := c.Wait(ctx); err != nil {
			if err == ctx.Err() && pred() {
				return nil
			}
			return err
		}
	}
	return nil
}

// Notify ends the waits of n that wait, those that have waited longest first,
// or of all if there are fewer. They go on when the lock is released. It panics
// if this process does not hold the lock. After Close it does nothing.
func (c *Cond) Notify(n int) {
	c.notify("Notify", func() { c.c.Notify(c.h, n) })
}

// NotifyAll ends the waits of all that wait, as Notify does.
func (c *Cond) NotifyAll() {
	c.notify("NotifyAll", func() { c.c.NotifyAll(c.h) })
}

func (c *Cond) notify(what string, f func()) {
	if c.h.Enter() == nil {
		defer c.h.Exit()
		if c.mustHold(what, c.L.holds()) == nil {
			if c.h.Logs() {
				c.h.Log(eventlog.Notify, false)
			}
			f()
		}
	}
}

// Close gives up this process's use of the condition, but not of its lock.
// Waits under way return ErrClosed. It always returns nil, and can be called
// again.
func (c *Cond) Close() error {
	c.h.Close()
	return nil
}
