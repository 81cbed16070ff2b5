//go:build (amd64 || arm64) && !ipc_portable

package park

import (
	"context"
	"math"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Backend names the backend for messages and tests.
const Backend = "futex"

// Descriptors is how many descriptors go along with shared memory.
const Descriptors = 0

// New is the Parker of new memory, whose own words begin at words.
func New(words *atomic.Uint32) (Parker, error) { return futex{}, nil }

// Attach is the Parker of memory that came from another process together
// with fds. It owns them from then on, also on error.
func Attach(words *atomic.Uint32, fds []int) (Parker, error) { return futex{}, nil }

// futex is futex(2) on words that several processes share. A goroutine that
// waits holds a thread of its process: the calls go through Syscall6, so that
// the scheduler and the garbage collector know that it sleeps.
type futex struct{}

// From linux/futex.h.
const (
	futexWait    = 0
	futexWake    = 1
	futexPrivate = 128

	sysFutexWaitv  = 449
	futex2Size32   = 2
	futex2Private  = 128
	clockMonotonic = 1
)

// noWaitv is set when the kernel (before 5.16) or a filter has no
// futex_waitv. Naps are then short, so that a context is heard soon.
var noWaitv atomic.Bool

const shortNap = 5 * time.Millisecond

func (futex) Wait(ctx context.Context, w *atomic.Uint32, old uint32, nap time.Duration) (bool, error) {
	if ctx.Done() == nil {
		return wait(w, old, nap), nil
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if noWaitv.Load() {
		napped := wait(w, old, min(nap, shortNap))
		return napped, ctx.Err()
	}
	return waitCancel(ctx, w, old, nap)
}

func (futex) Wake(w *atomic.Uint32) { wake(w, futexWake) }

func (futex) Fds() []int { return nil }

// Close ends no waits: futexes have nothing that could be closed.
func (futex) Close() error { return nil }

func wake(w *atomic.Uint32, op uintptr) {
	// A wake never blocks, so the scheduler need not hear of it.
	syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(w)), op, math.MaxInt32, 0, 0, 0)
}

func wait(w *atomic.Uint32, old uint32, nap time.Duration) (napped bool) {
	ts := syscall.NsecToTimespec(int64(nap))
	_, _, errno := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWait,
		uintptr(old), uintptr(unsafe.Pointer(&ts)), 0, 0)
	return over(errno)
}

// over reports whether a nap is over. One that a signal cuts short is too: a
// thread that gets many would else never look after the dead.
func over(errno syscall.Errno) bool { return errno == syscall.ETIMEDOUT || errno == syscall.EINTR }

// waiter is struct futex_waitv.
type waiter struct {
	val      uint64
	addr     uint64
	flags    uint32
	reserved uint32
}

// waitCancel sleeps on two words at once, w and one that the context sets, so
// that a cancellation wakes this goroutine and no other.
func waitCancel(ctx context.Context, w *atomic.Uint32, old uint32, nap time.Duration) (bool, error) {
	cancelled := new(atomic.Uint32)
	stop := context.AfterFunc(ctx, func() {
		cancelled.Store(1)
		wake(cancelled, futexWake|futexPrivate)
	})
	defer stop()
	ws := [2]waiter{
		{val: uint64(old), addr: uint64(uintptr(unsafe.Pointer(w))), flags: futex2Size32},
		{addr: uint64(uintptr(unsafe.Pointer(cancelled))), flags: futex2Size32 | futex2Private},
	}
	ts := monotonic(nap)
	_, _, errno := syscall.Syscall6(sysFutexWaitv, uintptr(unsafe.Pointer(&ws[0])), 2, 0,
		uintptr(unsafe.Pointer(&ts)), clockMonotonic, 0)
	runtime.KeepAlive(cancelled) // the kernel had its address as a number
	if errno == syscall.ENOSYS || errno == syscall.EPERM {
		noWaitv.Store(true)
	}
	return over(errno), ctx.Err()
}

// monotonic is the time on CLOCK_MONOTONIC after d: futex_waitv takes
// deadlines only.
func monotonic(d time.Duration) syscall.Timespec {
	var ts syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0)
	return syscall.NsecToTimespec(ts.Nano() + int64(d))
}
