//go:build !race

package pooltest

import (
	"context"
	"os"
	"runtime"
	"slices"

	"github.com/mpbox/mpbox/ipc"
)

// The race detector needs several times the memory of a program, and other
// systems have no such limit.
func init() {
	checks = append(checks, struct {
		name string
		f    func(*check)
	}{"limit of memory", limitOfMemory})
}

// grow takes so many bytes of memory.
func grow(_ context.Context, total int) (int, error) {
	const block = 1 << 20
	var kept [][]byte
	for range total / block {
		b := make([]byte, block)
		for i := 0; i < len(b); i += os.Getpagesize() {
			b[i] = 1
		}
		kept = append(kept, b)
	}
	runtime.KeepAlive(kept)
	return total, nil
}

var growFunc = ipc.NewFunc(grow)

func limitOfMemory(c *check) {
	pool := newPool(c, growFunc)
	pool.Limits.Memory = 128 << 20
	in := []int{0, 2 << 20, 1 << 30, 0, 4 << 20}
	got, err := pool.Map(c.ctx, in)
	if e := c.failure(err); e.Index != 2 || e.Cause != ipc.CauseMemory {
		c.Errorf("Map() = %v, cause %v", err, e.Cause)
	}
	if in[2] = 0; !slices.Equal(got, in) {
		c.Errorf("Map() = %v", got)
	}
}
