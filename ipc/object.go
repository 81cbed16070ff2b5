package ipc

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/mpbox/mpbox/ipc/internal/shm"
	"github.com/mpbox/mpbox/ipc/internal/space"
)

// current is the segment that new objects of this process come from. It is
// made with the first of them.
var current struct {
	sync.Mutex
	space *space.Space
}

// newObject allocates an object in the current segment, or in a new one when
// that is full, and opens it, so that the segment does not go before the caller
// has done so.
func newObject(sh space.Shape) (space.Object, error) {
	current.Lock()
	defer current.Unlock()
	if current.space != nil {
		o, err := current.space.Alloc(sh)
		if err == nil {
			o.Open(0)
		}
		if err != space.ErrNoRoom {
			return o, err
		}
		current.space.Unpin()
		current.space = nil
	}
	s, err := space.New()
	if err != nil {
		return space.Object{}, err
	}
	current.space = s
	o, err := s.Alloc(sh)
	if err == nil {
		o.Open(0)
	}
	return o, err
}

// newHandle makes an object that is held in one role, and opens it. One that
// takes a good part of a segment gets a segment of its own.
func newHandle(sh space.Shape) (*space.Handle, error) {
	size := space.SizeFor(sh)
	if size <= shm.Size/4 {
		o, err := newObject(sh)
		if err != nil {
			return nil, err
		}
		return o.Open(0), nil
	}
	s, err := space.NewSized(uint32(size))
	if err != nil {
		return nil, err
	}
	defer s.Unpin() // from then on it goes with its last handle
	o, err := s.Alloc(sh)
	if err != nil {
		return nil, err
	}
	return o.Open(0), nil
}

// dataSize is how many bytes n values take, an error if no segment can have them.
func dataSize(n int, size uintptr) (uint32, error) {
	const most = shm.MaxSize - 1<<20 // what else a segment holds is less than the rest
	if uint64(n) > most/uint64(max(size, 1)) {
		return 0, fmt.Errorf("%d values of %d bytes are too much for shared memory", n, size)
	}
	return uint32(n) * uint32(size), nil
}

// keepMapped keeps the memory of h, and the object in it, from being used for
// something else until p is garbage, also when h is closed before.
func keepMapped[T any](p *T, h *space.Handle) {
	if h.Enter() == nil {
		runtime.AddCleanup(p, (*space.Handle).Exit, h)
	}
}

// lingering is how many bytes were closed that wait to be found garbage, since
// the last time that the collector was asked to. It does not know of them by
// itself: they are not its.
var lingering atomic.Int64

// linger says that so many bytes more have been closed.
func linger(bytes int) {
	const most = 64 << 20
	if lingering.Add(int64(bytes)) > most {
		lingering.Store(0)
		go runtime.GC()
	}
}
