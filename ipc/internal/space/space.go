//go:build unix

// Package space keeps the shared objects of package ipc in segments of
// shared memory: which processes are members of a segment, which objects it
// holds, and which member holds which object.
//
// The layout of a segment, in bytes:
//
//	0      magic (8), id (8), members in use at most (4), end of the headers (4),
//	       start of the data (4), kind of record locks (4)
//	64     members, 16 each
//	32832  words of package park
//	36864  headers of the objects, one behind the other
//	       free memory
//	       data of the objects, from the end of the segment downwards
//
// Membership and allocation change only under the registry lock, a record
// lock of the kernel's that no death can leave held.
package space

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/park"
	"github.com/mpbox/mpbox/ipc/internal/shm"
)

const (
	magic = 0x32637069_78306d70 // changes with the layout

	offMagic   = 0
	offID      = 8
	offHigh    = 16
	offTop     = 20
	offEnd     = 24
	offPosix   = 28
	offMembers = 64
	offPark    = offMembers + 16*MaxMembers
	offObjects = 36864

	// MaxMembers is the number of processes that can have a segment at a time.
	MaxMembers   = 2048
	registryByte = MaxMembers // behind the members' own bytes

	// nap is for how long a waiter sleeps before it looks whether those it
	// waits for are alive: the bound on noticing a death where nothing else
	// reports it.
	nap = 90 * time.Millisecond
)

// Errors of this package. Package ipc gives them its prefix.
var (
	ErrClosed = errors.New("closed")
	ErrFull   = errors.New("too many processes share one segment")
	ErrGone   = errors.New("the place that the parent had kept is gone")
)

// A Space is a segment that this process is a member of.
type Space struct {
	seg  *shm.Segment
	park park.Parker
	pid  uint32
	slot int

	prepared uint32 // where prepare has got to

	mu      sync.Mutex
	handles map[key]*Handle // what this process holds open
	coming  map[key]int     // what messages have brought, until it has a handle
	pins    int             // reasons to stay mapped: children, and being the current segment

	orphansMu sync.Mutex
	orphans   map[*atomic.Uint32]orphan // by their state word
}

type key struct {
	off, gen uint32
	role     int
}

// registry serialises this process's use of registry locks: the kernel's
// deadlock detection takes a process for one thread.
var registry sync.Mutex

func newSpace(seg *shm.Segment, p park.Parker, slot int) *Space {
	return &Space{
		seg:     seg,
		park:    p,
		pid:     uint32(os.Getpid()),
		slot:    slot,
		handles: map[key]*Handle{},
		coming:  map[key]int{},
	}
}

// New makes a segment of the usual size, see [NewSized].
func New() (*Space, error) { return NewSized(shm.Size) }

// SizeFor is how big a segment must be that is to hold one object.
func SizeFor(sh Shape) uint64 { return offObjects + uint64(sh.header()) + sh.data() }

// NewSized makes a segment whose first member is this process. It stays mapped
// until Unpin, and as long as this process has a handle in it.
func NewSized(size uint32) (*Space, error) {
	seg, err := shm.Create(size)
	if err != nil {
		return nil, err
	}
	if err := seg.Reserve(0, offObjects); err != nil {
		seg.Close()
		return nil, err
	}
	seg.U64(offMagic).Store(magic)
	seg.U64(offID).Store(rand.Uint64())
	seg.U32(offTop).Store(offObjects)
	seg.U32(offEnd).Store(seg.Size())
	if !seg.Vouches() {
		seg.U32(offPosix).Store(1)
	}
	seg.U32(offHigh).Store(1)
	p, err := park.New(seg.U32(offPark))
	if err != nil {
		seg.Close()
		return nil, err
	}
	s := newSpace(seg, p, 0)
	s.pins = 1
	ok, err := seg.Hold(0)
	if err == nil && !ok {
		err = syscall.EBUSY
	}
	if err != nil {
		s.unmap()
		return nil, err
	}
	s.member(0).become(live, s.pid, 0)
	memberships.add(s)
	return s, nil
}

// Attach maps the segment behind descriptors that are the parent's Fds, which
// it owns from then on, and takes the place in it that the parent has reserved.
func Attach(fds []int, slot int, gen uint32) (*Space, error) {
	return attach(fds, slot, gen, reserved)
}

