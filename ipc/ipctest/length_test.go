package ipctest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

var lengthFunc = ipc.NewFunc(length)

func length(_ context.Context, word string) (int, error) { return len(word), nil }

// TestPoolLeavesNothing is how a test of a pool looks: docs/testing.md shows it.
func TestPoolLeavesNothing(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, 20*time.Second)
	pool := ipc.NewPool(lengthFunc, 2)
	got, err := pool.Map(ctx, []string{"a", "bb", "ccc"})
	if want := []int{1, 2, 3}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Map() = %v, %v; want %v", got, err, want)
	}
	pool.Close()
	if err := pool.Join(ctx); err != nil {
		t.Errorf("Join() = %v", err)
	}
}
