package eventlog

import (
	"syscall"
	"time"
	"unsafe"
)

// A clock gives times that are comparable between processes, at the price of
// Go's own clock: the kernel is asked once, for what that lacks.
type clock struct {
	base  int64
	start time.Time
}

func newClock() clock {
	const monotonic = 1 // CLOCK_MONOTONIC
	var ts syscall.Timespec
	// It can't fail with a valid clock and pointer.
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&ts)), 0)
	return clock{ts.Nano(), time.Now()}
}

func (c clock) now() int64 { return c.base + int64(time.Since(c.start)) }
