//go:build unix

package park

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// A Doorbell is the portable backend. All processes that have the memory
// mapped also have one pipe. Whoever wakes writes a byte to it, and each
// process is told of that by the poller of the Go runtime, which watches for
// edges: a write to a pipe is one for each process, whether or not there was
// something in the pipe before, so nobody needs to read what was written.
//
// The pipe does not say whom a wake is for. That is in the memory: a counter
// for each group of words. A process that is told wakes those of its
// goroutines whose word has changed, or whose group was woken.
type Doorbell struct {
	fds    [2]int // read end, write end; non-blocking for all that share them
	groups *[Words]atomic.Uint32

	mu       sync.Mutex
	sleepers map[*sleeper]struct{}
	pipe     *os.File      // the read end, from the first wait on
	closed   chan struct{} // closed by Close
	deaf     chan struct{} // closed when the listener has ended
}

// sleeper is a goroutine that waits, and what for.
type sleeper struct {
	w, group  *atomic.Uint32
	old, seen uint32        // what they held
	woken     chan struct{} // takes one token
}

func (sl *sleeper) done() bool { return sl.w.Load() != sl.old || sl.group.Load() != sl.seen }

// NewDoorbell makes the doorbell of new memory, see New.
func NewDoorbell(words *atomic.Uint32) (*Doorbell, error) {
	var fds [2]int
	syscall.ForkLock.RLock()
	err := syscall.Pipe(fds[:])
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	return AttachDoorbell(words, fds[:])
}

// AttachDoorbell is the doorbell behind descriptors that another process has
// handed on, see Attach.
func AttachDoorbell(words *atomic.Uint32, fds []int) (*Doorbell, error) {
	if len(fds) != 2 {
		return nil, errors.New("a doorbell has two descriptors")
	}
	for _, fd := range fds {
		if err := syscall.SetNonblock(fd, true); err != nil {
			syscall.Close(fds[0])
			syscall.Close(fds[1])
			return nil, os.NewSyscallError("fcntl", err)
		}
	}
	return &Doorbell{
		fds:      [2]int(fds),
		groups:   (*[Words]atomic.Uint32)(unsafe.Pointer(words)),
		sleepers: map[*sleeper]struct{}{},
		closed:   make(chan struct{}),
	}, nil
}

// Fds implements Parker.
func (d *Doorbell) Fds() []int { return d.fds[:] }

// group is the counter of w's group. Both lie in the same memory, so their
// distance is the same in all processes. It is hashed: words at the same place
// of equal objects should not share a group.
func (d *Doorbell) group(w *atomic.Uint32) *atomic.Uint32 {
	h := uint32(uintptr(unsafe.Pointer(w)) - uintptr(unsafe.Pointer(d.groups)))
	h = (h ^ h>>16) * 0x7feb352d
	h = (h ^ h>>15) * 0x846ca68b
	return &d.groups[(h^h>>16)%Words]
}

// Wait implements Parker.
func (d *Doorbell) Wait(ctx context.Context, w *atomic.Uint32, old uint32, nap time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil || w.Load() != old {
		return false, err
	}
	sl := &sleeper{w: w, old: old, group: d.group(w), woken: make(chan struct{}, 1)}
	sl.seen = sl.group.Load()
	if err := d.enter(sl); err != nil {
		return false, err
	}
	defer d.leave(sl)
	// What changes from now on is followed by an edge.
	if sl.done() {
		return false, nil
	}
	over := time.NewTimer(nap)
	defer over.Stop()
	select {
	case <-sl.woken:
		return false, ctx.Err()
	case <-ctx.Done():
		return false, ctx.Err()
	case <-over.C:
		return true, ctx.Err()
	case <-d.closed:
		return false, os.ErrClosed
	}
}

// enter makes sl one whom the listener wakes. The first one starts it.
func (d *Doorbell) enter(sl *sleeper) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sleepers == nil {
		return os.ErrClosed
	}
	d.sleepers[sl] = struct{}{}
	if d.pipe != nil {
		return nil
	}
	d.pipe = os.NewFile(uintptr(d.fds[0]), "doorbell")
	d.deaf = make(chan struct{})
	go d.listen()
	return nil
}

// listen wakes who is to be woken until the pipe is closed. If the system
// can't watch the pipe it returns at once, and waits end with their naps.
func (d *Doorbell) listen() {
	defer close(d.deaf)
	if conn, err := d.pipe.SyscallConn(); err == nil {
		_ = conn.Read(d.heard)
	}
}

func (d *Doorbell) leave(sl *sleeper) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sleepers, sl)
}

// heard runs at each edge, and once before: one that comes while it runs
// makes it run again.
func (d *Doorbell) heard(uintptr) (enough bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for sl := range d.sleepers {
		if sl.done() {
			select {
			case sl.woken <- struct{}{}:
			default: // is on its way
			}
		}
	}
	return false
}

// Wake implements Parker.
func (d *Doorbell) Wake(w *atomic.Uint32) {
	d.group(w).Add(1)
	for {
		_, err := syscall.Write(d.fds[1], strike)
		switch err {
		case syscall.EAGAIN:
			d.drain() // a write that fails is no edge
		case syscall.EINTR:
		default:
			return
		}
	}
}

var strike = make([]byte, 1)

// drain takes some of what is in the pipe, to make room.
func (d *Doorbell) drain() {
	_, _ = syscall.Read(d.fds[0], make([]byte, 16<<10))
}

// Close implements Parker.
func (d *Doorbell) Close() error {
	d.mu.Lock()
	pipe, open := d.pipe, d.sleepers != nil
	d.sleepers = nil
	d.mu.Unlock()
	if !open {
		return os.ErrClosed
	}
	close(d.closed)
	var err error
	if pipe == nil {
		err = syscall.Close(d.fds[0])
	} else {
		err = pipe.Close()
		<-d.deaf
	}
	return errors.Join(err, syscall.Close(d.fds[1]))
}
