package ipc

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"unsafe"

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
	wire wire
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
	plan := mustPlan[T]("NewQueue")
	o, err := newObject(space.Shape{Kind: space.Queue, Maps: space.QueueMaps,
		Rings: 1, RingSize: queueRing, Data: space.QueueData, Param: uint32(size)})
	if err != nil {
		return nil, fmt.Errorf("ipc: queue: %w", err)
	}
	h := o.Open(space.QueueHolders)
	if err := newSocks(plan, h, h); err != nil {
		h.Close()
		return nil, fmt.Errorf("ipc: queue: %w", err)
	}
	q := new(Queue[T])
	q.adopt(h)
	return q, nil
}

func (q *Queue[T]) held() *space.Handle { return q.h }
func (q *Queue[T]) kind() space.Kind    { return space.Queue }

func (q *Queue[T]) adopt(h *space.Handle) {
	q.h, q.ring, q.wire = h, h.Ring(0), wireOf[T]("Queue")
}

// mark notes once that this process has put, or got.
func (q *Queue[T]) mark(has *atomic.Bool, m int) {
	if !has.Load() {
		q.h.Mark(m)
		has.Store(true)
	}
}

// Put puts v at the end of the queue. It waits while the queue is full, and
// returns ctx.Err() if ctx ends then, or ErrBrokenPipe if no process is left
// that could get: the mirror image of io.EOF at Get. Then v is not in the
// queue.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	switch q.wire.form {
	case plain:
		return q.put(ctx, nil, memory(&v))
	case flat:
		return q.put(ctx, nil, elements(&v, q.wire.elem))
	}
	if len(q.h.Socks()) > 0 {
		return putAlong(ctx, q, v)
	}
	return putEncoded(q, v, func(head, body []byte) error { return q.put(ctx, head, body) })
}

// TryPut puts v if there is room for it now, else it returns ErrWouldBlock. A
// value of more than 512 KiB needs Put.
func (q *Queue[T]) TryPut(v T) error {
	switch q.wire.form {
	case plain:
		return q.tryPut(nil, memory(&v))
	case flat:
		return q.tryPut(nil, elements(&v, q.wire.elem))
	}
	if len(q.h.Socks()) > 0 {
		return wouldBlock(putAlong(ended, q, v))
	}
	return putEncoded(q, v, q.tryPut)
}

func putAlong[T any](ctx context.Context, q *Queue[T], v T) error {
	if err := q.h.Enter(); err != nil {
		return public(err)
	}
	defer q.h.Exit()
	q.mark(&q.hasPut, space.QueueHasPut)
	return sendAlong(ctx, q.h, q.ring, q.wire.plan, unsafe.Pointer(&v))
}

// wouldBlock is the error of waiting with a context that has ended.
func wouldBlock(err error) error {
	if err == context.Canceled {
		return ErrWouldBlock
	}
	return err
}

func putEncoded[T any](q *Queue[T], v T, put func(head, body []byte) error) error {
	return encoded(q.wire.plan, unsafe.Pointer(&v), put)
}

func (q *Queue[T]) put(ctx context.Context, head, body []byte) error {
	if err := q.h.Enter(); err != nil {
		return public(err)
	}
	defer q.h.Exit()
	q.mark(&q.hasPut, space.QueueHasPut)
	return public(q.ring.Send(ctx, q.h, head, body))
}

func (q *Queue[T]) tryPut(head, body []byte) error {
	if err := q.h.Enter(); err != nil {
		return public(err)
	}
	defer q.h.Exit()
	q.mark(&q.hasPut, space.QueueHasPut)
	return public(q.ring.TrySend(q.h, head, body))
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
	switch q.wire.form {
	case plain:
		b, err := q.get(ctx, memory(&v)[:0])
		if err == nil {
			err = settle(memory(&v), b)
		}
		return v, err
	case flat:
		b, err := q.get(ctx, nil)
		if err == nil {
			err = setElements(&v, q.wire, b)
		}
		return v, err
	}
	if len(q.h.Socks()) > 0 {
		return getAlong(q, func(along func([]byte)) error { return q.ring.RecvAlong(ctx, q.h, along) })
	}
	return getEncoded(q, func(buf []byte) ([]byte, error) { return q.get(ctx, buf) })
}

// TryGet takes the value at the head of the queue if there is one, else it
// returns ErrWouldBlock, or io.EOF as Get does. A value of more than 1 MiB needs
// Get.
func (q *Queue[T]) TryGet() (v T, err error) {
	switch q.wire.form {
	case plain:
		b, err := q.tryGet(memory(&v)[:0])
		if err == nil {
			err = settle(memory(&v), b)
		}
		return v, err
	case flat:
		b, err := q.tryGet(nil)
		if err == nil {
			err = setElements(&v, q.wire, b)
		}
		return v, err
	}
	if len(q.h.Socks()) > 0 {
		return getAlong(q, func(along func([]byte)) error { return q.ring.TryRecvAlong(q.h, along) })
	}
	return getEncoded(q, q.tryGet)
}

func getAlong[T any](q *Queue[T], take func(along func([]byte)) error) (v T, err error) {
	if err := q.h.Enter(); err != nil {
		return v, public(err)
	}
	defer q.h.Exit()
	q.mark(&q.hasGot, space.QueueHasGot)
	err = recvAlong(q.h, q.wire.plan, unsafe.Pointer(&v), take)
	return v, err
}

func getEncoded[T any](q *Queue[T], get func(buf []byte) ([]byte, error)) (v T, err error) {
	err = decoded(q.wire.plan, unsafe.Pointer(&v), get)
	return v, err
}

func (q *Queue[T]) get(ctx context.Context, buf []byte) ([]byte, error) {
	if err := q.h.Enter(); err != nil {
		return nil, public(err)
	}
	defer q.h.Exit()
	q.mark(&q.hasGot, space.QueueHasGot)
	b, err := q.ring.Recv(ctx, q.h, buf)
	return b, public(err)
}

func (q *Queue[T]) tryGet(buf []byte) ([]byte, error) {
	if err := q.h.Enter(); err != nil {
		return nil, public(err)
	}
	defer q.h.Exit()
	q.mark(&q.hasGot, space.QueueHasGot)
	b, err := q.ring.TryRecv(q.h, buf)
	return b, public(err)
}

// Poll waits until there is a value, or returns what Get would: io.EOF,
// ErrClosed or ctx.Err(). It takes nothing, so another process may be faster.
// In Python: empty, which does not wait.
func (q *Queue[T]) Poll(ctx context.Context) error {
	if err := q.h.Enter(); err != nil {
		return public(err)
	}
	defer q.h.Exit()
	return public(q.ring.Poll(ctx, q.h))
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
