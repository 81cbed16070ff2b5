package ipc

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// queueRing is the size of a queue in bytes. Only what is touched takes memory.
const queueRing = 1 << 20

// A Queue passes values from any number of processes to any number of
// others, first in, first out. Use [NewQueue]; the zero value does not work.
// It must not be copied, but handed to children in their arguments. Several
// goroutines may use it. Put copies the value before it returns, so a value
// that was put stays in the queue whatever becomes of its sender.
//
// If a process is killed, the queue keeps what was put, loses nothing but
// what that process was just putting or had taken, and goes on. In Python:
// multiprocessing.Queue, whose put hands over to a thread.
type Queue[T any] struct {
	h    *space.Handle
	ring *word.Ring
	plan *codec.Plan
	// Whether this process is marked as one that has put, or has got.
	hasPut, hasGot atomic.Bool
}

// NewQueue makes a queue of at most size values; 0 means any number. A queue
// is also full when its memory of 1 MiB is. It panics if size is negative or
// T can't travel.
func NewQueue[T any](size int) (*Queue[T], error) {
	if size < 0 || size > 1<<30 {
		panic("ipc: size of a queue must be 0 to 2^30")
	}
	mustPlan[T]("NewQueue")
	o, err := newObject(space.Shape{Kind: space.Queue, Maps: space.QueueMaps,
		Rings: 1, RingSize: queueRing, Param: uint32(size)})
	if err != nil {
		return nil, fmt.Errorf("ipc: queue: %w", err)
	}
	q := new(Queue[T])
	q.adopt(o.Open(space.QueueHolders))
	return q, nil
}

func (q *Queue[T]) held() *space.Handle { return q.h }
func (q *Queue[T]) kind() space.Kind    { return space.Queue }

func (q *Queue[T]) adopt(h *space.Handle) {
	q.h, q.ring, q.plan = h, h.Ring(0), mustPlan[T]("Queue")
	q.ring.Limit = h.Param()
	// Whoever has taken a value may put one on account of it: it does not
	// just wait any more. This must be seen before the next one waits.
	q.ring.DidGet = func() { h.Unmark(space.QueueWaitGet) }
	q.ring.DidPut = func() { h.Unmark(space.QueueWaitPut) }
}

// getters reports whether a process is left that could get. A queue takes
// values also when there is none yet, so this matters only to a Put that has
// waited for a while.
func (q *Queue[T]) getters(look bool) bool { return !look || q.h.CanGet(true) }

// mark notes once that this process has put, or got.
func (q *Queue[T]) mark(has *atomic.Bool, m int) {
	if !has.Load() && q.h.Enter() == nil {
		q.h.Mark(m)
		has.Store(true)
		q.h.Exit()
	}
}

// Put puts v at the end of the queue. It waits while the queue is full, and
// returns ctx.Err() if ctx ends then, or ErrBrokenPipe if no process is left
// that could get: the mirror image of io.EOF at Get. Then v is not in the
// queue.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	q.mark(&q.hasPut, space.QueueHasPut)
	return encoded(q.plan, unsafe.Pointer(&v), func(b []byte) error {
		return public(operate(ctx, q.h, q.h.In, func() error {
			q.h.Mark(space.QueueWaitPut)
			defer q.h.Unmark(space.QueueWaitPut)
			return q.ring.Send(ctx, q.h, q.getters, b)
		}))
	})
}

// TryPut puts v if there is room for it now, else it returns ErrWouldBlock. A
// value of more than 512 KiB needs Put.
func (q *Queue[T]) TryPut(v T) error {
	q.mark(&q.hasPut, space.QueueHasPut)
	return encoded(q.plan, unsafe.Pointer(&v), func(b []byte) error {
		return public(tryOperate(q.h, q.h.In, func() error {
			return q.ring.TrySend(q.h, q.getters, b)
		}))
	})
}

// Get takes the value at the head of the queue, waiting for one. It returns
// ctx.Err() if ctx ends first.
//
// It returns io.EOF when the queue is empty and no process is left that could
// put: each of the others has closed the queue, has ended, or is itself
// waiting in Get and has never called Put or TryPut. So a process that only hands the queue to
// its children, or that has put all it had to, closes it. A queue that no
// other process was ever given has no such end.
func (q *Queue[T]) Get(ctx context.Context) (v T, err error) {
	q.mark(&q.hasGot, space.QueueHasGot)
	var b []byte
	err = operate(ctx, q.h, q.h.Out, func() (err error) {
		q.h.Mark(space.QueueWaitGet)
		defer q.h.Unmark(space.QueueWaitGet)
		b, err = q.ring.Recv(ctx, q.h, q.h.CanPut)
		return err
	})
	return q.value(b, err)
}

// TryGet takes the value at the head of the queue if there is one, else it
// returns ErrWouldBlock, or io.EOF as Get does.
func (q *Queue[T]) TryGet() (v T, err error) {
	q.mark(&q.hasGot, space.QueueHasGot)
	var b []byte
	err = tryOperate(q.h, q.h.Out, func() (err error) {
		b, err = q.ring.TryRecv(q.h, q.h.CanPut)
		return err
	})
	return q.value(b, err)
}

func (q *Queue[T]) value(b []byte, err error) (v T, _ error) {
	if err != nil {
		return v, public(err)
	}
	return v, decode(q.plan, b, unsafe.Pointer(&v))
}

// tryOperate is operate without waiting.
func tryOperate(h *space.Handle, gate space.Gate, f func() error) error {
	if err := h.Enter(); err != nil {
		return err
	}
	defer h.Exit()
	if !gate.TryLock() {
		return word.ErrWouldBlock
	}
	defer gate.Unlock()
	return f()
}

// All yields what Get returns until io.EOF, or up to the first error.
func (q *Queue[T]) All(ctx context.Context) iter.Seq2[T, error] { return all(ctx, q.Get) }

// Len is the number of values in the queue, exactly as many as Get would give
// at this moment. In Python: qsize.
func (q *Queue[T]) Len() int {
	if q.h.Enter() != nil {
		return 0
	}
	defer q.h.Exit()
	return q.ring.Len()
}

// Cap is the size that was given to NewQueue.
func (q *Queue[T]) Cap() int {
	if q.h.Enter() != nil {
		return 0
	}
	defer q.h.Exit()
	return int(q.h.Param())
}

// Close says that this process neither puts nor gets any more. Calls under
// way return ErrClosed. What is in the queue stays there for the others. It
// always returns nil, and can be called again.
func (q *Queue[T]) Close() error {
	q.h.Close()
	return nil
}
