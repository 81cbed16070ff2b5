package ipc_test

import (
	"context"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func TestLockIsTakenAndReleased(t *testing.T) { // LOCK-01, LOCK-02, LOCK-04, LOCK-05
	ctx := guard(t)
	l := newLock(t)
	r, s := channel[error2](t)
	inChild := func(want error) {
		t.Helper()
		p := ipc.NewProcess(tryLockTarget, lockArgs{Lock: l, Ready: s})
		start(t, p)
		text := ""
		if want != nil {
			text = want.Error()
		}
		if got := ok(r.Recv(ctx))(t); string(got) != text {
			t.Errorf("TryAcquire() in a child = %q; want %q", got, text)
		}
		join(t, p)
	}
	func() {
		if err := l.Acquire(ctx); err != nil {
			t.Fatal(err)
		}
		defer l.Release()
		if err := l.TryAcquire(); err != ipc.ErrWouldBlock {
			t.Errorf("TryAcquire() = %v", err)
		}
		if err := notBefore(t, 200*time.Millisecond, l.Acquire); err != context.DeadlineExceeded {
			t.Errorf("Acquire() = %v", err)
		}
		inChild(ipc.ErrWouldBlock)
	}()
	mustPanic(t, "the second Release()", l.Release)
	inChild(nil)
}

func TestEventIsWaitedFor(t *testing.T) { // EVT-01 to EVT-04
	ctx := guard(t)
	e := newEvent(t)
	unset := func() {
		t.Helper()
		if e.IsSet() || e.String() != "<Event unset>" {
			t.Errorf("it is %v", e)
		}
		if err := e.Wait(over()); err != context.Canceled {
			t.Errorf("Wait() without time = %v", err)
		}
		if err := notBefore(t, 100*time.Millisecond, e.Wait); err != context.DeadlineExceeded {
			t.Errorf("Wait() = %v", err)
		}
	}
	set := func() {
		t.Helper()
		for _, c := range []context.Context{ctx, soon(t), over()} {
			if err := e.Wait(c); err != nil || !e.IsSet() || e.String() != "<Event set>" {
				t.Errorf("Wait() = %v, %v", err, e)
			}
		}
	}
	unset()
	for range 2 {
		e.Set()
		set()
	}
	for range 2 {
		e.Clear()
		unset()
	}
	r, s := channel[bool](t)
	p := ipc.NewProcess(setLaterTarget, setLater{r, e})
	start(t, p)
	wait := mustBlock(t, "Wait", func() {
		if err := e.Wait(ctx); err != nil {
			t.Errorf("Wait() = %v", err)
		}
	})
	if err := s.Send(ctx, true); err != nil {
		t.Fatal(err)
	}
	wait()
	set()
	join(t, p)
}

type setLater struct {
	When *ipc.Receiver[bool]
	E    *ipc.Event
}

func (a setLater) Run(ctx context.Context) error {
	_, err := a.When.Recv(ctx)
	a.E.Set()
	return err
}

var setLaterTarget = ipc.TargetOf[setLater]()

// A waiter that is killed, shortly before it waits or while it does.
func TestEventWakesTheOthersOfAKilledWaiter(t *testing.T) { // ROB-15
	ctx := guard(t)
	for i := range 5 {
		e := newEvent(t)
		r, s := channel[bool](t)
		var ps []*ipc.Process
		for range 3 {
			p := ipc.NewProcess(eventTarget, eventArgs{E: e, Ready: s})
			start(t, p)
			ok(r.Recv(ctx))(t)
			ps = append(ps, p)
		}
		time.Sleep(time.Duration(i) * time.Millisecond) // where it is killed
		_ = ps[0].Kill()
		_ = ps[0].Join(ctx)
		if e.IsSet() {
			t.Error("it is set")
		}
		e.Set()
		join(t, ps[1:]...)
		e.Close()
	}
}
