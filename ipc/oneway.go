package ipc

import (
	"context"
	"iter"

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
	sender, receiver, err := newPipe[T](alloc, 1)
	if err != nil {
		return nil, nil, err
	}
	r, s := new(Receiver[T]), new(Sender[T])
	r.adopt(receiver)
	s.adopt(sender)
	return r, s, nil
}

func (r *Receiver[T]) adopt(h *space.Handle) {
	r.end = end{h: h, in: h.Ring(senderEnd), wire: wireOf[T]("Receiver")}
}

func (s *Sender[T]) adopt(h *space.Handle) {
	s.end = end{h: h, out: h.Ring(senderEnd), wire: wireOf[T]("Sender")}
}

func (r *Receiver[T]) fits(rings, role int) bool { return rings == 1 && role != senderEnd }
func (s *Sender[T]) fits(rings, role int) bool   { return rings == 1 && role == senderEnd }

// Recv is as [Conn.Recv].
func (r *Receiver[T]) Recv(ctx context.Context) (T, error) { return recvValue[T](ctx, &r.end) }

// RecvInto is as [Conn.RecvInto].
func (r *Receiver[T]) RecvInto(ctx context.Context, p *T) error { return recvInto(ctx, &r.end, p) }

// Poll is as [Conn.Poll].
func (r *Receiver[T]) Poll(ctx context.Context) error { return r.poll(ctx) }

// All is as [Conn.All].
func (r *Receiver[T]) All(ctx context.Context) iter.Seq2[T, error] { return all(ctx, r.Recv) }

// Close is as [Conn.Close].
func (r *Receiver[T]) Close() error { return r.close() }

// Send is as [Conn.Send].
func (s *Sender[T]) Send(ctx context.Context, v T) error { return sendValue(ctx, &s.end, v) }

// Close is as [Conn.Close].
func (s *Sender[T]) Close() error { return s.close() }
