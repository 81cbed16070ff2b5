// Package park puts goroutines to sleep on words of shared memory and wakes
// them from any process that has the same memory mapped.
//
// It has two backends, chosen at build time: the futex of Linux, and one
// that polls and runs on any system. The tag ipc_portable selects the second
// on Linux too.
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

	// Wake wakes all that wait on w. It is called after the word changed.
	Wake(w *atomic.Uint32)
}
