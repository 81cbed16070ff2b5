package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// slowWriter takes its time, as a terminal does.
type slowWriter struct{ bytes.Buffer }

func (w *slowWriter) Write(b []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	return w.Buffer.Write(b)
}

func say(_ context.Context, n int) (int, error) {
	for i := range 200 {
		fmt.Println("line", n, i)
	}
	return n, nil
}

var sayFunc = ipc.NewFunc(say)

// TestLinesAreThereAfterJoin: what workers wrote is with Stdout when they are gone.
func TestLinesAreThereAfterJoin(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	c, err := cluster.Config{Workers: 2}.Open(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	pool := cluster.NewPool(c, sayFunc)
	var w slowWriter
	pool.Stdout = &w
	if _, err := pool.Map(ctx, []int{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	pool.Close()
	if err := pool.Join(ctx); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(w.Bytes(), []byte("\n")); n != 800 {
		t.Errorf("%d lines; want 800", n)
	}
}
