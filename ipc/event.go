package ipc

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/space"
)

// An Event is a flag that processes wait for. Use [NewEvent]; the zero value
// does not work. It must not be copied, but handed to children in their
// arguments.
//
// A Set synchronizes before the return of a Wait that sees it. A process that
// is killed while it waits is of no concern to the others: Set waits for
// nobody. In Python: multiprocessing.Event.
type Event struct{ h *space.Handle }

// NewEvent makes an event that is not set.
func NewEvent() (*Event, error) {
	o, err := newObject(space.Shape{Kind: space.Event, Maps: 1})
	if err != nil {
		return nil, fmt.Errorf("ipc: event: %w", err)
	}
	return &Event{o.Open(0)}, nil
}

func (e *Event) held() *space.Handle   { return e.h }
func (e *Event) kind() space.Kind      { return space.Event }
func (e *Event) adopt(h *space.Handle) { e.h = h }

// Set sets the event and wakes all that wait. On a closed event it does nothing.
func (e *Event) Set() {
	if e.h.Enter() == nil {
		defer e.h.Exit()
		if e.h.Logs() {
			e.h.Log(eventlog.Set, false)
		}
		e.h.Event().Set(e.h)
	}
}

// Clear unsets the event. On a closed event it does nothing.
func (e *Event) Clear() {
	if e.h.Enter() == nil {
		defer e.h.Exit()
		e.h.Event().Clear()
	}
}

// IsSet reports whether the event is set.
func (e *Event) IsSet() bool {
	if e.h.Enter() != nil {
		return false
	}
	defer e.h.Exit()
	return e.h.Event().IsSet()
}

// Wait waits until the event is set, or was set for a moment since the call.
// It returns ctx.Err() if ctx ends first, and ErrClosed.
func (e *Event) Wait(ctx context.Context) error {
	if err := e.h.Enter(); err != nil {
		return public(err)
	}
	defer e.h.Exit()
	return public(e.h.Event().Wait(ctx, e.h))
}

// String says whether the event is set.
func (e *Event) String() string {
	if e.IsSet() {
		return "<Event set>"
	}
	return "<Event unset>"
}

// Close gives up this process's use of the event. Waits under way return
// ErrClosed. It always returns nil, and can be called again.
func (e *Event) Close() error {
	e.h.Close()
	return nil
}
