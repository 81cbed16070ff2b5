//go:build unix

package space

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/park"
	"github.com/mpbox/mpbox/ipc/internal/shm"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

var (
	// ErrNoRoom is what Alloc gives when the segment is full.
	ErrNoRoom = errors.New("segment is full")

	errStale = errors.New("no such object")
)

// A Handle is this process's hold on an object in one role: an end of a
// pipe, or just holder. There is one for each object and role in a process,
// however often it was handed over. It is the word.Env of its operations:
// all of them end with ErrClosed when it is closed.
type Handle struct {
	Object
	role  int
	s     *Space
	state atomic.Int32 // 2 for each operation under way, 1 when closed
	once  sync.Once

	local word.Local
	depth word.Depth
	socks []int // see SetSocks
	rings []*word.Ring
	spin  park.Spinner
	log   *eventlog.Log // nil if there is none
	id    uint64        // of the object, in the log
}

const (
	closedBit = 1
	operation = 2
)

// Open is this process's handle in a role for o, which it has just allocated.
func (o Object) Open(role int) *Handle { return o.s.handle(o, role) }

// handle is the one handle of this process for o in a role.
func (s *Space) handle(o Object, role int) *Handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{o.off, o.u32(offGen).Load(), role}
	h := s.handles[k]
	if h != nil && h.Closed() == nil {
		return h
	}
	if h != nil {
		s.pins++ // it is still used by somebody, or by what waits to be garbage: see drop
	}
	h = &Handle{Object: o, role: role, s: s}
	for i := range o.rings() {
		h.rings = append(h.rings, o.ring(i))
	}
	h.connect()
	if h.u32(offMaps).Load()&inLog != 0 {
		h.logTo(eventlog.Current())
	}
	s.handles[k] = h
	return h
}

// connect tells the rings whom to ask for the other side.
func (h *Handle) connect() {
	for _, r := range h.rings {
		r.Make = shm.Make
		switch h.Kind() {
		case Pipe:
			others := func(look bool) bool { return h.Held(1-h.role, look) }
			r.Putters, r.Getters = others, others
		case Queue:
			r.Putters = h.CanPut
			// A queue takes values also when there is no getter yet, so this
			// matters only to a Put that has waited for a while.
			r.Getters = func(look bool) bool { return !look || h.CanGet(true) }
			taken := h.taken(h.s.slot)
			r.Taking = func(n int) { taken.Add(uint32(n)) }
			r.Skipping = func(n int) { h.lose(h, uint32(n)) }
			r.PutWaits, r.GetWaits = h.waits(QueueWaitPut), h.waits(QueueWaitGet)
		}
	}
}

// waits keeps this process marked in map m as long as any of its goroutines
// waits: it is told when one begins, and when it no longer does.
func (h *Handle) waits(m int) func(on bool) {
	var mu sync.Mutex
	n := 0
	return func(on bool) {
		mu.Lock()
		defer mu.Unlock()
		if on {
			n++
			h.mark(m, h.s.slot)
		} else if n--; n == 0 {
			h.unmark(m, h.s.slot)
		}
	}
}

// Find is the handle for what the parent has granted to this process: the
// object at off, in its generation gen.
func (s *Space) Find(kind Kind, off, gen uint32, role int) (*Handle, error) {
	var found Object
	err := s.locked(func() error {
		for o := range s.objects {
			if o.off == off && o.Kind() == kind && o.u32(offGen).Load() == gen &&
				role >= 0 && role < o.maps() && o.marked(role, s.slot) {
				found = o
				return nil
			}
		}
		return errStale
	})
	if err != nil {
		return nil, err
	}
	return s.handle(found, role), nil
}

// Address is what Find needs, besides the segment.
func (h *Handle) Address() (off, gen uint32, role int) {
	return h.off, h.u32(offGen).Load(), h.role
}

// Space is the segment of the object.
func (h *Handle) Space() *Space { return h.s }

// Role is the role in which this process holds the object.
func (h *Handle) Role() int { return h.role }

// Rings is how many rings the object has.
func (h *Handle) Rings() int { return len(h.rings) }

// Ring is the object's i-th ring.
func (h *Handle) Ring(i int) *word.Ring { return h.rings[i] }

// Mutex is the object's lock.
func (h *Handle) Mutex() word.Mutex { return word.MutexAt(h.u32(offLocks), &h.local) }

// Event is the object as an event.
func (h *Handle) Event() word.Event {
	_, low := h.State()
	return word.EventAt(low, &h.local)
}

// Barrier is the object as a barrier.
func (h *Handle) Barrier() word.Barrier { return h.barrier(&h.local) }

// SetSocks gives the handle the sockets through which descriptors follow the
// messages: the one to send to, and the one to receive from if that is
// another. They are closed with it. It reports false if it has some already.
func (h *Handle) SetSocks(fds []int) bool {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.socks != nil {
		return false
	}
	h.socks = fds
	return true
}

// Socks are the sockets of the handle, none for messages that are just bytes.
func (h *Handle) Socks() []int { return h.socks }

// Grant gives the object to the member in slot. The caller is in an operation.
func (h *Handle) Grant(slot int) {
	h.mark(h.role, slot)
	h.u32(offGrants).Add(1) // after the mark: see anyMember
}

