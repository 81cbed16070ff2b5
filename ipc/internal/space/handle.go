//go:build unix

package space

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
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

	// In and Out let one goroutine of this process at a time through to the
	// shared locks, which know processes only. They also show the race
	// detector the order that the shared words make and it can't see.
	In, Out Gate
}

// A Gate is a mutex that can be waited for with a context.
type Gate chan struct{}

// Lock waits until the gate is free, or ctx ends.
func (g Gate) Lock(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	default:
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TryLock takes the gate if it is free.
func (g Gate) TryLock() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

// Unlock frees the gate.
func (g Gate) Unlock() { <-g }

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
	if h == nil {
		h = &Handle{Object: o, role: role, s: s, In: make(Gate, 1), Out: make(Gate, 1)}
		s.handles[k] = h
	}
	return h
}

// Find is the handle for what the parent has granted to this process: the
// object at off, in its generation gen.
func (s *Space) Find(kind Kind, off, gen uint32, role int) (*Handle, error) {
	var found Object
	err := s.locked(func() error {
		for o := range s.objects {
			if o.off == off && o.kind() == kind && o.u32(offGen).Load() == gen &&
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
	k := key{h.off, h.u32(offGen).Load(), h.role}
	// Under the registry lock: once unmarked, the object may be used again.
	_ = h.s.locked(func() error {
		for m := range h.maps() {
			// The further maps of an object with one role go with the holder.
			if m == h.role || h.kind().roles() == 1 {
				h.unmark(m, h.s.slot)
			}
		}
		h.wakeAll()
		return nil
	})
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	delete(h.s.handles, k)
	h.s.release()
}

// Pid implements word.Env.
func (h *Handle) Pid() uint32 { return h.s.pid }

// Wake implements word.Env.
func (h *Handle) Wake(w *atomic.Uint32) { h.s.park.Wake(w) }

// Dead implements word.Env.
func (h *Handle) Dead(pid uint32) bool { return pid != h.s.pid && h.s.dead(pid) }

// Wait implements word.Env.
func (h *Handle) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	if err := h.Closed(); err != nil {
		return false, err
	}
	look, err := h.s.wait(ctx, w, old)
	if err := h.Closed(); err != nil {
		return false, err
	}
	if look && h.kind() == Barrier {
		h.lookAfterHolders()
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
	return h.anyMember(look, func(slot int) bool { return h.marked(role, slot) })
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

// Unmark takes the note back.
func (h *Handle) Unmark(m int) { h.unmark(m, h.s.slot) }
