package word

import (
	"context"
	"sync/atomic"
	"unsafe"
)

// A Cond is a list of those who wait for something to happen. Each has an
// entry of its own and sleeps on its lower half, so that to notify one wakes
// one. It is used under a lock that is not its business.
//
// An entry, one 64-bit word:
//
//	bits 0-1    free, waiting, notified, or waiting and perhaps asleep
//	bits 2-12   the slot of the process that waits
//	bits 13-63  the ticket: entries are notified in the order of their tickets
//
// Who changes it: free -> waiting, who is going to wait; waiting -> asleep, who
// is about to sleep; either of these -> notified, who notifies, or -> free, who
// gives up, or finds the waiter dead; notified -> free, who has been notified
// and has got the lock again, or finds the waiter dead and has notified another
// in its place.
type Cond struct {
	Last    *atomic.Uint64  // the ticket that was given out last
	Used    *atomic.Uint32  // entries from there on were never used
	Entries []atomic.Uint64 // zero at first
	Slot    int             // of this process
}

const (
	condFree = iota
	condWaiting
	condNotified
	condAsleep // waiting, too: the lower bit says that

	condState       = 3
	condSlotShift   = 2
	condSlotMask    = 1<<11 - 1
	condTicketShift = 13
)

// An Entry is that of one wait.
type Entry struct {
	w *atomic.Uint64
	v uint64 // as long as it waits
}

// lower is the half of w that one can sleep on, see shm.Low.
func lower(w *atomic.Uint64) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(w)) }

// Enlist makes an entry for one that waits from now on, though it has the lock
// still. It reports false if there are too many.
func (c *Cond) Enlist() (Entry, bool) {
	v := c.Last.Add(1)<<condTicketShift | uint64(c.Slot)<<condSlotShift | condWaiting
	for i := range c.Entries {
		w := &c.Entries[i]
		if w.Load() != condFree {
			continue
		}
		// Before the entry is: or nobody would look at it.
		for u := c.Used.Load(); u <= uint32(i) && !c.Used.CompareAndSwap(u, uint32(i+1)); u = c.Used.Load() {
		}
		if w.CompareAndSwap(condFree, v) {
			return Entry{w, v}, true
		}
	}
	return Entry{}, false
}

// Wait waits until e is notified. After an error it is free.
func (c *Cond) Wait(ctx context.Context, env Env, e Entry) error {
	low, asleep := lower(e.w), e.v|condAsleep
	if env.Spin(low, uint32(e.v), 2) {
		return nil
	}
	for e.w.CompareAndSwap(e.v, asleep) || e.w.Load() == asleep {
		if _, err := env.Wait(ctx, low, uint32(asleep)); err != nil && c.GiveBack(e) {
			return err
		}
	}
	return nil
}

// GiveBack makes e free if it has not been notified.
func (c *Cond) GiveBack(e Entry) bool {
	return e.w.CompareAndSwap(e.v, condFree) || e.w.CompareAndSwap(e.v|condAsleep, condFree)
}

// waits reports whether v is an entry that has not been notified.
func waits(v uint64) bool { return v&condWaiting != 0 }

// Done makes e free, which was notified, when its waiter has the lock. If it
// dies before that, another is notified in its place.
func (c *Cond) Done(e Entry) { e.w.Store(condFree) }

// PassOn notifies another in the place of e, which was notified.
func (c *Cond) PassOn(env Env, e Entry) {
	c.notifyOne(env)
	c.Done(e)
}

// used are the entries that may not be free.
func (c *Cond) used() []atomic.Uint64 {
	return c.Entries[:min(int(c.Used.Load()), len(c.Entries))]
}

// Notify notifies the n that have waited longest, or all that wait.
func (c *Cond) Notify(env Env, n int) {
	for n > 0 && c.notifyOne(env) {
		n--
	}
}

func (c *Cond) notifyOne(env Env) bool {
	for {
		var oldest *atomic.Uint64
		var v uint64
		used := c.used()
		for i := range used {
			if x := used[i].Load(); waits(x) && (oldest == nil || x < v) {
				oldest, v = &used[i], x
			}
		}
		if oldest == nil {
			return false
		}
		if notify(env, oldest, v) {
			return true
		}
	}
}

// notify notifies who waits in w, if that is v still. If we die before the
// wake, it finds out after its nap.
func notify(env Env, w *atomic.Uint64, v uint64) bool {
	if !w.CompareAndSwap(v, v&^condState|condNotified) {
		return false
	}
	if v&condState == condAsleep {
		env.Wake(lower(w))
	}
	return true
}

// NotifyAll notifies all that wait.
func (c *Cond) NotifyAll(env Env) {
	used := c.used()
	for i := range used {
		// It is notified now, unless it has given up or was before.
		for v := used[i].Load(); waits(v) && !notify(env, &used[i], v); v = used[i].Load() {
		}
	}
}

// GiveUp makes the entries of a slot free whose process is dead.
func (c *Cond) GiveUp(env Env, slot int) {
	used := c.used()
	for i := range used {
		if v := used[i].Load(); waits(v) && slotOf(v) == slot {
			used[i].CompareAndSwap(v, condFree) // else it was notified meanwhile
		}
	}
	for i := range used {
		if v := used[i].Load(); v&condState == condNotified && slotOf(v) == slot {
			// If we die in between, the next one to come here notifies one
			// more: better than one too few.
			c.PassOn(env, Entry{w: &used[i]})
		}
	}
}

func slotOf(v uint64) int { return int(v >> condSlotShift & condSlotMask) }

// Notified goes over the slots of those that were notified and may not have
// the lock yet. If one is dead, those that wait may be waiting for it.
func (c *Cond) Notified(yield func(slot int) bool) {
	used := c.used()
	for i := range used {
		if v := used[i].Load(); v&condState == condNotified && !yield(slotOf(v)) {
			return
		}
	}
}

// WakeAll has all that wait look again whether they still should.
func (c *Cond) WakeAll(env Env) {
	used := c.used()
	for i := range used {
		if used[i].Load() != condFree {
			env.Wake(lower(&used[i]))
		}
	}
}
