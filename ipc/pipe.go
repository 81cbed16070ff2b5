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
	h   *space.Handle
	out *word.Ring // what it sends into, nil for a receiver
	in  *word.Ring // what it receives from, nil for a sender
	wire
}

func (e *end) held() *space.Handle { return e.h }
func (e *end) kind() space.Kind    { return space.Pipe }

func (e *end) close() error {
	e.h.Close()
	return nil
}

// A scratch is what encoding or decoding one message needs.
type scratch struct {
	enc codec.Encoder
	dec codec.Decoder
	buf []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// keepBuffer is the largest buffer that is kept for the next message.
const keepBuffer = 64 << 10

// encoded calls f with the bytes of *p, in two parts.
func encoded(plan *codec.Plan, p unsafe.Pointer, f func(head, body []byte) error) error {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.enc.Buf = s.buf[:0]
	if err := plan.Encode(&s.enc, p); err != nil {
		return sendError(err)
	}
	b := s.enc.Buf
	s.enc.Buf = nil
	s.keep(b)
	return f(nil, b)
}

func sendError(err error) error { return fmt.Errorf("ipc: value to be sent: %w", err) }

// decoded fills *p from the message that f gives. It may use the buffer that
// it is given. What makes up most of a message is not copied out of it.
func decoded(plan *codec.Plan, p unsafe.Pointer, f func(buf []byte) ([]byte, error)) error {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	b, err := f(s.buf[:0])
	if err != nil {
		return err
	}
	s.dec = codec.Decoder{Buf: b, Alias: true}
	err = plan.Decode(&s.dec, p)
	if s.dec.Aliased() {
		s.buf = nil // it is a part of the value now
	} else {
		s.keep(b)
	}
	s.dec.Buf = nil
	if err != nil {
		return recvError(err)
	}
	return nil
}

func (s *scratch) keep(b []byte) {
	if cap(b) <= keepBuffer {
		s.buf = b
	}
}

func decode(plan *codec.Plan, b []byte, p unsafe.Pointer) error {
	if err := plan.Decode(&codec.Decoder{Buf: b}, p); err != nil {
		return recvError(err)
	}
	return nil
}

func recvError(err error) error { return fmt.Errorf("ipc: received value: %w", err) }

// put sends the message head+body.
func (e *end) put(ctx context.Context, head, body []byte) error {
	if err := e.h.Enter(); err != nil {
		return public(err)
	}
	defer e.h.Exit()
	return public(e.out.Send(ctx, e.h, head, body))
}

// take receives a message, into buf if it has room.
func (e *end) take(ctx context.Context, buf []byte) ([]byte, error) {
	if err := e.h.Enter(); err != nil {
		return nil, public(err)
	}
	defer e.h.Exit()
	b, err := e.in.Recv(ctx, e.h, buf)
	return b, public(err)
}

// takeInto is take that uses buf for messages of any size, see [word.Ring.RecvInto].
func (e *end) takeInto(ctx context.Context, buf []byte) ([]byte, error) {
	if err := e.h.Enter(); err != nil {
		return nil, public(err)
	}
	defer e.h.Exit()
	b, err := e.in.RecvInto(ctx, e.h, buf)
	return b, public(err)
}

func sendValue[T any](ctx context.Context, e *end, v T) error {
	switch e.form {
	case plain:
		return e.put(ctx, nil, memory(&v))
	case flat:
		return e.put(ctx, nil, elements(&v, e.elem))
	}
	return sendEncoded(ctx, e, v)
}

func sendEncoded[T any](ctx context.Context, e *end, v T) error {
	if len(e.h.Socks()) > 0 {
		return sendAlong(ctx, e.h, e.out, e.plan, unsafe.Pointer(&v))
	}
	return encoded(e.plan, unsafe.Pointer(&v), func(head, body []byte) error {
		return e.put(ctx, head, body)
	})
}

func recvValue[T any](ctx context.Context, e *end) (v T, err error) {
	switch e.form {
	case plain:
		b, err := e.take(ctx, memory(&v)[:0])
		if err == nil {
			err = settle(memory(&v), b)
		}
		return v, err
	case flat:
		b, err := e.take(ctx, nil)
		if err == nil {
			err = setElements(&v, e.wire, b)
		}
		return v, err
	}
	return recvEncoded[T](ctx, e)
}

func recvEncoded[T any](ctx context.Context, e *end) (v T, err error) {
	if len(e.h.Socks()) > 0 {
		err = recvAlong(e.h, e.plan, unsafe.Pointer(&v), func(along func([]byte)) error {
			return e.in.RecvAlong(ctx, e.h, along)
		})
		return v, err
	}
	err = decoded(e.plan, unsafe.Pointer(&v), func(buf []byte) ([]byte, error) {
		return e.take(ctx, buf)
	})
	return v, err
}

// recvInto is recvValue that uses the memory of a slice that is there.
func recvInto[T any](ctx context.Context, e *end, p *T) error {
	if e.form != flat || e.isString {
		v, err := recvValue[T](ctx, e)
		if err == nil {
			*p = v
		}
		return err
	}
	b, err := e.takeInto(ctx, capacity(p, e.elem)[:0])
	if err == nil {
		err = setElements(p, e.wire, b)
	}
	return err
}

func (e *end) poll(ctx context.Context) error {
	if err := e.h.Enter(); err != nil {
		return public(err)
	}
	defer e.h.Exit()
	return public(e.in.Poll(ctx, e.h))
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

// newPipe makes a pipe of that many rings for values of T, and this process
// its holder at both ends. In says where.
func newPipe[T any](in func(space.Shape) (space.Object, error), rings int) (first, second *space.Handle, err error) {
	plan := mustPlan[T]("pipe")
	o, err := in(space.Shape{Kind: space.Pipe, Maps: 2, Rings: rings, RingSize: pipeRing})
	if err != nil {
		return nil, nil, fmt.Errorf("ipc: pipe: %w", err)
	}
	first, second = o.Open(firstEnd), o.Open(secondEnd)
	if err := newSocks(plan, first, second); err != nil {
		first.Close()
		second.Close()
		return nil, nil, fmt.Errorf("ipc: pipe: %w", err)
	}
	return first, second, nil
}
