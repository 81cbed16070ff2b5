package ipc

import (
	"context"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
)

// PutMany puts the values in their order, as many at a time as there is room
// for: under one acquisition of the queue's lock, and with one message to
// those who wait, which makes it several times faster than Put for each.
// Values of others may come between them. It returns how many are in the
// queue, and an error as Put does if those are not all.
func (q *Queue[T]) PutMany(ctx context.Context, vs []T) (int, error) {
	if len(vs) == 0 {
		return 0, nil
	}
	if len(q.h.Socks()) > 0 {
		for i, v := range vs {
			if err := putAlong(ctx, q, v); err != nil {
				return i, err
			}
		}
		return len(vs), nil
	}
	msg, err := q.messages(vs)
	if err != nil {
		return 0, err
	}
	if err := q.h.Enter(); err != nil {
		return 0, public(err)
	}
	defer q.h.Exit()
	q.mark(&q.hasPut, space.QueueHasPut)
	for done := 0; ; {
		n, err := q.ring.SendMany(ctx, q.h, len(vs)-done, func(i int) []byte { return msg(done + i) })
		if done += n; err != nil || done == len(vs) {
			return done, public(err)
		}
	}
}

// messages gives the message of each of vs.
func (q *Queue[T]) messages(vs []T) (func(i int) []byte, error) {
	switch q.wire.form {
	case plain:
		return func(i int) []byte { return memory(&vs[i]) }, nil
	case flat:
		return func(i int) []byte { return elements(&vs[i], q.wire.elem) }, nil
	}
	var e codec.Encoder
	ends := make([]int, 1, len(vs)+1)
	for i := range vs {
		if err := q.wire.plan.Encode(&e, unsafe.Pointer(&vs[i])); err != nil {
			return nil, sendError(err)
		}
		ends = append(ends, len(e.Buf))
	}
	return func(i int) []byte { return e.Buf[ends[i]:ends[i+1]] }, nil
}

// GetMany takes as many values as there are, up to len(vs), into vs, and
// waits only for the first. It returns how many, and an error as Get does if
// there are none. A value that can't be decoded is lost; the error is returned
// with those before it, and those behind it are lost too.
func (q *Queue[T]) GetMany(ctx context.Context, vs []T) (int, error) {
	if len(vs) == 0 {
		return 0, nil
	}
	if err := q.h.Enter(); err != nil {
		return 0, public(err)
	}
	defer q.h.Exit()
	q.mark(&q.hasGot, space.QueueHasGot)
	switch {
	case q.wire.form == plain:
		return q.getPlain(ctx, vs)
	case len(q.h.Socks()) > 0:
		v, err := q.Get(ctx) // these come one by one
		if err != nil {
			return 0, err
		}
		vs[0] = v
		return 1, nil
	}
	msgs := make([][]byte, 0, len(vs))
	n, err := q.ring.RecvMany(ctx, q.h, len(vs), func(i, size int) []byte {
		if size < 0 {
			msgs = append(msgs, nil)
		} else {
			msgs = append(msgs, make([]byte, size))
		}
		return msgs[i]
	})
	if err != nil {
		return 0, public(err)
	}
	for i, b := range msgs[:n] {
		if q.wire.form == flat {
			err = setElements(&vs[i], q.wire, b)
		} else {
			err = decode(q.wire.plan, b, unsafe.Pointer(&vs[i]))
		}
		if err != nil {
			return i, err
		}
	}
	return n, nil
}

func (q *Queue[T]) getPlain(ctx context.Context, vs []T) (int, error) {
	wrong := false
	n, err := q.ring.RecvMany(ctx, q.h, len(vs), func(i, size int) []byte {
		if b := memory(&vs[i]); size == len(b) {
			return b
		}
		wrong = true
		return make([]byte, max(size, 0))
	})
	switch {
	case err != nil:
		return 0, public(err)
	case wrong:
		return 0, errSize
	}
	return n, nil
}
