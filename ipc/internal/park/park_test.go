//go:build unix

package park

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// each runs f over both backends, or the one if there are not two.
func each(t *testing.T, f func(t *testing.T, p Parker)) {
	for name, newParker := range makers {
		t.Run(name, func(t *testing.T) {
			watchdog.Start(t)
			p, err := newParker(&new([Words]atomic.Uint32)[0])
			if err != nil {
				t.Fatal(err)
			}
			f(t, p)
			if err := p.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		})
	}
}

var makers = map[string]func(words *atomic.Uint32) (Parker, error){
	Backend:    New,
	"doorbell": func(words *atomic.Uint32) (Parker, error) { return NewDoorbell(words) },
}

const long = time.Hour

func TestWaitReturnsAtOnceWhenWordDiffers(t *testing.T) {
	each(t, func(t *testing.T, p Parker) {
		var w atomic.Uint32
		w.Store(1 << 31)
		for _, ctx := range []context.Context{context.Background(), t.Context()} {
			for _, old := range []uint32{0, 1, 1<<31 | 1} {
				if napped, err := p.Wait(ctx, &w, old, long); napped || err != nil {
					t.Errorf("Wait() for %#x = %v, %v; want false, nil", old, napped, err)
				}
			}
		}
	})
}

func TestWaitEndsWithItsNap(t *testing.T) {
	each(t, func(t *testing.T, p Parker) {
		for _, ctx := range []context.Context{context.Background(), t.Context()} {
			for _, nap := range []time.Duration{0, time.Microsecond, 20 * time.Millisecond} {
				var w atomic.Uint32
				var napped bool
				start := time.Now()
				for !napped { // a wait may return early
					var err error
					if napped, err = p.Wait(ctx, &w, 0, nap); err != nil {
						t.Fatalf("Wait() = %v", err)
					}
				}
				if d := time.Since(start); d < nap {
					t.Errorf("Wait() ended after %v by itself; want %v at least", d, nap)
				}
			}
		}
	})
}

func TestWaitEndsWithWake(t *testing.T) {
	each(t, func(t *testing.T, p Parker) {
		const waiters = 4
		for _, ctx := range []context.Context{context.Background(), t.Context()} {
			var w atomic.Uint32
			var wg sync.WaitGroup
			for range waiters {
				wg.Go(func() {
					for w.Load() == 0 {
						if napped, err := p.Wait(ctx, &w, 0, long); napped || err != nil {
							t.Errorf("Wait() = %v, %v; want false, nil", napped, err)
						}
					}
				})
			}
			w.Store(1)
			p.Wake(&w)
			wg.Wait()
		}
	})
}

// Two goroutines hand a word to and fro: a wake that is lost stops them.
func TestWakeIsNeverLost(t *testing.T) {
	each(t, func(t *testing.T, p Parker) {
		const turns = 2000
		var w atomic.Uint32
		var wg sync.WaitGroup
		for parity := range uint32(2) {
			wg.Go(func() {
				for v := w.Load(); v < turns; v = w.Load() {
					if v%2 == parity {
						w.Store(v + 1)
						p.Wake(&w)
					} else if _, err := p.Wait(t.Context(), &w, v, long); err != nil {
						t.Errorf("Wait() = %v", err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestWaitEndsWithContextThatIsOver(t *testing.T) {
	each(t, func(t *testing.T, p Parker) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancelLate := context.WithDeadline(t.Context(), time.Now())
		defer cancelLate()
		var w atomic.Uint32
		if _, err := p.Wait(ctx, &w, 0, long); err != context.Canceled {
			t.Errorf("Wait() = %v; want context.Canceled", err)
		}
		if _, err := p.Wait(ctx, &w, 1, long); err != context.Canceled {
			t.Errorf("Wait() for another value = %v; want context.Canceled", err)
		}
		if _, err := p.Wait(late, &w, 0, long); err != context.DeadlineExceeded {
			t.Errorf("Wait() = %v; want context.DeadlineExceeded", err)
		}
	})
}

func TestWaitEndsWithContextThatIsCancelled(t *testing.T) {
	each(t, func(t *testing.T, p Parker) {
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			var w atomic.Uint32
			var wg sync.WaitGroup
			wg.Go(func() {
				var err error
				for err == nil {
					_, err = p.Wait(ctx, &w, 0, long)
				}
				if err != context.Canceled {
					t.Errorf("Wait() = %v; want context.Canceled", err)
				}
			})
			cancel()
			wg.Wait()
		}
	})
}

func TestCancelEndsOneWaitOfMany(t *testing.T) {
	each(t, func(t *testing.T, p Parker) {
		var w atomic.Uint32
		var stay, leave sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			stay.Go(func() {
				for w.Load() == 0 {
					if _, err := p.Wait(t.Context(), &w, 0, long); err != nil {
						t.Errorf("Wait() = %v", err)
					}
				}
			})
		}
		leave.Go(func() {
			for ctx.Err() == nil {
				p.Wait(ctx, &w, 0, long)
			}
		})
		cancel()
		leave.Wait()
		w.Store(1)
		p.Wake(&w)
		stay.Wait()
	})
}

func TestWaitEndsWithDeadline(t *testing.T) {
	each(t, func(t *testing.T, p Parker) {
		const d = 20 * time.Millisecond
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		var w atomic.Uint32
		var err error
		for err == nil {
			_, err = p.Wait(ctx, &w, 0, long)
		}
		if since := time.Since(start); err != context.DeadlineExceeded || since < d {
			t.Errorf("Wait() = %v after %v; want context.DeadlineExceeded after %v", err, since, d)
		}
	})
}
