//go:build unix

package space

import (
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// newSpaceFor makes a segment of 32 MiB, of which this process is the member in
// slot 0.
func newSpaceFor(t *testing.T) *Space { return newSizedFor(t, 32<<20) }

func newSizedFor(t *testing.T, size uint32) *Space {
	t.Helper()
	watchdog.Start(t)
	s, err := NewSized(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.seg != nil {
			memberships.remove(s)
			s.unmap()
			s.seg = nil
		}
	})
	return s
}

func alloc(t *testing.T, s *Space, sh Shape) Object {
	t.Helper()
	o, err := s.Alloc(sh)
	if err != nil {
		t.Fatalf("Alloc(%+v) = %v", sh, err)
	}
	return o
}

var (
	lockShape    = Shape{Kind: Lock, Maps: 1}
	barrierShape = Shape{Kind: Barrier, Maps: 1, Param: 2}
	pipeShape    = Shape{Kind: Pipe, Maps: 2, Rings: 2, RingSize: 1 << 12}
	queueShape   = Shape{Kind: Queue, Maps: QueueMaps, Rings: 1, RingSize: 1 << 12, Data: QueueData}
	bigShape     = Shape{Kind: Queue, Maps: QueueMaps, Rings: 1, RingSize: 8 << 20, Data: QueueData}
)

// fill takes all room for the shape.
func fill(t *testing.T, s *Space, sh Shape) (all []*Handle) {
	t.Helper()
	for {
		o, err := s.Alloc(sh)
		if err == ErrNoRoom {
			return all
		} else if err != nil {
			t.Fatalf("Alloc() = %v", err)
		}
		all = append(all, o.Open(0))
	}
}
