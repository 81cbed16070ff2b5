package ipc_test

import (
	"context"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func newLock(t *testing.T) *ipc.Lock {
	t.Helper()
	l := ok(ipc.NewLock())(t)
	held := l // package testing keeps the function, which must not keep the lock
	t.Cleanup(func() { held.Close(); held = nil })
	return l
}

type lockArgs struct {
	Lock  *ipc.Lock
	Count *ipc.Queue[int] // holds one number, which the lock guards
	Times int
	Ready *ipc.Sender[error2]
}

// error2 is an error's text, as errors do not travel.
type error2 string

func increment(ctx context.Context, a lockArgs) error {
	for range a.Times {
		if err := a.Lock.Acquire(ctx); err != nil {
			return err
		}
		n, err := a.Count.TryGet()
		if err == nil {
			err = a.Count.TryPut(n + 1)
		}
		a.Lock.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func holdLock(ctx context.Context, a lockArgs) error {
	if err := a.Lock.Acquire(ctx); err != nil {
		return err
	}
	if err := a.Ready.Send(ctx, ""); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func tryLock(ctx context.Context, a lockArgs) error {
	text := ""
	if err := a.Lock.TryAcquire(); err != nil {
		text = err.Error()
	} else {
		a.Lock.Release()
	}
	return a.Ready.Send(ctx, error2(text))
}

var (
	incrementTarget = ipc.NewTarget(increment)
	holdLockTarget  = ipc.NewTarget(holdLock)
	tryLockTarget   = ipc.NewTarget(tryLock)
)

func TestLockExcludes(t *testing.T) { // LOCK-03
	ctx := guard(t)
	l, q := newLock(t), newQueue[int](t, 1)
	if err := q.Put(ctx, 0); err != nil {
		t.Fatal(err)
	}
	var ps []*ipc.Process
	for range 4 {
		ps = append(ps, ipc.NewProcess(incrementTarget, lockArgs{Lock: l, Count: q, Times: 1000}))
	}
	start(t, ps...)
	join(t, ps...)
	if n := ok(q.Get(ctx))(t); n != 4000 {
		t.Errorf("counted to %d", n)
	}
}

func TestLockIsSeenByOthers(t *testing.T) { // LOCK-01, LOCK-04, LOCK-05
	ctx := guard(t)
	l := newLock(t)
	r, s := channel[error2](t)
	try := func() error2 {
		p := ipc.NewProcess(tryLockTarget, lockArgs{Lock: l, Ready: s})
		start(t, p)
		defer join(t, p)
		return ok(r.Recv(ctx))(t)
	}
	if err := l.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	if got := try(); string(got) != ipc.ErrWouldBlock.Error() {
		t.Errorf("TryAcquire() of a held lock = %q", got)
	}
	if err := l.TryAcquire(); err != ipc.ErrWouldBlock {
		t.Errorf("TryAcquire() of our own lock = %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := l.Acquire(short); err != context.DeadlineExceeded {
		t.Errorf("Acquire() = %v", err)
	}
	l.Release()
	if got := try(); got != "" {
		t.Errorf("TryAcquire() of a free lock = %q", got)
	}
}

func TestReleaseByNonHolderPanics(t *testing.T) {
	guard(t)
	l := newLock(t)
	defer func() {
		if recover() == nil {
			t.Error("Release() did not panic")
		}
		if err := l.TryAcquire(); err != nil {
			t.Errorf("afterwards TryAcquire() = %v", err)
		}
	}()
	l.Release()
}

func TestLockOfKilledHolderIsHandedOver(t *testing.T) { // KF-17, ROB-13
	for _, try := range []bool{false, true} {
		t.Run(map[bool]string{false: "Acquire", true: "TryAcquire"}[try], func(t *testing.T) {
			ctx := guard(t)
			l := newLock(t)
			r, s := channel[error2](t)
			p := ipc.NewProcess(holdLockTarget, lockArgs{Lock: l, Ready: s})
			start(t, p)
			ok(r.Recv(ctx))(t)
			acquire := func() error { return l.Acquire(ctx) }
			if try {
				_ = p.Kill()
				<-p.Sentinel()
				acquire = l.TryAcquire
			} else {
				wait := mustBlock(t, "Acquire", func() { err := l.Acquire(ctx); acquire = func() error { return err } })
				_ = p.Kill()
				wait()
			}
			if err := acquire(); err != ipc.ErrOwnerDied {
				t.Errorf("after the holder's death: %v", err)
			}
			l.Release()
			if err := l.Acquire(ctx); err != nil {
				t.Errorf("after recovery: %v", err)
			}
			l.Release()
			_ = p.Join(ctx)
		})
	}
}
