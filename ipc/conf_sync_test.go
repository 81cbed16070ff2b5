package ipc_test

import (
	"context"
	"fmt"
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

// counterArgs is a counter that others wait for.
type counterArgs struct {
	C     *ipc.Cond
	V     *ipc.Value[int]
	Until int
	Limit time.Duration // 0: none
	Said  *ipc.Sender[string]
}

// awaitCount says that it waits for the counter, and then with what success.
func awaitCount(ctx context.Context, a counterArgs) error {
	if err := a.C.L.Acquire(ctx); err != nil {
		return err
	}
	defer a.C.L.Release()
	if err := a.Said.Send(ctx, "waits"); err != nil {
		return err
	}
	began := time.Now()
	if a.Limit > 0 {
		short, cancel := context.WithTimeout(ctx, a.Limit)
		defer cancel()
		ctx = short
	}
	err := a.C.WaitFor(ctx, func() bool { return a.V.Load() == a.Until })
	result := fmt.Sprint(err)
	if time.Since(began) < a.Limit {
		result += " too early"
	}
	return a.Said.Send(context.Background(), result)
}

var awaitCountTarget = ipc.NewTarget(awaitCount)

func TestCondWaitForCountsNotifications(t *testing.T) { // COND-06, COND-07
	for _, tt := range []struct {
		increments int
		limit      time.Duration
		want       string
	}{{4, 0, "<nil>"}, {3, 100 * time.Millisecond, context.DeadlineExceeded.Error()}} {
		t.Run(tt.want, func(t *testing.T) {
			ctx := guard(t)
			c, v := newCond(t, newLock(t)), newValue(t, 0)
			r, s := channel[string](t)
			p := ipc.NewProcess(awaitCountTarget, counterArgs{c, v, 4, tt.limit, s})
			start(t, p)
			ok(r.Recv(ctx))(t)
			for range tt.increments {
				if err := c.L.Acquire(ctx); err != nil {
					t.Fatal(err)
				}
				v.Add(1)
				c.Notify(1)
				c.L.Release()
			}
			if got := ok(r.Recv(ctx))(t); got != tt.want {
				t.Errorf("WaitFor() after %d increments = %s; want %s", tt.increments, got, tt.want)
			}
			join(t, p)
		})
	}
}

func notifyOnce(ctx context.Context, c *ipc.Cond) error {
	if err := c.L.Acquire(ctx); err != nil {
		return err
	}
	c.Notify(1)
	c.L.Release()
	return nil
}

var notifyOnceTarget = ipc.NewTarget(notifyOnce)

func TestCondWaitTellsWhyItEnds(t *testing.T) { // COND-05, COND-08
	ctx := guard(t)
	c := newCond(t, newLock(t))
	if err := c.L.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	defer c.L.Release()
	if err := c.Wait(over()); err != context.Canceled {
		t.Errorf("Wait() without time = %v", err)
	}
	if err := notBefore(t, 100*time.Millisecond, c.Wait); err != context.DeadlineExceeded {
		t.Errorf("Wait() = %v", err)
	}
	p := ipc.NewProcess(notifyOnceTarget, c)
	start(t, p) // it has the lock when we wait
	if err := c.Wait(soon(t)); err != nil {
		t.Errorf("Wait() for a child = %v", err)
	}
	join(t, p)
	short, cancel := context.WithCancel(ctx)
	wait := mustBlock(t, "Wait", func() {
		if err := c.Wait(short); err != context.Canceled {
			t.Errorf("Wait() = %v", err)
		}
	})
	cancel()
	wait()
}
