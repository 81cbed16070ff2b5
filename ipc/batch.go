package ipc

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// What a pool and a worker send each other: a header, and then the items of a
// run of tasks, or what has become of one.
//
//	0   number of the first task
//	8   how many tasks
//	12  what it is
//	16  results: how long the worker has worked since its last message, in ns;
//	    items: the index of the first task in its call
//
// Items and results that are plain lie one behind the other as in memory, so
// that a run of them is copied at once. Of others each has its length before
// it, so that one which can't be decoded costs itself only.
const batchHeader = 24

// What a message is. The pool sends items only.
const (
	sentItems   = iota
	sentHere    // the worker has begun to set itself up
	sentReady   // the worker is set up
	sentResults // of a run of tasks
	sentFailed  // a task has failed: a RemoteError
	sentBroken  // the worker can't be set up: a RemoteError
)

type batchHead struct {
	first  uint64
	count  int
	what   uint32
	worked uint64 // or the index
}

func (h batchHead) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, h.first)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.count))
	b = binary.LittleEndian.AppendUint32(b, h.what)
	return binary.LittleEndian.AppendUint64(b, h.worked)
}

var errBatch = errors.New("ipc: a pool's message is damaged")

func parseBatch(b []byte) (h batchHead, rest []byte, err error) {
	if len(b) < batchHeader {
		return h, nil, errBatch
	}
	h.first = binary.LittleEndian.Uint64(b)
	h.count = int(binary.LittleEndian.Uint32(b[8:]))
	h.what = binary.LittleEndian.Uint32(b[12:])
	h.worked = binary.LittleEndian.Uint64(b[16:])
	return h, b[batchHeader:], nil
}

// maxBatch is the most tasks in a message.
const maxBatch = 1 << 16

// A strip is how values of a type lie in messages one behind the other.
type strip struct {
	plan  *codec.Plan
	plain bool
	size  int // of a plain value
}

func newStrip(plan *codec.Plan) strip {
	return strip{plan: plan, plain: plan.Plain(), size: int(plan.Size())}
}

// append appends the value that p points to. What it returns with an error is b.
func (s strip) append(b []byte, p unsafe.Pointer) ([]byte, error) {
	if s.plain {
		return append(b, unsafe.Slice((*byte)(p), s.size)...), nil
	}
	e := codec.Encoder{Buf: append(b, 0, 0, 0, 0)}
	if err := s.plan.Encode(&e, p); err != nil {
		return b, err
	}
	n := len(e.Buf) - len(b) - lengthSize
	if n > maxItem {
		return b, errItem
	}
	binary.LittleEndian.PutUint32(e.Buf[len(b):], uint32(n))
	return e.Buf, nil
}

const (
	lengthSize = 4
	maxItem    = 1<<32 - 1
)

var errItem = errors.New("ipc: a task's argument or result is longer than 4 GiB")

// next takes the bytes of the first value off b.
func (s strip) next(b []byte) (value, rest []byte, err error) {
	n := s.size
	if !s.plain {
		if len(b) < lengthSize {
			return nil, nil, errBatch
		}
		n = int(binary.LittleEndian.Uint32(b))
		b = b[lengthSize:]
	}
	if n > len(b) {
		return nil, nil, errBatch
	}
	return b[:n:n], b[n:], nil
}

// skip takes n values off b.
func (s strip) skip(b []byte, n int) ([]byte, error) {
	if s.plain {
		if n*s.size > len(b) {
			return nil, errBatch
		}
		return b[n*s.size:], nil
	}
	for range n {
		var err error
		if _, b, err = s.next(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}
