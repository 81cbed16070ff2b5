package ipc

import (
	"context"
	"fmt"
	"iter"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/space"
)

// A Receiver is the receiving end of a pipe in one direction. All that is
// said of [Conn] holds for it; it has no Send. Use [OneWay].
type Receiver[T any] struct{ end }

// A Sender is the sending end of a pipe in one direction. All that is said of
// [Conn] holds for it; it can't receive. Use [OneWay].
type Sender[T any] struct{ end }

// OneWay makes a pipe in one direction and returns its two ends, both held by
// this process. It panics if T can't travel, as [NewTarget] does. In Python:
// Pipe(duplex=False).
func OneWay[T any]() (*Receiver[T], *Sender[T], error) {
	return oneWay[T](newObject)
}

// oneWay makes the pipe where alloc says.
func oneWay[T any](alloc func(space.Shape) (space.Object, error)) (*Receiver[T], *Sender[T], error) {
	mustPlan[T]("OneWay")
	sender, receiver, err := newPipe(alloc, 1)
	if err != nil {
		return nil, nil, fmt.Errorf("ipc: pipe: %w", err)
	}
	r, s := new(Receiver[T]), new(Sender[T])
	r.adopt(receiver)
	s.adopt(sender)
	return r, s, nil
}

func (r *Receiver[T]) adopt(h *space.Handle) {
	r.end = end{h: h, in: h.Ring(senderEnd), plan: mustPlan[T]("Receiver")}
}

func (s *Sender[T]) adopt(h *space.Handle) {
	s.end = end{h: h, out: h.Ring(senderEnd), plan: mustPlan[T]("Sender")}
}

// Recv is as [Conn.Recv].
func (r *Receiver[T]) Recv(ctx context.Context) (v T, err error) {
	err = r.recv(ctx, unsafe.Pointer(&v))
	return v, err
}

// Poll is as [Conn.Poll].
func (r *Receiver[T]) Poll(ctx context.Context) error { return r.poll(ctx) }

// All is as [Conn.All].
func (r *Receiver[T]) All(ctx context.Context) iter.Seq2[T, error] { return all(ctx, r.Recv) }

// Close is as [Conn.Close].
func (r *Receiver[T]) Close() error { return r.close() }

// Send is as [Conn.Send].
func (s *Sender[T]) Send(ctx context.Context, v T) error { return s.send(ctx, unsafe.Pointer(&v)) }

// Close is as [Conn.Close].
func (s *Sender[T]) Close() error { return s.close() }
