//go:build unix

package space

import (
	"github.com/mpbox/mpbox/ipc/internal/shm"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// RMutex is the object's lock, as one of the whole process.
func (h *Handle) RMutex() word.RMutex { return word.RMutexAt(h.Mutex(), &h.depth) }

// SemaphoreData is how many bytes of data a semaphore needs: an account for
// each member.
const SemaphoreData = 8 * MaxMembers

// Semaphore is the object as a semaphore.
func (h *Handle) Semaphore() word.Semaphore {
	s := h.semaphore()
	s.Slot, s.Local, s.Closed = h.s.slot, &h.local, h.Closed
	return s
}

func (o Object) semaphore() word.Semaphore {
	state, low := o.State()
	return word.Semaphore{
		State:   state,
		Low:     low,
		Held:    shm.Words(o.Data()),
		Slots:   o.s.seg.U32(offHigh),
		Bounded: o.Param() != 0,
	}
}

// CondData is how many bytes of data a cond needs: entries for so many waits.
const CondData = 8 * 2048

// Cond is the object as a cond.
func (h *Handle) Cond() word.Cond {
	c := h.cond()
	c.Slot = h.s.slot
	return c
}

func (o Object) cond() word.Cond {
	last, _ := o.State()
	return word.Cond{Last: last, Used: o.Word(0), Entries: shm.Words(o.Data())}
}

// Number is the object as a value of so many bytes.
func (h *Handle) Number(bytes uintptr) word.Number {
	w, _ := h.State()
	return word.NumberAt(w, bytes, &h.local)
}

// Copies is the object as a value in copies.
func (h *Handle) Copies() *word.Copies {
	turn, _ := h.State()
	return &word.Copies{
		Turn:  turn,
		Words: shm.Words(h.Data()),
		// The Local is the first lock's: one who holds that may store.
		Lock:  word.MutexAt(h.u32(offLocks+4), nil),
		Local: &h.local,
	}
}

// giveUp gives up what the member in slot holds of the object besides its
// locks and its marks, which must be there still: if we die before they go,
// the next one begins again. It waits for nobody.
func (o Object) giveUp(env word.Env, slot int, left bool) {
	if !o.marked(0, slot) {
		return
	}
	switch o.Kind() {
	case Barrier:
		if !left {
			o.barrier(nil).Abort(env)
		}
	case Semaphore:
		s := o.semaphore()
		s.GiveUp(env, slot)
	case Cond:
		c := o.cond()
		c.GiveUp(env, slot)
	}
}

// wakeData wakes those who sleep on the data of the object.
func (o Object) wakeData() {
	if o.Kind() == Cond {
		c := o.cond()
		c.WakeAll(&Handle{s: o.s})
	}
}

// LookAfterOthers finds out the dead among those whom one who waits for the
// object may be waiting for.
func (h *Handle) LookAfterOthers() {
	switch h.Kind() {
	case Barrier:
		h.lookAfterHolders()
	case Semaphore:
		s := h.semaphore()
		for slot := range s.Holders {
			h.s.lookAfter(slot)
		}
	case Cond:
		c := h.cond()
		for slot := range c.Notified {
			h.s.lookAfter(slot)
		}
	}
}
