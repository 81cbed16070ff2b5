// Package loud imports a library that prints in each process.
package loud

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.com/noise"
	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

func TestMain(m *testing.M) { ipctest.Main(m) }

func double(_ context.Context, n int) (int, error) {
	fmt.Println("so is the task:", noise.Loud)
	return 2 * n, nil
}

var doubleFunc = ipc.NewFunc(double)

func TestPool(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, time.Minute)
	pool := ipc.NewPool(doubleFunc, 2)
	got, err := pool.Map(ctx, []int{1, 2, 3})
	if err != nil || fmt.Sprint(got) != "[2 4 6]" {
		t.Errorf("Map() = %v, %v; want [2 4 6]", got, err)
	}
	pool.Close()
	if err := pool.Join(ctx); err != nil {
		t.Error(err)
	}
}
