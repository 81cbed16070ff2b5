package eventlog

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// A clock that is behind would have a value received before it was sent.
func TestClockIsNeverBehind(t *testing.T) {
	var stop atomic.Bool
	defer stop.Store(true)
	for range 2 * runtime.NumCPU() { // whoever reads two clocks is interrupted in between
		go func() {
			for !stop.Load() {
			}
		}()
	}
	for range 2000 {
		c := newClock()
		before := monotonic()
		if now := c.now(); now < before {
			t.Fatalf("the clock is %d ns behind", before-now)
		}
	}
}