// Enter begins an operation; Exit must follow unless it fails.
func (h *Handle) Enter() error {
	if h.state.Add(operation)&closedBit != 0 {
		h.Exit()
		return ErrClosed
	}
	return nil
}

// Exit ends an operation.
func (h *Handle) Exit() {
	if h.state.Add(-operation) == closedBit {
		h.once.Do(h.drop)
	}
}

// Closed is ErrClosed when the handle is closed.
func (h *Handle) Closed() error {
	if h.state.Load()&closedBit != 0 {
		return ErrClosed
	}
	return nil
}

// Close gives up this process's hold. Operations under way end with
// ErrClosed; the others see that it is gone when the last one has. It is
// harmless to close twice.
func (h *Handle) Close() {
	h.state.Add(operation) // keeps the memory mapped until we are done
	if h.state.Or(closedBit)&closedBit == 0 {
		h.wakeAll()
	}
	h.Exit()
}

// drop runs when the handle is closed and no operation is under way.
func (h *Handle) drop() {
	for _, fd := range h.socks {
		syscall.Close(fd)
	}
	s, k := h.s, key{h.off, h.u32(offGen).Load(), h.role}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.handles[k] != h: // the object has come again meanwhile
		s.pins--
	case s.coming[k] > 0: // it is just coming again
		delete(s.handles, k)
	default:
		delete(s.handles, k)
		h.unhold()
	}
	s.release()
}

// unhold gives up what this process holds of the object.
func (h *Handle) unhold() {
	// Under the registry lock: once unmarked, the object may be used again.
	_ = h.s.locked(func() error {
		h.giveUp(h, h.s.slot, true)
		for m := range h.maps() {
			// The further maps of an object with one role go with the holder.
			if m == h.role || h.Kind().roles() == 1 {
				h.unmark(m, h.s.slot)
			}
		}
		if h.Kind() == Queue {
			h.loseTasks(h, h.s.slot, h.s.pid)
		}
		h.wakeAll()
		return nil
	})
}

// Pid implements word.Env.
func (h *Handle) Pid() uint32 { return h.s.pid }

// Wake implements word.Env.
func (h *Handle) Wake(w *atomic.Uint32) { h.s.park.Wake(w) }

// Dead implements word.Env.
func (h *Handle) Dead(pid uint32) bool { return pid != h.s.pid && h.s.dead(pid) }

// Spin implements word.Env.
func (h *Handle) Spin(w *atomic.Uint32, old uint32, parties int) bool {
	const most = 16 // the time goes with their number
	return h.spin.Spin(w, old, min(parties, most))
}

// Wait implements word.Env.
func (h *Handle) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	if err := h.Closed(); err != nil {
		return false, err
	}
	look, err := h.logged(ctx, w, old)
	if err := h.Closed(); err != nil {
		return false, err
	}
	if look {
		h.LookAfterOthers()
	}
	return look, err
}

// lookAfterHolders finds out the dead among all holders: who waits at a
// barrier does not know for whom.
func (h *Handle) lookAfterHolders() {
	for slot := range h.s.high() {
		if h.marked(0, slot) {
			h.s.lookAfter(slot)
		}
	}
}

// Held reports whether a living member holds the object in a role. Without
// look it trusts the marks, which the death of a member clears sooner or later.
func (h *Handle) Held(role int, look bool) bool {
	if !look {
		return h.anyMarked(role)
	}
	return h.anyMember(look, func(slot int) bool { return h.marked(role, slot) })
}

func (h *Handle) anyMarked(m int) bool {
	for {
		grants := h.u32(offGrants).Load()
		for slot := 0; slot < h.s.high(); slot += 32 {
			if w, _ := h.bit(m, slot); w.Load() != 0 {
				return true
			}
		}
		if h.u32(offGrants).Load() == grants {
			return false // see anyMember
		}
	}
}

// anyMember reports whether pick holds for a member. A handle may be handed
// on while we go over the members, from one that we have not seen yet to one
// that we have: then the count of grants has changed, and we go over them again.
func (h *Handle) anyMember(look bool, pick func(slot int) bool) bool {
	for {
		grants := h.u32(offGrants).Load()
		for slot := range h.s.high() {
			if pick(slot) && (!look || h.s.lookAfter(slot)) {
				return true
			}
		}
		if h.u32(offGrants).Load() == grants {
			return false
		}
	}
}

// The maps of a queue.
const (
	QueueHolders = iota
	QueueHasPut  // at some time
	QueueHasGot  // at some time
	QueueWaitPut // is in Put
	QueueWaitGet // is in Get
	QueueMaps
)

// CanPut reports whether a process is left that could put into this queue:
// one that holds it and has put before, or is not just waiting in Get. A
// queue that was never shared has its own process left.
func (h *Handle) CanPut(look bool) bool { return h.can(QueueHasPut, QueueWaitGet, look) }

// CanGet is the same for getting.
func (h *Handle) CanGet(look bool) bool { return h.can(QueueHasGot, QueueWaitPut, look) }

func (h *Handle) can(has, waits int, look bool) bool {
	if h.u32(offGrants).Load() == 0 {
		return true
	}
	return h.anyMember(look, func(slot int) bool {
		return h.marked(QueueHolders, slot) &&
			(h.marked(has, slot) || slot != h.s.slot && !h.marked(waits, slot))
	})
}

// Mark notes in map m of the object that it is so with this process.
func (h *Handle) Mark(m int) { h.mark(m, h.s.slot) }
