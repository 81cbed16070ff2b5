package ipc

import (
	"fmt"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// An Array is a slice in shared memory. Use [NewArray]; the zero value does not
// work. It must not be copied, but handed to children in their arguments.
//
// The memory is as raw as that of a slice which goroutines share: where one
// process writes what another reads or writes, a Lock such as that of Guard, or
// another object of this package, must put them in order. If a process is
// killed, what it has written stays. An array of many megabytes has a segment,
// and so two or three descriptors, of its own. In Python:
// multiprocessing.Array.
type Array[T any] struct {
	guard Lock
	slice []T
}

// NewArray makes an array of n zero values. It panics if n is negative or a T
// is not just its bytes: it may be built of numbers, bools, arrays and structs.
// It returns an error if there is no shared memory of that size, which is less
// than 4 GiB anyhow.
func NewArray[T any](n int) (*Array[T], error) {
	mustBeFlat[T]("NewArray")
	if n < 0 {
		panic("ipc: length of an array must not be negative")
	}
	data, err := dataSize(n, unsafe.Sizeof(*new(T)))
	if err != nil {
		return nil, fmt.Errorf("ipc: array: %w", err)
	}
	h, err := newHandle(space.Shape{Kind: space.Array, Maps: 1, Data: data, Param: uint32(n)})
	if err != nil {
		return nil, fmt.Errorf("ipc: array: %w", err)
	}
	a := new(Array[T])
	a.adopt(h)
	return a, nil
}

func (a *Array[T]) held() *space.Handle { return a.guard.h }
func (a *Array[T]) kind() space.Kind    { return space.Array }

// adopt keeps h's memory mapped by the guard, which is garbage when a is.
func (a *Array[T]) adopt(h *space.Handle) {
	a.guard.adopt(h)
	a.slice = word.SliceOf[T](h.Data(), int(h.Param()))
}

// Slice is the array. Its elements begin at a multiple of 64 bytes. After
// Close it is nil, and what it returned before must not be used any more: that
// memory may be gone.
func (a *Array[T]) Slice() []T {
	if a.guard.h.Closed() != nil {
		return nil
	}
	return a.slice
}

// Len is the number of elements, 0 after Close.
func (a *Array[T]) Len() int { return len(a.Slice()) }

// Guard is the lock that belongs to the array, for those who agree to hold it
// while they use the array. It is closed with the array, and closing it closes
// the array. In Python: get_lock.
func (a *Array[T]) Guard() *Lock { return &a.guard }

// Close gives up this process's use of the array, and releases its Guard if
// this process holds it. It always returns nil, and can be called again.
func (a *Array[T]) Close() error {
	if a.guard.h.Closed() == nil {
		linger(len(a.slice) * int(unsafe.Sizeof(*new(T))))
	}
	return a.guard.Close()
}
