// Package park puts goroutines to sleep on words of shared memory and wakes
// them from any process that has the same memory mapped.
//
// It has two backends, chosen at build time: the futex of Linux, and a pipe
// that all processes watch, which runs on any Unix. The tag ipc_portable
// selects the second on Linux too.
package park

import (
	"context"
	"sync/atomic"
	"time"
)

// A Parker waits and wakes. Its callers keep their state in the word and look
// at it again after every return, so a Parker may always return early.
type Parker interface {
	// Wait sleeps as long as w holds old, until it is woken, ctx ends (then
	// it returns the context's error), or nap is over. It reports whether
	// the nap ended by itself, which is when the caller looks after the dead:
	// whoever should have woken it may have been killed first.
	Wait(ctx context.Context, w *atomic.Uint32, old uint32, nap time.Duration) (napped bool, err error)

	// Wake wakes all that wait on w, in any process. It is called after the
	// word changed, or whatever else those who wait are to look at. It does
	// not block.
	Wake(w *atomic.Uint32)

	// Fds are the descriptors that a child needs for Attach, of the number
	// Descriptors. They belong to the Parker.
	Fds() []int

	// Close gives up what the Parker has. The memory is still mapped; no
	// Wake is under way, and no call follows. Waits that are under way end
	// with os.ErrClosed.
	Close() error
}

// Words is how many words of the shared memory, zero at first, the backends
// may use for themselves.
const Words = 64
