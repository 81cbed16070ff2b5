package word

import (
	"context"
	"sync/atomic"
)

// An Event is a flag that processes wait for. Its word:
//
//	bit 0      set
//	bit 1      someone may be asleep on the word
//	bits 2-31  how often it was set, modulo 2^30
//
// The count lets a waiter that sleeps through Set and Clear see that the
// event happened. Who changes it: Set (count+1, bit 0 on, bit 1 off), Clear
// (bit 0 off), and who is about to sleep (bit 1 on).
type Event struct {
	w     *atomic.Uint32
	local *Local
}

const (
	eventSet   = 1
	eventSleep = 2
	eventOnce  = 4
)

// EventAt is the event in the word w.
func EventAt(w *atomic.Uint32, local *Local) Event { return Event{w, local} }

// IsSet reports whether the event is set.
func (e Event) IsSet() bool { return e.w.Load()&eventSet != 0 }

// Set sets the event and wakes all that wait for it. It waits for nobody.
func (e Event) Set(env Env) {
	e.local.releases()
	for {
		v := e.w.Load()
		if v&eventSet != 0 {
			return
		}
		if e.w.CompareAndSwap(v, (v&^eventSleep|eventSet)+eventOnce) {
			if v&eventSleep != 0 {
				env.Wake(e.w)
			}
			return
		}
	}
}

// Clear unsets the event.
func (e Event) Clear() { e.w.And(^uint32(eventSet)) }

// Wait returns when the event is set, or was set since the call.
func (e Event) Wait(ctx context.Context, env Env) error {
	first := e.w.Load()
	for spun := false; ; spun = true {
		v := e.w.Load()
		switch {
		case v&eventSet != 0 || v/eventOnce != first/eventOnce:
			e.local.acquired()
			return nil
		case !spun:
			env.Spin(e.w, v, 2)
			continue
		case v&eventSleep == 0 && !e.w.CompareAndSwap(v, v|eventSleep):
			continue
		}
		if _, err := env.Wait(ctx, e.w, v|eventSleep); err != nil {
			return err
		}
	}
}
