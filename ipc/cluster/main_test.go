package cluster

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func TestMain(m *testing.M) { os.Exit(ipc.Main(m.Run)) }

func square(_ context.Context, n int) (int, error) { return n * n, nil }

var squareFunc = ipc.NewFunc(square)

func TestEmbedded(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	start := time.Now()
	c, err := Open(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Log("open", time.Since(start))
	pool := NewPool(c, squareFunc)
	in := make([]int, 100000)
	for i := range in {
		in[i] = i
	}
	for range 3 {
		start = time.Now()
		got, err := pool.Map(ctx, in)
		t.Log("map", time.Since(start), err)
		for i := range got {
			if got[i] != i*i {
				t.Fatal(i, got[i])
			}
		}
	}
	t.Log(len(pool.Insights().Workers))
	pool.Close()
	t.Log(pool.Join(ctx))
	start = time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	t.Log("close", time.Since(start))
}
