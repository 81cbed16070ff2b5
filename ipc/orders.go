package ipc

import (
	"context"
	"sync"
	"sync/atomic"
)

// orders are what a pool tells its worker about single tasks while it works.
type orders struct {
	board *board
	over  context.Context // ends when the worker does

	mu        sync.Mutex
	ctx       context.Context // of the task under way; the next one's if it has not ended
	cancel    context.CancelFunc
	cancelled []uint64
	given     atomic.Uint32 // how often there were any
	heard     uint32        // of them, the worker's own
}

// setState makes state what State finds. It is for the time before the first task,
// in which an order may come already.
func (o *orders) setState(state any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = context.WithValue(o.over, stateKey{}, state)
	o.ctx, o.cancel = context.WithCancel(o.over)
}

func newOrders(over context.Context, b *board) *orders {
	o := &orders{board: b, over: over}
	o.ctx, o.cancel = context.WithCancel(over)
	return o
}

// cancelTask ends the context of a task that is under way, or will be.
func (o *orders) cancelTask(n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancelled = append(o.cancelled, n)
	o.given.Add(1)
	// A task that begins from now on looks for orders when the cursor has moved
	// to it. So it is not harmed: it waits for us, and gets another context.
	if o.board.begun() == n {
		o.cancel()
	}
}

// contextFor is the context for task n, which has just begun.
func (o *orders) contextFor(n uint64) context.Context {
	if o.given.Load() != o.heard {
		o.hear(n)
	}
	return o.ctx
}

func (o *orders) hear(n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = o.given.Load()
	if o.ctx.Err() != nil {
		o.ctx, o.cancel = context.WithCancel(o.over)
	}
	later := o.cancelled[:0]
	for _, c := range o.cancelled {
		switch {
		case c == n:
			o.cancel()
		case c > n:
			later = append(later, c)
		}
	}
	o.cancelled = later
}
