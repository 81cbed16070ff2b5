package word

import (
	"context"
	"sync/atomic"
)

// An Event is a flag that processes wait for. Its word:
//
//	bit 0      set
//	bits 1-31  how often it was set, modulo 2^31
//
// The count lets a waiter that sleeps through Set and Clear see that the
// event happened. It is changed by Set (count+1, bit 0 on) and Clear (bit 0
// off) only.
type Event struct{ w *atomic.Uint32 }

// EventAt is the event in the word w.
func EventAt(w *atomic.Uint32) Event { return Event{w} }

// IsSet reports whether the event is set.
func (e Event) IsSet() bool { return e.w.Load()&1 != 0 }

// Set sets the event and wakes all that wait for it. It waits for nobody.
func (e Event) Set(env Env) {
	for {
		v := e.w.Load()
		if v&1 != 0 {
			return
		}
		if e.w.CompareAndSwap(v, (v|1)+2) {
			env.Wake(e.w)
			return
		}
	}
}

// Clear unsets the event.
func (e Event) Clear() { e.w.And(^uint32(1)) }

// Wait returns when the event is set, or was set since the call.
func (e Event) Wait(ctx context.Context, env Env) error {
	for first := e.w.Load(); ; {
		v := e.w.Load()
		if v&1 != 0 || v>>1 != first>>1 {
			return nil
		}
		if _, err := env.Wait(ctx, e.w, v); err != nil {
			return err
		}
	}
}
