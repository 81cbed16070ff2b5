package ipc_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func newCond(t *testing.T, l ipc.Locker) *ipc.Cond {
	t.Helper()
	c, err := ipc.NewCond(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

type condArgs struct {
	C     *ipc.Cond
	Lock  *ipc.Lock // that of C, passed apart, or nil
	V     *ipc.Value[int]
	Until int // for which value of V to wait
	Out   *ipc.Queue[string]
}

// acquireLock acquires the lock of the condition.
func acquireLock(ctx context.Context, c *ipc.Cond) error {
	if err := c.L.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
		return err
	}
	return nil
}

// waitOnce says that it waits, and then that it has been notified.
func waitOnce(ctx context.Context, a condArgs) error {
	if err := acquireLock(ctx, a.C); err != nil {
		return err
	}
	defer a.C.L.Release()
	if err := a.Out.Put(ctx, "waits"); err != nil {
		return err
	}
	if err := a.C.Wait(ctx); err != nil && err != ipc.ErrOwnerDied {
		return err
	}
	return a.Out.Put(ctx, "woken")
}

// bump increases the value up to the last one, with a notification each time,
// and the guard of the value as the lock of the condition.
func bump(ctx context.Context, a condArgs) error {
	for n := 0; n < a.Until; {
		if err := a.V.Guard().Acquire(ctx); err != nil {
			return err
		}
		n = a.V.Load() + 1
		a.V.Store(n)
		a.C.NotifyAll()
		a.V.Guard().Release()
	}
	return nil
}

var (
	waitOnceTarget = ipc.NewTarget(waitOnce)
	bumpTarget     = ipc.NewTarget(bump)
)

// A waitingRoom has processes and goroutines that wait for a condition.
type waitingRoom struct {
	t  *testing.T
	c  *ipc.Cond
	q  *ipc.Queue[string]
	ps []*ipc.Process
	wg sync.WaitGroup
}

func newWaitingRoom(t *testing.T, l ipc.Locker) *waitingRoom {
	return &waitingRoom{t: t, c: newCond(t, l), q: newQueue[string](t, 0)}
}

// enter adds that many, and returns when they wait.
func (r *waitingRoom) enter(ctx context.Context, processes, goroutines int) {
	r.t.Helper()
	args := condArgs{C: r.c, Out: r.q}
	for range processes {
		p := ipc.NewProcess(waitOnceTarget, args)
		start(r.t, p)
		r.ps = append(r.ps, p)
	}
	for range goroutines {
		r.wg.Go(func() {
			if err := waitOnce(ctx, args); err != nil {
				r.t.Errorf("Wait() = %v", err)
			}
		})
	}
	r.expect(ctx, processes+goroutines, "waits")
	r.locked(ctx, func() {}) // the last one has released the lock, too
}

// expect takes that many messages, which must be what, and the last ones.
func (r *waitingRoom) expect(ctx context.Context, n int, what string) {
	r.t.Helper()
	for range n {
		if got := ok(r.q.Get(ctx))(r.t); got != what {
			r.t.Fatalf("one %s; want %d %s", got, n, what)
		}
	}
	time.Sleep(5 * time.Millisecond) // in which one too many would be seen
	if got, err := r.q.TryGet(); err != ipc.ErrWouldBlock && err != io.EOF {
		r.t.Errorf("after %d %s one more %s, %v", n, what, got, err)
	}
}

func (r *waitingRoom) locked(ctx context.Context, f func()) {
	r.t.Helper()
	if err := r.c.L.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
		r.t.Fatal(err)
	}
	defer r.c.L.Release()
	f()
}

func (r *waitingRoom) leave() {
	r.t.Helper()
	r.wg.Wait()
	join(r.t, r.ps...)
}

func TestCondNotifiesAsManyAsAsked(t *testing.T) { // COND-01, COND-02, COND-04
	for _, tt := range []struct {
		name                  string
		processes, goroutines int
		notify                []int // one after the other; 0 for all
	}{
		{"one by one", 1, 1, []int{1, 1}},
		{"all", 3, 3, []int{0}},
		{"two, four, nobody", 3, 3, []int{2, 4, 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := guard(t)
			r := newWaitingRoom(t, newLock(t))
			r.enter(ctx, tt.processes, tt.goroutines)
			left := tt.processes + tt.goroutines
			for _, n := range tt.notify {
				r.locked(ctx, func() {
					if n == 0 {
						r.c.NotifyAll()
					} else {
						r.c.Notify(n)
					}
				})
				woken := min(n, left)
				if n == 0 {
					woken = left
				}
				r.expect(ctx, woken, "woken")
				left -= woken
			}
			r.leave()
		})
	}
}

