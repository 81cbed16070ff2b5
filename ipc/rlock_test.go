package ipc_test

import (
	"context"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func newRLock(t *testing.T) *ipc.RLock {
	t.Helper()
	l, err := ipc.NewRLock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

type rlockArgs struct {
	Lock, Same *ipc.RLock // twice the same
	V          *ipc.Value[int]
	Times      int
	Ready      *ipc.Sender[error2]
}

func tryRLock(ctx context.Context, a rlockArgs) error {
	text := ""
	if err := a.Lock.TryAcquire(); err != nil {
		text = err.Error()
	} else {
		a.Lock.Release()
	}
	return a.Ready.Send(ctx, error2(text))
}

// holdRLock holds the lock by both of its names.
func holdRLock(ctx context.Context, a rlockArgs) error {
	if err := a.Lock.Acquire(ctx); err != nil {
		return err
	}
	if err := a.Same.TryAcquire(); err != nil {
		return err
	}
	a.Lock.Release()
	if err := a.Ready.Send(ctx, ""); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// addDeep adds 1 to the value at the third level of the lock.
func addDeep(ctx context.Context, a rlockArgs) error {
	for range a.Times {
		for range 3 {
			if err := a.Lock.Acquire(ctx); err != nil {
				return err
			}
		}
		a.V.Store(a.V.Load() + 1)
		for range 3 {
			a.Lock.Release()
		}
	}
	return nil
}

var (
	tryRLockTarget  = ipc.NewTarget(tryRLock)
	holdRLockTarget = ipc.NewTarget(holdRLock)
	addDeepTarget   = ipc.NewTarget(addDeep)
)

func TestRLockCounts(t *testing.T) { // RLOCK-01, RLOCK-02
	ctx := guard(t)
	l := newRLock(t)
	r, s := channel[error2](t)
	try := func() string {
		p := ipc.NewProcess(tryRLockTarget, rlockArgs{Lock: l, Ready: s})
		start(t, p)
		defer join(t, p)
		return string(ok(r.Recv(ctx))(t))
	}
	for i := range 3 {
		if err := l.Acquire(ctx); err != nil {
			t.Errorf("Acquire() %d = %v", i, err)
		}
	}
	for i := range 3 {
		if got := try(); got != ipc.ErrWouldBlock.Error() {
			t.Errorf("TryAcquire() by another after %d of 3 releases = %q", i, got)
		}
		l.Release()
	}
	if got := try(); got != "" {
		t.Errorf("TryAcquire() by another at last = %q", got)
	}
	mustPanic(t, "the fourth Release()", l.Release)
}

func TestRLockExcludes(t *testing.T) {
	guard(t)
	const times = 2000
	a := rlockArgs{Lock: newRLock(t), V: newValue(t, 0), Times: times}
	var ps []*ipc.Process
	for range 3 {
		ps = append(ps, ipc.NewProcess(addDeepTarget, a))
	}
	start(t, ps...)
	join(t, ps...)
	if n := a.V.Load(); n != 3*times {
		t.Errorf("counted to %d; want %d", n, 3*times)
	}
}

func TestRLockOfKilledHolderIsHandedOver(t *testing.T) { // KF-17, ROB-13
	for _, try := range []bool{false, true} {
		t.Run(map[bool]string{false: "Acquire", true: "TryAcquire"}[try], func(t *testing.T) {
			ctx := guard(t)
			l := newRLock(t)
			r, s := channel[error2](t)
			p := ipc.NewProcess(holdRLockTarget, rlockArgs{Lock: l, Same: l, Ready: s})
			start(t, p)
			ok(r.Recv(ctx))(t)
			short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			if err := l.Acquire(short); err != context.DeadlineExceeded {
				t.Errorf("Acquire() of another's = %v", err)
			}
			acquire := l.TryAcquire
			if try {
				_ = p.Kill()
				<-p.Sentinel()
			} else {
				wait := mustBlock(t, "Acquire", func() { err := l.Acquire(ctx); acquire = func() error { return err } })
				_ = p.Kill()
				wait()
			}
			if err := acquire(); err != ipc.ErrOwnerDied {
				t.Errorf("after the holder's death: %v", err)
			}
			if err := l.TryAcquire(); err != nil {
				t.Errorf("the second level: %v", err)
			}
			l.Release()
			l.Release()
			_ = p.Join(ctx)
		})
	}
}

func TestRLockClosed(t *testing.T) {
	ctx := guard(t)
	l := newRLock(t)
	r, s := channel[error2](t)
	p := ipc.NewProcess(holdRLockTarget, rlockArgs{Lock: l, Same: l, Ready: s})
	for range 2 {
		if err := l.Acquire(ctx); err != nil {
			t.Fatal(err)
		}
	}
	start(t, p)
	l.Close() // with both levels
	ok(r.Recv(ctx))(t)
	l.Release()
	if err := l.Acquire(ctx); err != ipc.ErrClosed {
		t.Errorf("Acquire() = %v", err)
	}
	if err := l.TryAcquire(); err != ipc.ErrClosed {
		t.Errorf("TryAcquire() = %v", err)
	}
	_ = p.Kill()
	_ = p.Join(ctx)
}

func TestRLockWaitEndsWithClose(t *testing.T) {
	ctx := guard(t)
	l := newRLock(t)
	r, s := channel[error2](t)
	p := ipc.NewProcess(holdRLockTarget, rlockArgs{Lock: l, Same: l, Ready: s})
	start(t, p)
	ok(r.Recv(ctx))(t)
	wait := mustBlock(t, "Acquire", func() {
		if err := l.Acquire(ctx); err != ipc.ErrClosed {
			t.Errorf("Acquire() = %v", err)
		}
	})
	l.Close()
	wait()
	_ = p.Kill()
	_ = p.Join(ctx)
}
