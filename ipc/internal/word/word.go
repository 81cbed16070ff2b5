// Package word holds the algorithms of package ipc over words of shared
// memory: locks, an event, a semaphore, a condition, a barrier, values and a
// byte ring. They are written against the small interface Env, so that the
// backends of package park and the fake of the tests are values of one type,
// and no algorithm mentions an operating system.
//
// All loads and stores are those of sync/atomic, which are sequentially
// consistent. Comments name the pairs whose order matters.
package word

import (
	"context"
	"sync/atomic"
)

// Env is what the algorithms ask of the outside.
type Env interface {
	// Pid is this process, as lock words name it: 30 bits, never 0.
	Pid() uint32

	// Spin looks at w again and again for as long as that is likely to pay,
	// and reports whether it no longer holds old. parties is how many
	// processes take part in what is waited for.
	Spin(w *atomic.Uint32, old uint32, parties int) bool

	// Wait sleeps while w holds old. It may return early for any reason, and
	// returns the context's error when ctx has ended. It reports whether it
	// slept for so long that the caller should look whether those it waits
	// for are alive.
	Wait(ctx context.Context, w *atomic.Uint32, old uint32) (look bool, err error)

	// Wake wakes all that sleep on w.
	Wake(w *atomic.Uint32)

	// Dead reports whether the process pid has ended. It then has marked
	// every lock word that names pid as died.
	Dead(pid uint32) bool
}
