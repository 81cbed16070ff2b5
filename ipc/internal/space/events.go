//go:build unix

package space

import (
	"context"
	"sync/atomic"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// logTo has what is done with the object by this handle written to l, if that is
// not nil.
func (h *Handle) logTo(l *eventlog.Log) {
	if h.log = l; l == nil {
		return
	}
	// The same in all processes, and of another object another one, as good as
	// certainly.
	h.id = h.s.seg.U64(offID).Load() ^ (uint64(h.off)<<32|uint64(h.u32(offGen).Load()))*0x9E3779B97F4A7C15
	for i, r := range h.rings {
		r.Sent = func(first, n uint32) { h.logValues(eventlog.Send, i, first, n) }
		r.Received = func(first, n uint32) { h.logValues(eventlog.Recv, i, first, n) }
	}
}

// Quiet keeps the object out of the log: it is not one of the user's. It must be
// called before the handle is used.
func (h *Handle) Quiet() {
	h.log = nil
	for _, r := range h.rings {
		r.Sent, r.Received = nil, nil
	}
}

// Logs reports whether there is a log to write to.
func (h *Handle) Logs() bool { return h.log != nil }

func (h *Handle) event(k eventlog.Kind) eventlog.Event {
	return eventlog.Event{Kind: k, Object: h.id, Sort: uint8(h.Kind())}
}

// Log writes that something was done with the object. The caller has asked
// Logs.
func (h *Handle) Log(k eventlog.Kind, failed bool) {
	e := h.event(k)
	e.Failed = failed
	h.log.Add(e)
}

func (h *Handle) logValues(k eventlog.Kind, ring int, first, n uint32) {
	e := h.event(k)
	e.Ring, e.First, e.Count = uint8(ring), first, n
	h.log.Add(e)
}

// LogWait writes that a wait begins, and what it returns that it is over. The
// caller has asked Logs.
func (h *Handle) LogWait(why eventlog.Why) (over func(failed bool)) {
	e := h.event(eventlog.WaitBegin)
	e.Why = why
	begun := h.log.Add(e)
	return func(failed bool) {
		e.Kind, e.Begun, e.Failed = eventlog.WaitEnd, begun, failed
		h.log.Add(e)
	}
}

// logged sleeps, and writes so.
func (h *Handle) logged(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	// A barrier's own Wait tells of it, from the arrival on.
	if h.log == nil || ctx == word.Ended || h.Kind() == Barrier {
		return h.s.wait(ctx, w, old)
	}
	over := h.LogWait(h.reason(w))
	look, err := h.s.wait(ctx, w, old)
	over(err != nil)
	return look, err
}

// reason is what a process waits for that sleeps on w.
func (h *Handle) reason(w *atomic.Uint32) eventlog.Why {
	for _, r := range h.rings {
		switch w {
		case r.HeadLow, r.Get.Word():
			return eventlog.ForValue
		case r.TailLow, r.Put.Word():
			return eventlog.ForRoom
		}
	}
	switch h.Kind() {
	case Queue:
		return eventlog.ForTasks
	case Event:
		return eventlog.ForEvent
	case Cond:
		return eventlog.ForNotify
	}
	return eventlog.ForLock
}
