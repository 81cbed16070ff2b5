package park

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// Poll is the portable backend: it looks at the word again and again, at
// first at once and then at growing distances. No wake can be lost, since
// there is none.
type Poll struct{}

const (
	pollYields   = 50
	pollShortest = 20 * time.Microsecond
	pollLongest  = time.Millisecond
)

// Wait looks at w until it changes, ctx ends, or nap is over.
func (Poll) Wait(ctx context.Context, w *atomic.Uint32, old uint32, nap time.Duration) (bool, error) {
	for range pollYields {
		if w.Load() != old {
			return false, ctx.Err()
		}
		runtime.Gosched()
	}
	end := time.Now().Add(nap)
	for pause := pollShortest; w.Load() == old; pause = min(2*pause, pollLongest) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if !time.Now().Before(end) {
			return true, nil
		}
		sleep(ctx, pause)
	}
	return false, ctx.Err()
}

// Wake does nothing: those who wait look for themselves.
func (Poll) Wake(*atomic.Uint32) {}

func sleep(ctx context.Context, d time.Duration) {
	if ctx.Done() == nil {
		time.Sleep(d)
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
