package ipc

import (
	"context"
	"fmt"

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
type Barrier struct{ h *space.Handle }

// NewBarrier makes a barrier for that many parties, 1 to 16383. It panics on
// any other number.
func NewBarrier(parties int) (*Barrier, error) {
	if parties < 1 || parties > word.MaxParties {
		panic(fmt.Sprintf("ipc: a barrier has 1 to %d parties, not %d", word.MaxParties, parties))
	}
	o, err := newObject(space.Shape{Kind: space.Barrier, Maps: 1, Param: uint32(parties)})
	if err != nil {
		return nil, fmt.Errorf("ipc: barrier: %w", err)
	}
	return &Barrier{o.Open(0)}, nil
}

func (b *Barrier) held() *space.Handle   { return b.h }
func (b *Barrier) kind() space.Kind      { return space.Barrier }
func (b *Barrier) adopt(h *space.Handle) { b.h = h }

// Wait arrives at the barrier and returns when all parties have. It returns
// how many had arrived before, so that each party of a round gets a number of
// its own, from 0. If ctx ends first it returns ctx.Err() and the barrier is
// broken. Other errors are ErrBrokenBarrier and ErrClosed.
func (b *Barrier) Wait(ctx context.Context) (int, error) {
	if err := b.h.Enter(); err != nil {
		return 0, public(err)
	}
	defer b.h.Exit()
	i, err := b.h.Barrier().Wait(ctx, b.h)
	return i, public(err)
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
