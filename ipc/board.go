package ipc

import (
	"sync/atomic"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/space"
)

// A board is what a worker and its pool tell each other without a message.
// Tasks have numbers that go up by one, in the order in which the worker is
// given them and does them.
//
//	cursor   the next task to be begun; with stopBit set none is
//	resume   if it is set: the task that is next then, all before are taken back
//	first    the task whose result lies first in the draft
//	draft    results that are not in a message yet, one behind the other
//
// Both sides change the cursor by compare and swap only, so a task is either
// begun or taken back, and who ends a worker knows which task it ends with it.
// The worker moves the cursor past a task after the results of all tasks before
// it lie in the draft or in a message: what a dead worker has done is not lost.
type board struct {
	h *space.Handle
	*boardWords
	draft []byte
}

type boardWords struct {
	cursor atomic.Uint64
	_      [56]byte
	resume atomic.Uint64
	_      [56]byte
	first  atomic.Uint64
	_      [56]byte
}

const (
	stopBit   = 1 << 63
	draftSize = 32 << 10
	boardSize = uint32(unsafe.Sizeof(boardWords{})) + draftSize
)

func newBoard(alloc func(space.Shape) (space.Object, error)) (*board, error) {
	o, err := alloc(space.Shape{Kind: space.Array, Maps: 1, Data: boardSize, Param: boardSize})
	if err != nil {
		return nil, err
	}
	b := new(board)
	b.adopt(o.Open(0))
	return b, nil
}

func (b *board) held() *space.Handle { return b.h }
func (b *board) kind() space.Kind    { return space.Array }

func (b *board) adopt(h *space.Handle) {
	data := h.Data()[:boardSize]
	b.h, b.boardWords = h, (*boardWords)(unsafe.Pointer(unsafe.SliceData(data)))
	b.draft = data[unsafe.Sizeof(boardWords{}):]
}

// begin reports whether the worker may begin task n, the next one that it has:
// not if it was taken back.
func (b *board) begin(n uint64) bool {
	for {
		v := b.cursor.Load()
		switch {
		case v&stopBit != 0:
			b.goOn()
		case v > n:
			return false
		case b.cursor.CompareAndSwap(v, n+1):
			return true
		}
	}
}

// goOn ends a stop, if there is one: what was taken back is behind the cursor
// then. The pool may do it when the worker has nothing else.
func (b *board) goOn() {
	if v := b.cursor.Load(); v&stopBit != 0 {
		b.cursor.CompareAndSwap(v, b.resume.Load())
	}
}

// takeBack takes all tasks before end back that are not begun, and returns the
// first of them. The next task that the worker is given must be end, and it may
// be given none before stopped says no.
func (b *board) takeBack(end uint64) uint64 {
	b.resume.Store(end)
	for {
		v := b.cursor.Load()
		if v&stopBit != 0 || v >= end {
			return min(v&^stopBit, end)
		}
		if b.cursor.CompareAndSwap(v, v|stopBit) {
			return v
		}
	}
}

// stopped reports whether tasks were taken back and the worker has not come to
// see it.
func (b *board) stopped() bool { return b.cursor.Load()&stopBit != 0 }

// begun is the number of the task that was begun last, or the one before the
// first.
func (b *board) begun() uint64 { return b.cursor.Load()&^stopBit - 1 }
