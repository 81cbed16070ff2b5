package ipc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// killed has one of the waiters killed.
func (r *waitingRoom) killed(ctx context.Context, p *ipc.Process) {
	_ = p.Kill()
	_ = p.Join(ctx)
}

func TestCondOutlivesItsWaiters(t *testing.T) { // ROB-15, KF-18
	ctx := guard(t)
	r := newWaitingRoom(t, newLock(t))
	r.enter(ctx, 1, 0)
	first := r.ps[0]
	r.ps = nil
	r.enter(ctx, 1, 1)
	r.killed(ctx, first)
	r.locked(ctx, func() { r.c.Notify(2) }) // it would be the first of them
	r.expect(ctx, 2, "woken")
	r.leave()
}

// One that is notified and then killed before it has the lock again has had
// nothing of it: another is notified.
func TestCondPassesOnWhatTheDeadWereNotifiedOf(t *testing.T) { // ROB-15, KF-18
	ctx := guard(t)
	r := newWaitingRoom(t, newLock(t))
	r.enter(ctx, 1, 0)
	first := r.ps[0]
	r.ps = nil
	r.enter(ctx, 1, 0)
	r.locked(ctx, func() {
		r.c.Notify(1)
		r.killed(ctx, first) // it waits for the lock
	})
	r.expect(ctx, 1, "woken")
	r.leave()
}

// comeAndGo waits again and again, for as long as it takes or a moment, and
// notifies in between, until it is killed.
func comeAndGo(ctx context.Context, a condArgs) error {
	for i := 0; ; i++ {
		if err := acquireLock(ctx, a.C); err != nil {
			return err
		}
		if i == 50 {
			if err := a.Out.Put(ctx, "begun"); err != nil {
				return err
			}
		}
		a.C.Notify(1)
		short, cancel := context.WithTimeout(ctx, time.Duration(i%5)*100*time.Microsecond)
		err := a.C.Wait(short)
		cancel()
		if err != nil && err != context.DeadlineExceeded && !errors.Is(err, ipc.ErrOwnerDied) {
			return err
		}
		a.C.L.Release()
	}
}

var comeAndGoTarget = ipc.NewTarget(comeAndGo)

func TestCondStaysWholeWhoeverIsKilled(t *testing.T) { // ROB-15, KF-17, KF-18
	ctx := guard(t)
	r := newWaitingRoom(t, newLock(t))
	for range 8 {
		var ps []*ipc.Process
		for range 3 {
			ps = append(ps, ipc.NewProcess(comeAndGoTarget, condArgs{C: r.c, Out: r.q}))
		}
		start(t, ps...)
		for range ps {
			if got := ok(r.q.Get(ctx))(t); got != "begun" {
				t.Fatalf("one %s", got)
			}
		}
		for _, p := range ps {
			r.killed(ctx, p)
		}
		r.enter(ctx, 1, 1)
		r.locked(ctx, func() { r.c.Notify(1) })
		r.expect(ctx, 1, "woken")
		r.locked(ctx, func() { r.c.Notify(1) })
		r.expect(ctx, 1, "woken")
	}
	r.leave()
}

// holdAndNotify notifies, and is killed with the lock.
func holdAndNotify(ctx context.Context, a condArgs) error {
	if err := a.C.L.Acquire(ctx); err != nil {
		return err
	}
	a.C.NotifyAll()
	if err := a.Out.Put(ctx, "holds"); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

var holdAndNotifyTarget = ipc.NewTarget(holdAndNotify)

func TestCondTellsOfDeathWithTheLock(t *testing.T) { // KF-17
	ctx := guard(t)
	l := newLock(t)
	r := newWaitingRoom(t, l)
	p := ipc.NewProcess(holdAndNotifyTarget, condArgs{C: r.c, Out: r.q})
	if err := l.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	start(t, p)
	r.wg.Go(func() {
		if got, err := r.q.Get(ctx); got != "holds" {
			t.Errorf("Get() = %q, %v", got, err)
		}
		r.killed(ctx, p)
	})
	if err := r.c.Wait(ctx); err != ipc.ErrOwnerDied {
		t.Errorf("Wait() = %v; want ErrOwnerDied", err)
	}
	l.Release()
	r.leave()
}

func TestCondTellsOfDeathAndOfItsContext(t *testing.T) {
	ctx := guard(t)
	l := newLock(t)
	c, other := newCond(t, l), newCond(t, l) // nobody notifies c
	q := newQueue[string](t, 0)
	p := ipc.NewProcess(holdAndNotifyTarget, condArgs{C: other, Out: q})
	if err := l.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	start(t, p)
	short, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = q.Get(ctx)
		cancel()
		_ = p.Kill()
	}()
	if err := c.Wait(short); !errors.Is(err, ipc.ErrOwnerDied) || !errors.Is(err, context.Canceled) {
		t.Errorf("Wait() = %v; want ErrOwnerDied and Canceled", err)
	}
	l.Release()
	_ = p.Join(ctx)
}