func TestCondWaitGivesUp(t *testing.T) { // COND-03, COND-05, COND-08
	ctx := guard(t)
	r := newWaitingRoom(t, newLock(t))
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			begin, limit := time.Now(), 100*time.Millisecond
			short, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			want := context.DeadlineExceeded
			if i == 0 {
				limit, want = 0, context.Canceled
				cancel()
			}
			if err := r.c.L.Acquire(ctx); err != nil {
				t.Error(err)
			}
			if err := r.c.Wait(short); err != want {
				t.Errorf("Wait() = %v; want %v", err, want)
			}
			if d := time.Since(begin); d < limit {
				t.Errorf("Wait() gave up after %v", d)
			}
			r.c.L.Release() // it has the lock, or this panics
		})
	}
	wg.Wait()
	r.enter(ctx, 2, 4)
	r.locked(ctx, r.c.NotifyAll)
	r.expect(ctx, 6, "woken")
	r.leave()
}

func TestCondNeedsItsLock(t *testing.T) { // COND-09
	ctx := guard(t)
	for _, l := range []ipc.Locker{newLock(t), newRLock(t), newValue(t, 0).Guard()} {
		c := newCond(t, l)
		mustPanic(t, "Wait()", func() { _ = c.Wait(ctx) })
		mustPanic(t, "Notify()", func() { c.Notify(1) })
		mustPanic(t, "NotifyAll()", c.NotifyAll)
		if err := l.TryAcquire(); err != nil {
			t.Errorf("TryAcquire() afterwards = %v", err)
		}
		c.Notify(1)
		l.Release()
	}
}

// The lock of the condition is the guard of a value, which travels, too.
func TestCondOfGuard(t *testing.T) {
	ctx := guard(t)
	v := newValue(t, 0)
	c := newCond(t, v.Guard())
	p := ipc.NewProcess(bumpTarget, condArgs{C: c, V: v, Until: 500})
	if err := v.Guard().Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	start(t, p)
	for n := 0; n < 500; n = v.Load() {
		if err := c.Wait(ctx); err != nil {
			t.Fatal(err)
		}
	}
	v.Guard().Release()
	join(t, p)
}

func TestCondReleasesAllLevels(t *testing.T) {
	ctx := guard(t)
	l := newRLock(t)
	r := newWaitingRoom(t, l)
	for range 3 {
		if err := l.Acquire(ctx); err != nil {
			t.Fatal(err)
		}
	}
	r.ps = []*ipc.Process{ipc.NewProcess(waitOnceTarget, condArgs{C: r.c, Out: r.q})}
	start(t, r.ps...)
	short, cancel := context.WithCancel(ctx)
	r.wg.Go(func() {
		if got, err := r.q.Get(ctx); got != "waits" { // so it has got the lock
			t.Errorf("Get() = %q, %v", got, err)
		}
		cancel()
	})
	if err := r.c.Wait(short); err != context.Canceled {
		t.Errorf("Wait() = %v", err)
	}
	r.c.NotifyAll()
	for range 3 {
		l.Release()
	}
	mustPanic(t, "the fourth Release()", l.Release)
	r.expect(ctx, 1, "woken")
	r.leave()
}

func TestCondClosed(t *testing.T) {
	for _, what := range []string{"condition", "lock"} {
		t.Run(what, func(t *testing.T) {
			ctx := guard(t)
			l := newLock(t)
			c := newCond(t, l)
			if err := l.Acquire(ctx); err != nil {
				t.Fatal(err)
			}
			wait := mustBlock(t, "Wait()", func() {
				if err := c.Wait(ctx); err != ipc.ErrClosed {
					t.Errorf("Wait() = %v; want ErrClosed", err)
				}
				l.Release()
			})
			if what == "lock" {
				l.Close()
			} else {
				c.Close()
			}
			wait()
			c.NotifyAll()
			if err := c.Wait(ctx); err != ipc.ErrClosed {
				t.Errorf("Wait() = %v", err)
			}
			if what == "condition" {
				if err := l.TryAcquire(); err != nil {
					t.Errorf("TryAcquire() = %v", err)
				}
			}
		})
	}
}

func TestCondRefusesNoLock(t *testing.T) {
	mustPanic(t, "NewCond(nil)", func() { _, _ = ipc.NewCond(nil) })
}
