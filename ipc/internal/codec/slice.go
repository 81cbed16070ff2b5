package codec

import (
	"reflect"
	"unsafe"
)

// sliceHeader is how a slice of any type lies in memory.
type sliceHeader struct {
	data unsafe.Pointer
	len  int
	cap  int
}

// A slice is written as its length plus one, 0 for a nil one, and its
// elements.

// plainSlice appends what goes before the elements of s to head, a message
// from start on, and gives the elements as they lie. If they are many they
// are aligned, so that the slice can go on lying in its message.
func plainSlice(head []byte, start int, s *sliceHeader, elem *op) (_, body []byte) {
	if s.data == nil {
		return append(head, 0), nil
	}
	n := uint64(s.len) + 1
	body = unsafe.Slice((*byte)(s.data), uintptr(s.len)*elem.size)
	if elem.align > 1 && len(body) >= minAlias/2 {
		return appendUintBefore(head, n, start, elem.align), body
	}
	return appendUint(head, n), body
}

func encodePlainSlice(e *Encoder, p unsafe.Pointer, elem *op) error {
	head, body := plainSlice(e.Buf, e.start, (*sliceHeader)(p), elem)
	e.Buf = append(head, body...)
	return nil
}

func decodePlainSlice(d *Decoder, p unsafe.Pointer, elem *op) error {
	s := (*sliceHeader)(p)
	n, isNil, err := d.lengthOrNil(elem.least)
	if err != nil || isNil {
		*s = sliceHeader{}
		return err
	}
	b, err := d.Bytes(n * int(elem.size))
	if err != nil {
		return err
	}
	*s = sliceHeader{d.keep(b, uintptr(elem.align)), n, n}
	return nil
}

// keep gives the address of b, the next bytes of the message, or of a copy.
// It is a multiple of align, and that of memory without pointers.
func (d *Decoder) keep(b []byte, align uintptr) unsafe.Pointer {
	if len(b) == 0 {
		return unsafe.Pointer(&nothing)
	}
	if p := unsafe.Pointer(unsafe.SliceData(b)); uintptr(p)%align == 0 && d.alias(len(b)) {
		return p
	}
	// Unlike make, append does not write zeros first.
	p := unsafe.Pointer(unsafe.SliceData(append([]byte(nil), b...)))
	if uintptr(p)%align == 0 {
		return p
	}
	words := make([]uint64, (len(b)+7)/8)
	p = unsafe.Pointer(unsafe.SliceData(words))
	copy(unsafe.Slice((*byte)(p), len(b)), b)
	return p
}

// nothing is where slices without elements lie.
var nothing [0]uint64

func encodeStrings(e *Encoder, p unsafe.Pointer) error {
	list := *(*[]string)(p)
	if list == nil {
		e.PutUint(0)
		return nil
	}
	e.PutUint(uint64(len(list)) + 1)
	for _, s := range list {
		e.PutUint(uint64(len(s)))
		e.Buf = append(e.Buf, s...)
	}
	return nil
}

func decodeStrings(d *Decoder, p unsafe.Pointer) error {
	n, isNil, err := d.lengthOrNil(1)
	if err != nil || isNil {
		*(*[]string)(p) = nil
		return err
	}
	list := make([]string, n)
	*(*[]string)(p) = list
	for i := range list {
		if err := decodeString(d, unsafe.Pointer(&list[i])); err != nil {
			return err
		}
	}
	return nil
}

func encodeSlice(e *Encoder, p unsafe.Pointer, elem *op) error {
	s := (*sliceHeader)(p)
	if s.data == nil {
		e.PutUint(0)
		return nil
	}
	e.PutUint(uint64(s.len) + 1)
	if err := e.enter(); err != nil {
		return err
	}
	err := encodeEach(e, s.data, s.len, elem)
	e.depth--
	return err
}

func decodeSlice(d *Decoder, p unsafe.Pointer, t reflect.Type, elem *op) error {
	s := (*sliceHeader)(p)
	n, isNil, err := d.lengthOrNil(elem.least)
	if err != nil || isNil {
		*s = sliceHeader{}
		return err
	}
	*s = sliceHeader{reflect.MakeSlice(t, n, n).UnsafePointer(), n, n}
	if err := d.enter(); err != nil {
		return err
	}
	err = decodeEach(d, s.data, n, elem)
	d.depth--
	return err
}
