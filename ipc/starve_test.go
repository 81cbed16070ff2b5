package ipc_test

import (
	"context"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// dawdle takes as long as the first tasks of a pool may take without more workers
// being called, or does not end.
func dawdle(ctx context.Context, d time.Duration) (int, error) {
	if d == 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	time.Sleep(d)
	return 1, nil
}

var dawdleFunc = ipc.NewFunc(dawdle)

// TestTaskBehindALongOne: short tasks have said that one worker is enough, and then
// it has one that does not end.
func TestTaskBehindALongOne(t *testing.T) {
	for range repeats(5) {
		ctx := guard(t)
		pool := ipc.NewPool(dawdleFunc, 2)
		const short = 1500 * time.Microsecond
		first := pool.ApplyAsync(short)
		long := pool.ApplyAsync(0)
		last := pool.ApplyAsync(short)
		for _, r := range []*ipc.Result[int]{first, last} {
			if _, err := r.Get(ctx); err != nil {
				t.Fatal(err)
			}
		}
		long.Cancel()
		finish(t, pool)
	}
}
