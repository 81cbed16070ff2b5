package ipc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// A Barrier is a place where a number of parties wait for each other. Use
// [NewBarrier]; the zero value does not work. It must not be copied, but
// handed to children in their arguments.
//
// Whatever a party did before Wait synchronizes before the return of each
// Wait of the same round. If a process that holds the barrier ends in any other way
// than by the return of its target, the barrier breaks: a round that it may
// have been needed for can't be waited out. In Python: multiprocessing.Barrier.
type Barrier struct {
	h      *space.Handle
	action *entry // nil for none
}

// NewBarrier makes a barrier for that many parties, 1 to 16383. It panics on
// any other number.
//
// If there is an action, the last party to arrive calls it, in its own process
// and with its context, before any goes on. If it returns an error, that party
// gets the error and the others ErrBrokenBarrier; so they do if it panics, or
// its process is killed during it.
func NewBarrier(parties int, action ...Target[None]) (*Barrier, error) {
	if parties < 1 || parties > word.MaxParties {
		panic(fmt.Sprintf("ipc: a barrier has 1 to %d parties, not %d", word.MaxParties, parties))
	}
	name := actionName(action)
	h, err := newHandle(space.Shape{Kind: space.Barrier, Maps: 1, Param: uint32(parties), Data: uint32(len(name))})
	if err != nil {
		return nil, fmt.Errorf("ipc: barrier: %w", err)
	}
	copy(h.Data(), name)
	b := new(Barrier)
	b.adopt(h)
	return b, nil
}

// actionName is what each process that has the barrier finds its action by.
func actionName(action []Target[None]) string {
	switch {
	case len(action) == 0:
		return ""
	case len(action) > 1 || action[0].entry == nil:
		panic("ipc: a barrier has one action at most, which NewTarget has made")
	}
	return action[0].entry.name
}

func (b *Barrier) held() *space.Handle { return b.h }
func (b *Barrier) kind() space.Kind    { return space.Barrier }

func (b *Barrier) adopt(h *space.Handle) {
	name := h.Data() // with zeros behind it
	if i := slices.Index(name, 0); i >= 0 {
		name = name[:i]
	}
	b.h, b.action = h, entries[string(name)]
}

// Wait arrives at the barrier and returns when all parties have. It returns
// how many had arrived before, so that each party of a round gets a number of
// its own, from 0. If ctx ends first it returns ctx.Err() and the barrier is
// broken. Other errors are ErrBrokenBarrier, ErrClosed, and that of the action.
func (b *Barrier) Wait(ctx context.Context) (int, error) {
	if err := b.h.Enter(); err != nil {
		return 0, public(err)
	}
	defer b.h.Exit()
	w := b.h.Barrier()
	if b.action != nil {
		w.Action = func() error { return b.action.run(ctx, new(codec.Decoder)) }
	}
	limited := ctx
	if limit := time.Duration(b.h.Wide().Load()); limit > 0 {
		if _, has := ctx.Deadline(); !has {
			var cancel context.CancelFunc
			limited, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
	}
	if !b.h.Logs() {
		i, err := w.Wait(limited, b.h)
		return i, public(err)
	}
	over := b.h.LogWait(eventlog.ForParties)
	i, err := w.Wait(limited, b.h)
	over(err != nil)
	return i, public(err)
}

// SetTimeout limits each Wait, in any process, that begins from now on with a
// context that has no deadline: after d it returns context.DeadlineExceeded,
// and the barrier is broken. If d is not positive there is no limit, as at
// first. In Python: the argument timeout.
func (b *Barrier) SetTimeout(d time.Duration) {
	if b.h.Enter() == nil {
		defer b.h.Exit()
		b.h.Wide().Store(uint64(max(d, 0)))
	}
}

// Reset makes a barrier whole and empty, also a broken one. Parties that are
// waiting get ErrBrokenBarrier.
func (b *Barrier) Reset() {
	if b.h.Enter() == nil {
		defer b.h.Exit()
		b.h.Barrier().Reset(b.h)
	}
}

// Abort breaks the barrier: all that wait, and all that come later, get
// ErrBrokenBarrier, until Reset.
func (b *Barrier) Abort() {
	if b.h.Enter() == nil {
		defer b.h.Exit()
		b.h.Barrier().Abort(b.h)
	}
}

// Parties is the number of parties it takes to pass, 0 for a closed barrier.
func (b *Barrier) Parties() int {
	if b.h.Enter() != nil {
		return 0
	}
	defer b.h.Exit()
	return int(b.h.Param())
}

// Waiting is the number of parties that wait now. In Python: n_waiting.
func (b *Barrier) Waiting() int {
	if b.h.Enter() != nil {
		return 0
	}
	defer b.h.Exit()
	return b.h.Barrier().Waiting()
}

// Broken reports whether the barrier is broken.
func (b *Barrier) Broken() bool {
	if b.h.Enter() != nil {
		return true
	}
	defer b.h.Exit()
	return b.h.Barrier().Broken()
}

// Close gives up this process's use of the barrier. Waits under way return
// ErrClosed and break it. It always returns nil, and can be called again.
func (b *Barrier) Close() error {
	b.h.Close()
	return nil
}
