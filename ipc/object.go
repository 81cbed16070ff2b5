package ipc

import (
	"sync"

	"github.com/mpbox/mpbox/ipc/internal/space"
)

// current is the segment that new objects of this process come from. It is
// made with the first of them.
var current struct {
	sync.Mutex
	space *space.Space
}

// newObject allocates an object in the current segment, or in a new one when
// that is full.
func newObject(sh space.Shape) (space.Object, error) {
	current.Lock()
	defer current.Unlock()
	if current.space != nil {
		o, err := current.space.Alloc(sh)
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
	return s.Alloc(sh)
}
