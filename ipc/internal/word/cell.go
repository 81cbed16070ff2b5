package word

import "unsafe"

// A Cell is a variable that can be seen as words.
type Cell[T any] struct {
	_ [0]uint64 // aligns it
	V T
	_ [7]byte // so that the last word is in bounds
}

// CellWords is how many words a T takes.
func CellWords[T any]() int { return int(unsafe.Sizeof(*new(T))+7) / 8 }

// Words is c as words. A T has no pointers.
func (c *Cell[T]) Words() []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(c)), CellWords[T]()) // V is at the start of it
}

// SliceOf is n values in b, which has room for them and begins at a multiple of
// what a T is aligned to. A T has no pointers.
func SliceOf[T any](b []byte, n int) []T {
	_ = b[:n*int(unsafe.Sizeof(*new(T)))]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// FitsWord reports whether a T is of a size that a Number can have.
func FitsWord[T any]() bool {
	switch unsafe.Sizeof(*new(T)) {
	case 1, 2, 4, 8:
		return true
	}
	return false
}

// Bits is x as it lies in memory; T has no pointers and fits a word.
func Bits[T any](x T) uint64 {
	p := unsafe.Pointer(&x) // in bounds by the size; a plain load needs no alignment
	switch unsafe.Sizeof(x) {
	case 1:
		return uint64(*(*uint8)(p))
	case 2:
		return uint64(*(*uint16)(p))
	case 4:
		return uint64(*(*uint32)(p))
	}
	return *(*uint64)(p)
}

// FromBits is what Bits made v of.
func FromBits[T any](v uint64) (x T) {
	p := unsafe.Pointer(&x) // as in Bits
	switch unsafe.Sizeof(x) {
	case 1:
		*(*uint8)(p) = uint8(v)
	case 2:
		*(*uint16)(p) = uint16(v)
	case 4:
		*(*uint32)(p) = uint32(v)
	default:
		*(*uint64)(p) = v
	}
	return x
}
