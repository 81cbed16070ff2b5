package ipc

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// pipeRing is the size of each direction of a pipe in bytes. Only what is
// touched takes memory.
const pipeRing = 256 << 10

// The roles of the ends of a pipe. Each end writes into the ring of its own
// number and reads from the other one; a one-way pipe has the sender's only.
const (
	firstEnd  = 0
	secondEnd = 1

	senderEnd = firstEnd // the other one receives
)

// end is this process's hold on one end of a pipe, without its type.
type end struct {
	h    *space.Handle
	out  *word.Ring // what it sends into, nil for a receiver
	in   *word.Ring // what it receives from, nil for a sender
	plan *codec.Plan
}

func (e *end) held() *space.Handle { return e.h }
func (e *end) kind() space.Kind    { return space.Pipe }

// peers reports whether a process holds the other end.
func (e *end) peers(look bool) bool { return e.h.Held(1-e.h.Role(), look) }

func (e *end) close() error {
	e.h.Close()
	return nil
}

// buffers are for encoding.
var buffers = sync.Pool{New: func() any { return new(codec.Encoder) }}

// keepBuffer is the largest buffer that is kept for the next message.
const keepBuffer = 64 << 10

// encoded calls f with the bytes of *p.
func encoded(plan *codec.Plan, p unsafe.Pointer, f func(b []byte) error) error {
	e := buffers.Get().(*codec.Encoder)
	e.Buf = e.Buf[:0]
	err := plan.Encode(e, p)
	if err != nil {
		err = fmt.Errorf("ipc: value to be sent: %w", err)
	} else {
		err = f(e.Buf)
	}
	if cap(e.Buf) <= keepBuffer {
		buffers.Put(e)
	}
	return err
}

func (e *end) send(ctx context.Context, p unsafe.Pointer) error {
	return encoded(e.plan, p, func(b []byte) error {
		return public(operate(ctx, e.h, e.h.In, func() error {
			return e.out.Send(ctx, e.h, e.peers, b)
		}))
	})
}

func (e *end) recv(ctx context.Context, p unsafe.Pointer) error {
	var b []byte
	err := operate(ctx, e.h, e.h.Out, func() (err error) {
		b, err = e.in.Recv(ctx, e.h, e.peers)
		return err
	})
	if err != nil {
		return public(err)
	}
	return decode(e.plan, b, p)
}

func decode(plan *codec.Plan, b []byte, p unsafe.Pointer) error {
	if err := plan.Decode(&codec.Decoder{Buf: b}, p); err != nil {
		return fmt.Errorf("ipc: received value: %w", err)
	}
	return nil
}

func (e *end) poll(ctx context.Context) error {
	if err := e.h.Enter(); err != nil {
		return public(err)
	}
	defer e.h.Exit()
	return public(e.in.Poll(ctx, e.h, e.peers))
}

// operate runs f, one goroutine of this process at a time, unless h is closed
// or ctx ends first.
func operate(ctx context.Context, h *space.Handle, gate space.Gate, f func() error) error {
	if err := h.Enter(); err != nil {
		return err
	}
	defer h.Exit()
	if err := gate.Lock(ctx); err != nil {
		return err
	}
	defer gate.Unlock()
	if err := h.Closed(); err != nil {
		return err
	}
	return f()
}

// all yields what recv gives, up to io.EOF or an error.
func all[T any](ctx context.Context, recv func(context.Context) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := recv(ctx)
			if err == io.EOF || !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// newPipe makes an object of that many rings, and this process its holder at
// both ends.
func newPipe(in func(space.Shape) (space.Object, error), rings int) (first, second *space.Handle, err error) {
	o, err := in(space.Shape{Kind: space.Pipe, Maps: 2, Rings: rings, RingSize: pipeRing})
	if err != nil {
		return nil, nil, err
	}
	return o.Open(firstEnd), o.Open(secondEnd), nil
}
