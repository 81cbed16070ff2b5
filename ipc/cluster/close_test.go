package cluster_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// TestCloseWaitsForWorkers: when the cluster of this process is closed, its workers
// are gone.
func TestCloseWaitsForWorkers(t *testing.T) {
	ctx := ipctest.Deadline(t, deadline)
	for range 5 {
		c, err := cluster.Config{Workers: 2}.Open(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		pool := cluster.NewPool(c, actFunc)
		result := pool.MapAsync(deeds("wait", dir, 4))
		until(ctx, func() bool { return len(marks(dir, "began")) == 2 })
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for _, pid := range marks(dir, "began") {
			if !gone(pid) {
				t.Errorf("worker %d is there still", pid)
			}
		}
		_, err = result.Get(ctx)
		if err != cluster.ErrClosed {
			t.Errorf("Get() = %v", err)
		}
		pool.Close()
	}
}

// TestEverythingAtOnce has pools be used, cancelled, terminated and closed, and
// their cluster closed, at the same time.
func TestEverythingAtOnce(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, 40*time.Second)
	for range 3 {
		c, err := cluster.Config{Workers: 2, Lease: 500 * time.Millisecond}.Open(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 5 {
			pool := cluster.NewPool(c, actFunc)
			all.Go(func() {
				results := make([]*ipc.Result[done], 1000)
				for k := range results {
					results[k] = pool.ApplyAsync(deed{N: k})
				}
				if i == 0 {
					for _, r := range results {
						r.Cancel()
					}
				}
				if i == 1 {
					pool.Terminate()
				}
				if i == 2 {
					go c.Close()
				}
				for k, r := range results {
					v, err := r.Get(ctx)
					if err == nil && v.N != k*k || errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("result %d is %v, %v", k, v, err)
					}
				}
				pool.Close()
				if err := pool.Join(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		_ = c.Close()
		pool := cluster.NewPool(c, actFunc)
		if _, err := pool.Apply(ctx, deed{}); err != cluster.ErrClosed {
			t.Errorf("Apply() = %v", err)
		}
		pool.Close()
		if err := pool.Join(ctx); err != nil {
			t.Error(err)
		}
	}
}
