//go:build unix && (!linux || ipc_portable || !(amd64 || arm64))

package park

import "sync/atomic"

// Backend names the backend for messages and tests.
const Backend = "portable"

// Descriptors is how many descriptors go along with shared memory.
const Descriptors = 2

// New is the Parker of new memory, whose own words begin at words.
func New(words *atomic.Uint32) (Parker, error) { return NewDoorbell(words) }

// Attach is the Parker of memory that came from another process together
// with fds. It owns them from then on, also on error.
func Attach(words *atomic.Uint32, fds []int) (Parker, error) { return AttachDoorbell(words, fds) }
