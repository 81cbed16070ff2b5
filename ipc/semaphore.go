package ipc

import (
	"context"
	"fmt"
	"runtime"
	"strconv"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// A Semaphore is a number of permits that processes take and give back. Use
// [NewSemaphore] or [NewBoundedSemaphore]; the zero value does not work. It
// must not be copied, but handed to children in their arguments.
//
// A Release synchronizes before the Acquire that gets the permit. The
// semaphore keeps account of how many permits each process holds: those of one
// that ends come back at once, however it ends, and so do those of one that
// closes the semaphore. So to count things that were made and used up, a
// [Queue] or a [Cond] serves better. In Python: multiprocessing.Semaphore and
// BoundedSemaphore.
type Semaphore struct {
	h *space.Handle
	s word.Semaphore
}

// NewSemaphore makes a semaphore of n permits, 0 to 1048575, to which Release
// may add. It panics if n is out of range. In Python the default is 1.
func NewSemaphore(n int) (*Semaphore, error) { return newSemaphore(n, 0) }

// NewBoundedSemaphore makes a semaphore that never has more than n permits.
func NewBoundedSemaphore(n int) (*Semaphore, error) { return newSemaphore(n, 1) }

func newSemaphore(n int, bounded uint32) (*Semaphore, error) {
	if n < 0 || n > word.MaxPermits {
		panic("ipc: a semaphore has 0 to " + strconv.Itoa(word.MaxPermits) + " permits, not " + strconv.Itoa(n))
	}
	h, err := newHandle(space.Shape{Kind: space.Semaphore, Maps: 1, Data: space.SemaphoreData, Param: bounded})
	if err != nil {
		return nil, fmt.Errorf("ipc: semaphore: %w", err)
	}
	s := new(Semaphore)
	s.adopt(h)
	s.s.Init(n)
	return s, nil
}

func (s *Semaphore) held() *space.Handle { return s.h }
func (s *Semaphore) kind() space.Kind    { return space.Semaphore }

// adopt keeps h's memory mapped, as that of a Lock does.
func (s *Semaphore) adopt(h *space.Handle) {
	s.h, s.s = h, h.Semaphore()
	keepMapped(s, h)
}

// Acquire takes a permit, waiting until there is one. It returns ctx.Err() if
// ctx ends first, and ErrClosed.
func (s *Semaphore) Acquire(ctx context.Context) error {
	if s.h.Closed() != nil {
		return ErrClosed
	}
	err := s.s.Acquire(ctx, s.h)
	if err == nil && s.h.Logs() {
		s.h.Log(eventlog.Acquire, false)
	}
	runtime.KeepAlive(s)
	return public(err)
}

// TryAcquire takes a permit if there is one, else it returns ErrWouldBlock.
func (s *Semaphore) TryAcquire() error {
	if s.h.Closed() != nil {
		return ErrClosed
	}
	ok, err := s.s.TryAcquire(s.h)
	if !ok && err == nil {
		s.h.LookAfterOthers() // what the dead held comes back
		ok, err = s.s.TryAcquire(s.h)
	}
	if ok && s.h.Logs() {
		s.h.Log(eventlog.Acquire, false)
	}
	runtime.KeepAlive(s)
	if !ok && err == nil {
		return ErrWouldBlock
	}
	return public(err)
}

// Release gives a permit back. A process that holds none gives back one that
// another process holds, as one does that signals to it; if nobody holds any,
// the semaphore has one more from then on. It panics if a bounded semaphore
// would have more permits than at first, or any other more than 1048575.
// After Close, which gives all permits back, it does nothing.
func (s *Semaphore) Release() {
	if s.h.Logs() && s.h.Closed() == nil {
		s.h.Log(eventlog.Release, false)
	}
	if s.h.Closed() == nil && !s.s.Release(s.h) {
		panic("ipc: semaphore released too often")
	}
	runtime.KeepAlive(s)
}

// Value is how many permits are there to take, 0 for a closed semaphore. In
// Python: get_value.
func (s *Semaphore) Value() int {
	if s.h.Closed() != nil {
		return 0
	}
	n := s.s.Value()
	runtime.KeepAlive(s)
	return n
}

// String says how many permits are there to take.
func (s *Semaphore) String() string {
	return "<Semaphore(value=" + strconv.Itoa(s.Value()) + ")>"
}

// Close gives up this process's use of the semaphore, and gives back the
// permits that it holds. Waits under way return ErrClosed. It always returns
// nil, and can be called again.
func (s *Semaphore) Close() error {
	if s.h.Enter() == nil {
		s.h.Close() // first: an Acquire under way looks for it
		if s.h.Logs() {
			s.h.Log(eventlog.GiveUp, false)
		}
		s.s.GiveUp(s.h, s.s.Slot)
		s.h.Exit()
	}
	return nil
}
