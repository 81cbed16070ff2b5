//go:build unix

package space

import (
	"context"
	"errors"
	"sync/atomic"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/word"
)

// Tasks counts the values of a queue that were put and are not done. How many
// were put is what the queue's ring says; its state word says how many are
// done, or lost with the process that had taken them:
//
//	bit 0      someone may be asleep on the word
//	bits 1-31  how many, modulo 2^31
//
// Word 0 is the pid of the process that lost tasks last, word 1 how many were
// lost in all. The data are how many each member has taken and not done.
//
// Each count is raised before the one that makes up for it is lowered, so that
// a process that is killed in between makes a task count as finished twice,
// and never as one to wait for in vain.
type Tasks struct{ h *Handle }

const (
	tasksSleep = 1
	tasksOne   = 2
	tasksMask  = 1<<31 - 1

	takenBytes = 4 * MaxMembers
)

// ErrTooMany is what Done gives when no task is unfinished.
var ErrTooMany = errors.New("no task is unfinished")

// QueueData is the size of the data of a queue behind its ring.
const QueueData = takenBytes

// Tasks is the task count of a queue.
func (h *Handle) Tasks() Tasks { return Tasks{h} }

func (o Object) taken(slot int) *atomic.Uint32 {
	b := o.Data()[4*slot : 4*slot+4]
	return (*atomic.Uint32)(unsafe.Pointer(&b[0])) // data begin on a cache line
}

// unfinished is how many tasks are neither done nor lost, by the word v.
func (t Tasks) unfinished(v uint32) uint32 {
	n := (t.h.rings[0].Puts() - v/tasksOne) & tasksMask
	if n > tasksMask/2 {
		return 0 // some were finished twice
	}
	return n
}

// Done says that a task is done, which this process has taken, or another one.
func (t Tasks) Done() error {
	_, w := t.h.State()
	for {
		v := w.Load()
		if t.unfinished(v) == 0 {
			// One that was finished twice, by a death, may have been ours.
			if lower(t.h.taken(t.h.s.slot)) {
				return nil
			}
			return ErrTooMany
		}
		if w.CompareAndSwap(v, v&^tasksSleep+tasksOne) {
			if v&tasksSleep != 0 {
				t.h.Wake(w)
			}
			t.release()
			return nil
		}
	}
}

// release lowers the count of this process, or of another one that has handed
// its task on.
func (t Tasks) release() {
	if lower(t.h.taken(t.h.s.slot)) {
		return
	}
	for slot := range t.h.s.high() {
		if lower(t.h.taken(slot)) {
			return
		}
	}
}

func lower(w *atomic.Uint32) bool {
	for {
		v := w.Load()
		if v == 0 || w.CompareAndSwap(v, v-1) {
			return v != 0
		}
	}
}

// Wait waits until no task is unfinished. It returns how many were lost so
// far, and the pid of the last process that lost some.
func (t Tasks) Wait(ctx context.Context) (lost, pid int, err error) {
	_, w := t.h.State()
	for spun := false; ; spun = true {
		v := w.Load()
		switch {
		case t.unfinished(v) == 0:
			return int(t.h.Word(1).Load()), int(t.h.Word(0).Load()), nil
		case !spun:
			t.h.Spin(w, v, 2)
			continue
		case v&tasksSleep == 0 && !w.CompareAndSwap(v, v|tasksSleep):
			continue
		}
		look, err := t.h.Wait(ctx, w, v|tasksSleep)
		if err != nil {
			return 0, 0, err
		}
		if look {
			t.h.lookAfterHolders()
		}
	}
}

// loseTasks counts what the member in slot has taken and not done as lost.
func (o Object) loseTasks(env word.Env, slot int, pid uint32) {
	n := o.taken(slot).Load()
	if n == 0 {
		return
	}
	o.Word(0).Store(pid)
	o.lose(env, n)
	o.taken(slot).Store(0)
}

// lose counts n tasks as lost.
func (o Object) lose(env word.Env, n uint32) {
	o.Word(1).Add(n)
	_, w := o.State()
	w.Add(n * tasksOne)
	env.Wake(w)
}
