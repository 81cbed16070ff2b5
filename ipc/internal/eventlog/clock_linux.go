package eventlog

import (
	"math"
	"syscall"
	"time"
	"unsafe"
)

// A clock gives times that are comparable between processes, at the price of
// Go's own clock: the kernel is asked at first only, for what that lacks.
type clock struct {
	base  int64
	start time.Time
}

// newClock asks both clocks several times, and relies on the answers that came
// closest to each other: who is interrupted in between would be late for good.
func newClock() (c clock) {
	const tries = 10
	best := time.Duration(math.MaxInt64)
	for range tries {
		start := time.Now()
		base := monotonic()
		if gap := time.Since(start); gap < best {
			best, c = gap, clock{base, start}
		}
	}
	return c
}

func monotonic() int64 {
	const monotonic = 1 // CLOCK_MONOTONIC
	var ts syscall.Timespec
	// It can't fail with a valid clock and pointer.
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func (c clock) now() int64 { return c.base + int64(time.Since(c.start)) }
