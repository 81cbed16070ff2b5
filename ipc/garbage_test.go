package ipc_test

import (
	"runtime"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// TestMemoryGoesWithGarbage: what needs no counting of operations stays mapped
// when it is closed, but no longer than there is someone who could use it.
func TestMemoryGoesWithGarbage(t *testing.T) {
	guard(t)
	segments, lingering, _ := ipc.Usage()
	a := ok(ipc.NewArray[byte](100 << 20))(t) // in a segment of its own
	memory := a.Slice()
	memory[0] = 1
	if n, _, _ := ipc.Usage(); n != segments+1 {
		t.Errorf("%d segments are in use; want %d", n, segments+1)
	}
	a.Close()
	if n, l, _ := ipc.Usage(); n != segments || l <= lingering {
		t.Errorf("after Close %d segments are in use, %d linger", n, l)
	}
	if memory[0] != 1 {
		t.Error("the memory is another's")
	}
	runtime.KeepAlive(a)
	a = nil
	until(func() bool {
		runtime.GC()
		_, l, _ := ipc.Usage()
		return l <= lingering
	}, func() { t.Error("the segment is still mapped") })
}