func attach(fds []int, slot int, gen, state uint32) (*Space, error) {
	seg, err := mapFirst(fds)
	if err != nil {
		for _, fd := range fds[1:] {
			syscall.Close(fd)
		}
		return nil, err
	}
	p, err := park.Attach(seg.U32(offPark), fds[1:])
	if err != nil {
		seg.Close()
		return nil, err
	}
	s := newSpace(seg, p, slot)
	if slot < 0 || slot >= MaxMembers {
		err = os.NewSyscallError("attach", syscall.EINVAL)
	} else {
		err = s.locked(func() error { return s.join(gen, state) })
	}
	if err != nil {
		s.unmap()
		return nil, err
	}
	memberships.add(s)
	return s, nil
}

func mapFirst(fds []int) (*shm.Segment, error) {
	seg, err := shm.Map(fds[0])
	if err == nil && seg.U64(offMagic).Load() != magic {
		seg.Close()
		return nil, os.NewSyscallError("attach", syscall.EINVAL)
	}
	if err == nil && seg.U32(offPosix).Load() != 0 {
		seg.UsePosix()
	}
	return seg, err
}

func (s *Space) unmap() {
	s.park.Close()
	s.seg.Close()
}

// ID tells segments apart.
func (s *Space) ID() uint64 { return s.seg.U64(offID).Load() }

// Descriptors is how many descriptors a segment has.
const Descriptors = 1 + park.Descriptors

// ForChild gives the descriptors of the segment for a child. They are the
// caller's until it calls done.
func (s *Space) ForChild() (fds []int, done func(), err error) {
	if !s.seg.Vouches() {
		return append([]int{s.seg.Fd()}, s.park.Fds()...), func() {}, nil
	}
	fd, err := s.seg.Reopen()
	if err != nil {
		return nil, nil, err
	}
	return append([]int{fd}, s.park.Fds()...), func() { syscall.Close(fd) }, nil
}

// locked runs f under the registry lock.
func (s *Space) locked(f func() error) error {
	registry.Lock()
	defer registry.Unlock()
	if err := s.seg.Lock(registryByte); err != nil {
		return err
	}
	defer s.seg.Unlock(registryByte)
	return f()
}

// leave gives up all that this process holds in the segment. The others see
// at once that it is gone.
func (s *Space) leave() {
	_ = s.locked(func() error {
		s.sweep(s.slot, s.pid, true)
		m := s.member(s.slot)
		m.become(free, 0, m.gen()+1)
		return s.seg.Unlock(int64(s.slot))
	})
}

// memberships are the segments of this process.
var memberships set

type set struct {
	sync.Mutex
	m map[*Space]bool
}

func (t *set) add(s *Space) {
	t.Lock()
	defer t.Unlock()
	if t.m == nil {
		t.m = map[*Space]bool{}
	}
	t.m[s] = true
}

func (t *set) remove(s *Space) {
	t.Lock()
	defer t.Unlock()
	delete(t.m, s)
}

func (t *set) all() []*Space {
	t.Lock()
	defer t.Unlock()
	return slices.Collect(maps.Keys(t.m))
}

// Usage is what this process has of shared memory: the segments that are in
// use, those that wait for the garbage collector to find their last closed
// handle, and the handles that are not closed.
func Usage() (segments, lingering, handles int) {
	for _, s := range memberships.all() {
		s.mu.Lock()
		open := 0
		for _, h := range s.handles {
			if h.Closed() == nil {
				open++
			}
		}
		if s.seg == nil {
			// it has just gone
		} else if open == 0 && s.pins == 0 {
			lingering++
		} else {
			segments++
		}
		handles += open
		s.mu.Unlock()
	}
	return segments, lingering, handles
}

// CloseAll closes all handles of this process, for its end, so that the
// others need not find out. Operations under way end with ErrClosed; what is
// then still held, such as a lock, is found to be a dead process's later.
func CloseAll() {
	for _, s := range memberships.all() {
		s.mu.Lock()
		handles := slices.Collect(maps.Values(s.handles))
		s.mu.Unlock()
		for _, h := range handles {
			h.Close()
		}
	}
}

// Unpin lets the segment go with its last handle.
func (s *Space) Unpin() { _ = s.pin(-1) }

func (s *Space) pin(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seg == nil {
		return ErrClosed
	}
	s.pins += n
	s.release()
	return nil
}

// release unmaps the segment if nothing needs it any more. The caller has s.mu.
func (s *Space) release() {
	if len(s.handles) > 0 || s.pins > 0 || s.seg == nil {
		return
	}
	s.leave()
	s.unmap()
	s.seg = nil
	memberships.remove(s)
}

func (s *Space) wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	return s.park.Wait(ctx, w, old, nap)
}
