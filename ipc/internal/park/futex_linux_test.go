//go:build (amd64 || arm64) && !ipc_portable

package park

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// Before Linux 5.16 a wait with a context is a chain of short naps.
func TestWaitHearsContextWithoutWaitv(t *testing.T) {
	watchdog.Start(t)
	defer noWaitv.Store(noWaitv.Swap(true))
	var w atomic.Uint32
	ctx, cancel := context.WithCancel(t.Context())
	if napped, err := (futex{}).Wait(ctx, &w, 1, long); napped || err != nil {
		t.Errorf("Wait() for another value = %v, %v; want false, nil", napped, err)
	}
	start := time.Now()
	for napped := false; !napped; {
		var err error
		if napped, err = (futex{}).Wait(ctx, &w, 0, long); err != nil {
			t.Fatalf("Wait() = %v", err)
		}
	}
	if d := time.Since(start); d < shortNap {
		t.Errorf("Wait() napped %v; want %v at least", d, shortNap)
	}
	cancel()
	if _, err := (futex{}).Wait(ctx, &w, 0, long); err != context.Canceled {
		t.Errorf("Wait() = %v; want context.Canceled", err)
	}
}
