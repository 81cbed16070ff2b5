package word

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// newRMutex is the mutex in w, as another process sees it each time.
func newRMutex(w *atomic.Uint32) RMutex { return RMutexAt(MutexAt(w, new(Local)), new(Depth)) }

func TestRMutexCounts(t *testing.T) {
	w := new(atomic.Uint32)
	r, other, env := newRMutex(w), newRMutex(w), alone{t, 1}
	for i := range 3 {
		if died, err := r.Lock(t.Context(), env); died || err != nil {
			t.Fatalf("Lock() %d = %v, %v", i, died, err)
		}
	}
	for i := range 3 {
		if ok, _ := other.TryLock(alone{t, 2}); ok {
			t.Errorf("TryLock() by another after %d of 3 unlocks = true", i)
		}
		if !r.Held() || !r.Unlock(env) {
			t.Errorf("Unlock() %d = false", i)
		}
	}
	if r.Held() || r.Unlock(env) {
		t.Error("Unlock() of what is free = true")
	}
	if died, err := r.LockAll(t.Context(), env, 3); died || err != nil {
		t.Errorf("LockAll() = %v, %v", died, err)
	}
	if n := r.UnlockAll(env, false); n != 3 || r.UnlockAll(env, false) != 0 || w.Load() != 0 {
		t.Errorf("UnlockAll() = %d; want 3, then 0; word %#x", n, w.Load())
	}
}

func TestRMutexTellsOfDeathOnce(t *testing.T) {
	w := new(atomic.Uint32)
	w.Store(diedBit)
	r := newRMutex(w)
	if died, _ := r.Lock(t.Context(), alone{t, 1}); !died {
		t.Error("Lock() after a death = false")
	}
	if died, _ := r.Lock(t.Context(), alone{t, 1}); died {
		t.Error("Lock() of our own = true")
	}
	r.UnlockAll(alone{t, 1}, true)
	if ok, died := newRMutex(w).TryLock(alone{t, 2}); !ok || !died {
		t.Errorf("TryLock() of the next = %v, %v; want true, true", ok, died)
	}
}

func TestRMutexExcludesProcesses(t *testing.T) {
	everyOrder(t, 10000, func(w *world) func() {
		word, inside := new(atomic.Uint32), uint32(0)
		for range 3 {
			w.add(func(p *proc) {
				r := newRMutex(word)
				for range 2 {
					if died, err := r.Lock(context.Background(), p); died || err != nil {
						w.fail("Lock() = %v, %v", died, err)
					}
					if inside != 0 && inside != p.pid {
						w.fail("%d and %d are inside", inside, p.pid)
					}
					inside = p.pid
				}
				p.point()
				r.Unlock(p)
				p.point()
				inside = 0
				r.Unlock(p)
			})
		}
		return func() {
			if word.Load() != 0 {
				t.Errorf("word %#x at the end", word.Load())
			}
		}
	})
}

func TestRMutexPassesOnWhenHolderDies(t *testing.T) {
	everyDeath(t, 30, func(w *world) (*proc, func()) {
		word, told := new(atomic.Uint32), 0
		w.locks, w.naps = []Mutex{MutexAt(word, nil)}, 20
		turn := func(p *proc) {
			r := newRMutex(word)
			for range 2 {
				died, err := r.Lock(context.Background(), p)
				if err != nil {
					w.fail("Lock() = %v", err)
				}
				if died {
					told++
				}
			}
			r.UnlockAll(p, false)
		}
		victim := w.add(turn)
		w.add(turn)
		w.add(turn)
		return victim, func() {
			if v := word.Load(); told > 1 || v&pidMask != 0 && v&pidMask != victim.pid {
				t.Errorf("%d were told of the death; word %#x", told, v)
			}
		}
	})
}

func TestRMutexWaitEndsWithContext(t *testing.T) {
	w := new(atomic.Uint32)
	w.Store(2)
	r := newRMutex(w)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Lock(ctx, alone{t, 1}); err != context.Canceled || r.Held() {
		t.Errorf("Lock() = %v, held %v", err, r.Held())
	}
	w.Store(0)
	if ok, _ := r.TryLock(alone{t, 1}); !ok {
		t.Error("TryLock() after a wait that was given up = false")
	}
}

// during is alone, but for what happens while it waits.
type during struct {
	alone
	wait func()
}

func (d during) Spin(*atomic.Uint32, uint32, int) bool { return false }
func (d during) Wait(context.Context, *atomic.Uint32, uint32) (bool, error) {
	d.wait()
	return false, nil
}

// If a goroutine took the word for which another of its process waits, that
// one would wait for its own process.
func TestRMutexGoroutineDoesNotOvertake(t *testing.T) {
	watchdog.Start(t)
	w := new(atomic.Uint32)
	w.Store(2)
	r := newRMutex(w)
	waits := 0
	_, err := r.Lock(t.Context(), during{alone{t, 1}, func() {
		waits++
		w.Store(0)
		if ok, _ := r.TryLock(alone{t, 1}); ok {
			t.Error("TryLock() while another goroutine waits = true")
		}
	}})
	if err != nil || waits != 1 || !r.Held() {
		t.Errorf("Lock() = %v after %d waits", err, waits)
	}
}

// Goroutines of two processes: those of one may be inside together.
func TestRMutexIsOneForAllGoroutines(t *testing.T) {
	watchdog.Start(t)
	w, inside := new(atomic.Uint32), [2]atomic.Int32{}
	rounds := 2000
	if testing.Short() {
		rounds /= 10
	}
	var wg sync.WaitGroup
	for p := range 2 {
		r, env := newRMutex(w), turns{alone{t, uint32(p + 1)}}
		for range 3 {
			wg.Go(func() {
				for range rounds {
					if _, err := r.Lock(context.Background(), env); err != nil {
						t.Errorf("Lock() = %v", err)
					}
					inside[p].Add(1)
					if n := inside[1-p].Load(); n != 0 {
						t.Errorf("%d goroutines of the other process are inside", n)
					}
					runtime.Gosched()
					inside[p].Add(-1)
					r.Unlock(env)
				}
			})
		}
	}
	if wg.Wait(); w.Load() != 0 {
		t.Errorf("word %#x at the end", w.Load())
	}
}
