package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
)

// grow makes a result of any size.
func grow(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil }

var growFunc = ipc.NewFunc(grow)

// sizes are those of small results, and of one that fits in no message.
var sizes = []int{1, 2 << 20, 3}

func growAll(t testing.TB, ctx context.Context, pool *ipc.Pool[int, []byte]) {
	t.Helper()
	results, err := pool.Map(ctx, sizes)
	if err != nil {
		t.Fatalf("Map() = %v", err)
	}
	for i, want := range sizes {
		if len(results[i]) != want {
			t.Errorf("result %d has %d bytes; want %d", i, len(results[i]), want)
		}
	}
}

// serve makes this process a host until the test ends.
func serve(t testing.TB, config cluster.Config, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- config.Serve(ctx, url) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve() = %v", err)
		}
	})
}

// openPool joins the cluster until the test ends.
func openPool[A, R any](t testing.TB, ctx context.Context, config cluster.Config, url string, f ipc.Func[A, R]) (*cluster.Cluster, *ipc.Pool[A, R]) {
	t.Helper()
	c, err := config.Open(ctx, url)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	pool := cluster.NewPool(c, f)
	t.Cleanup(func() {
		pool.Terminate()
		if err := pool.Join(context.Background()); err != nil {
			t.Errorf("Join() = %v", err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return c, pool
}

// until asks for a condition until it holds; the test's deadline ends that.
func until(ctx context.Context, cond func() bool) bool {
	for !cond() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return true
}
