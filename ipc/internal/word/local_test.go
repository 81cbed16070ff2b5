package word

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func TestLocalIsWaitedForWithContext(t *testing.T) {
	watchdog.Start(t)
	l := new(Local)
	if err := l.enter(t.Context()); err != nil {
		t.Fatalf("enter() of a free gate = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.enter(ctx); err != context.Canceled {
		t.Errorf("enter() = %v; want context.Canceled", err)
	}
	done := make(chan error)
	go func() { done <- l.enter(context.Background()) }()
	l.leave()
	if err := <-done; err != nil {
		t.Errorf("enter() = %v", err)
	}
	l.leave()
	if err := l.enter(ctx); err != nil {
		t.Errorf("enter() of a free gate = %v; want nil, whatever the context", err)
	}
}

// inKernel counts who sleeps. Its time is that of a bubble of synctest.
type inKernel struct {
	alone
	asleep *atomic.Int32
}

func (e inKernel) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	e.asleep.Add(1)
	defer e.asleep.Add(-1)
	for w.Load() == old && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	return false, ctx.Err()
}

// Of all the goroutines of a process that wait for a lock, one takes a thread.
func TestLocalLetsOneGoroutineSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := inKernel{alone{t, 7}, new(atomic.Int32)}
		w := new(atomic.Uint32)
		w.Store(8)
		m := MutexAt(w, new(Local))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		const waiters = 5
		var locked atomic.Int32
		for i := range waiters {
			c := t.Context()
			if i%2 == 0 {
				c = ctx
			}
			wg.Go(func() {
				if _, err := m.Lock(c, env); err == nil {
					locked.Add(1)
					m.Unlock(env)
				} else if c != ctx || err != context.Canceled {
					t.Errorf("Lock() = %v", err)
				}
			})
		}
		synctest.Wait()
		if n := env.asleep.Load(); n != 1 {
			t.Errorf("%d goroutines sleep; want 1", n)
		}
		cancel() // both the one that may sleep, and those behind it
		synctest.Wait()
		if n := env.asleep.Load(); n != 1 {
			t.Errorf("%d goroutines sleep after some have left; want 1", n)
		}
		w.Store(0)
		wg.Wait()
		if n := locked.Load(); n != waiters/2 || w.Load() != 0 {
			t.Errorf("%d have had the lock, word %#x; want %d, 0", n, w.Load(), waiters/2)
		}
	})
}
