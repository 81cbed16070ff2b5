package ipc

import (
	"context"
	"iter"

	"github.com/mpbox/mpbox/ipc/internal/space"
)

// A Conn is one end of a pipe that values go through in both directions. Use
// [Pipe]; the zero value does not work. It must not be copied, but it can be
// handed to children in their arguments, so that several processes hold the
// same end, and be used by several goroutines: each value arrives whole, at
// one of the receivers. A process holds an end once, however often it was
// handed over: one Close gives it up.
//
// If a process is killed, what it had sent still arrives, and nothing of what
// it was just sending does. When no process is left that holds the other
// end, Recv returns io.EOF and Send ErrBrokenPipe. So close your own copy of
// an end after starting the child that is to use it. In Python:
// multiprocessing.connection.Connection.
type Conn[T any] struct{ end }

// Pipe makes a pipe and returns its two ends, both held by this process. It
// panics if T can't travel, as [NewTarget] does. In Python: Pipe().
func Pipe[T any]() (*Conn[T], *Conn[T], error) {
	first, second, err := newPipe[T](newObject, 2)
	if err != nil {
		return nil, nil, err
	}
	a, b := new(Conn[T]), new(Conn[T])
	a.adopt(first)
	b.adopt(second)
	return a, b, nil
}

func (c *Conn[T]) adopt(h *space.Handle) {
	c.end = end{h: h, out: h.Ring(h.Role()), in: h.Ring(1 - h.Role()), wire: wireOf[T]("Conn")}
}

func (c *Conn[T]) fits(rings, _ int) bool { return rings == 2 }

// Send sends v. It waits while the pipe is full, and returns ctx.Err() if ctx
// ends then: v is not sent. Other errors are ErrBrokenPipe, ErrClosed and
// what v's own marshalling gives.
func (c *Conn[T]) Send(ctx context.Context, v T) error { return sendValue(ctx, &c.end, v) }

// Recv receives the next value, waiting for it. It returns ctx.Err() if ctx
// ends first, io.EOF when there is no value and no process left that could
// send one, and ErrClosed.
func (c *Conn[T]) Recv(ctx context.Context) (T, error) { return recvValue[T](ctx, &c.end) }

// RecvInto is Recv into *p. A slice there of a type without pointers, such as
// []byte, is filled in place if its capacity suffices: a loop over big messages
// then needs no new memory for each. In Python: recv_bytes_into.
func (c *Conn[T]) RecvInto(ctx context.Context, p *T) error { return recvInto(ctx, &c.end, p) }

// Poll waits until there is a value, or the beginning of one of more than 128
// KiB, or returns what Recv would: io.EOF, ErrClosed or ctx.Err(). It takes
// nothing.
func (c *Conn[T]) Poll(ctx context.Context) error { return c.poll(ctx) }

// All yields what Recv returns until io.EOF, or up to the first error. It can
// be used more than once, and goes on where it stopped.
func (c *Conn[T]) All(ctx context.Context) iter.Seq2[T, error] { return all(ctx, c.Recv) }

// Close gives up this process's hold on the end. Calls under way return
// ErrClosed. Other processes that hold the end are not affected. It always
// returns nil, and can be called again.
func (c *Conn[T]) Close() error { return c.close() }
