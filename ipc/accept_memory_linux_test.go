//go:build !race

package ipc_test

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

func devour(ctx context.Context, total int) (int, error) {
	return total, eat(ctx, appetite{Block: 1 << 20, Total: total, Greedy: true})
}

var devourFunc = ipc.NewFunc(devour)

func TestAcceptMemoryLimit(t *testing.T) { // users.md 10, test 7
	ctx := guard(t)
	const limit = 128 << 20
	debug.FreeOSMemory()
	before := ownMemory(t)
	pool := ipc.NewPool(devourFunc, 2)
	pool.Limits.Memory = limit
	in := []int{1, 2 << 20, 1 << 30, 3, 4 << 20}
	got, err := pool.Map(ctx, in)
	failed, _ := errors.AsType[ipc.TaskErrors](err)
	if len(failed) != 1 || failed[0].Index != 2 || failed[0].Cause != ipc.CauseMemory {
		t.Errorf("Map() = %v", err)
	}
	if in[2] = 0; !slices.Equal(got, in) {
		t.Errorf("Map() = %v", got)
	}
	finish(t, pool)
	debug.FreeOSMemory()
	if grown := (ownMemory(t) - before) * os.Getpagesize(); grown > limit/4 {
		t.Errorf("the parent has grown by %d bytes", grown)
	}
}
