package ipc_test

import (
	"context"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// waitUntil waits for a value.
func waitUntil(ctx context.Context, a condArgs) error {
	if err := a.Lock.Acquire(ctx); err != nil {
		return err
	}
	defer a.Lock.Release()
	a.V.Store(0)
	a.C.Notify(1)
	return a.C.WaitFor(ctx, func() bool { return a.V.Load() == a.Until })
}

var waitUntilTarget = ipc.NewTarget(waitUntil)

func TestCondWaitForValue(t *testing.T) { // COND-06, COND-07
	for _, tt := range []struct {
		name  string
		until int
		want  bool
	}{{"reached", 4, true}, {"not reached", 5, false}} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := guard(t)
			l, v := newLock(t), newValue(t, -1)
			c := newCond(t, l)
			p := ipc.NewProcess(waitUntilTarget, condArgs{C: c, Lock: l, V: v, Until: tt.until})
			if err := l.Acquire(ctx); err != nil {
				t.Fatal(err)
			}
			start(t, p)
			if err := c.WaitFor(ctx, func() bool { return v.Load() == 0 }); err != nil {
				t.Errorf("WaitFor() = %v", err)
			}
			for range 4 {
				v.Add(1)
				c.Notify(1)
				l.Release()
				if err := l.Acquire(ctx); err != nil {
					t.Fatal(err)
				}
			}
			l.Release()
			if tt.want {
				join(t, p)
				return
			}
			wait := mustBlock(t, "WaitFor()", func() { <-p.Sentinel() })
			_ = p.Kill()
			wait()
			_ = p.Join(ctx)
		})
	}
}

func TestCondWaitForLooksFirst(t *testing.T) { // COND-07, COND-14
	ctx := guard(t)
	l := newLock(t)
	c := newCond(t, l)
	if err := l.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := c.WaitFor(ended, func() bool { return true }); err != nil {
		t.Errorf("WaitFor() what is = %v", err)
	}
	if err := c.WaitFor(ended, func() bool { return false }); err != context.Canceled {
		t.Errorf("WaitFor() what is not = %v", err)
	}
	asked := 0
	if err := c.WaitFor(ended, func() bool { asked++; return asked == 2 }); err != nil {
		t.Errorf("WaitFor() what is at the end = %v", err)
	}
}

// A buffer of one, between any number of processes, with two conditions.
type buffer struct {
	Full, Empty *ipc.Cond
	V           *ipc.Value[int] // 0 for none
	Times       int
	Sum         *ipc.Value[int]
}

func fill(ctx context.Context, b buffer) error {
	for i := range b.Times {
		if err := b.Empty.L.Acquire(ctx); err != nil {
			return err
		}
		if err := b.Empty.WaitFor(ctx, func() bool { return b.V.Load() == 0 }); err != nil {
			return err
		}
		b.V.Store(i + 1)
		b.Full.Notify(1)
		b.Empty.L.Release()
	}
	return nil
}

func drain(ctx context.Context, b buffer) error {
	for range b.Times {
		if err := b.Full.L.Acquire(ctx); err != nil {
			return err
		}
		if err := b.Full.WaitFor(ctx, func() bool { return b.V.Load() != 0 }); err != nil {
			return err
		}
		b.Sum.Add(b.V.Load())
		b.V.Store(0)
		b.Empty.Notify(1)
		b.Full.L.Release()
	}
	return nil
}

var (
	fillTarget  = ipc.NewTarget(fill)
	drainTarget = ipc.NewTarget(drain)
)

func TestCondsOfOneLock(t *testing.T) {
	guard(t)
	const times, each = 300, 2
	l := newLock(t)
	b := buffer{newCond(t, l), newCond(t, l), newValue(t, 0), times, newValue(t, 0)}
	var ps []*ipc.Process
	for range each {
		ps = append(ps, ipc.NewProcess(fillTarget, b), ipc.NewProcess(drainTarget, b))
	}
	start(t, ps...)
	join(t, ps...)
	if got, want := b.Sum.Load(), each*times*(times+1)/2; got != want {
		t.Errorf("sum = %d; want %d", got, want)
	}
}
