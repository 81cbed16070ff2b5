package ipc

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// A wire is how the values of one type are told in messages.
type wire struct {
	plan     *codec.Plan
	form     form
	elem     uintptr // flat: the size of an element
	align    uintptr
	isString bool
}

// The form of a message. Plain and flat ones are copied once into the shared
// memory and once out of it.
type form int

const (
	encodedForm form = iota // as the plan says
	plain                   // the memory of the value
	flat                    // the memory of the elements of a slice, or the bytes of a string
)

func wireOf[T any](what string) wire {
	w := wire{plan: mustPlan[T](what)}
	switch t := reflect.TypeFor[T](); {
	case w.plan.Plain():
		w.form = plain
	case w.plan.Flat() && t.Kind() == reflect.String:
		w.form, w.elem, w.align, w.isString = flat, 1, 1, true
	case w.plan.Flat():
		w.form, w.elem, w.align = flat, t.Elem().Size(), uintptr(t.Elem().Align())
	}
	return w
}

// memory is the bytes of *p, a plain value.
func memory[T any](p *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p)) }

// settle makes b the value whose memory is dst, where it may lie already.
func settle(dst, b []byte) error {
	if len(b) != len(dst) {
		return errSize
	}
	if len(b) > 0 && &b[0] != &dst[0] {
		copy(dst, b)
	}
	return nil
}

var errSize = errors.New("ipc: received value: message has the wrong length")

// runHeader is how a string, and the beginning of a slice of any type, lies in
// memory; sliceHeader is all of a slice.
type runHeader struct {
	data unsafe.Pointer
	len  int
}

type sliceHeader struct {
	runHeader
	cap int
}

// elements is the memory of the elements of *p, a slice or a string of
// elements of that size. It is nil if the slice is.
func elements[T any](p *T, elem uintptr) []byte {
	s := (*runHeader)(unsafe.Pointer(p))
	return unsafe.Slice((*byte)(s.data), uintptr(s.len)*elem)
}

// capacity is the memory of *p, a slice, up to its capacity.
func capacity[T any](p *T, elem uintptr) []byte {
	s := (*sliceHeader)(unsafe.Pointer(p))
	return unsafe.Slice((*byte)(s.data), uintptr(s.cap)*elem)
}

// setElements makes *p the slice or string whose memory is b.
func setElements[T any](p *T, w wire, b []byte) error {
	if uintptr(len(b))%w.elem != 0 {
		return errSize
	}
	data := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(data)%w.align != 0 { // small buffers lie at any address
		v := reflect.MakeSlice(reflect.TypeFor[T](), len(b)/int(w.elem), len(b)/int(w.elem))
		copy(unsafe.Slice((*byte)(v.UnsafePointer()), len(b)), b)
		data = v.UnsafePointer()
		b = b[:len(b):len(b)]
	}
	run := runHeader{data, len(b) / int(w.elem)}
	if w.isString {
		*(*runHeader)(unsafe.Pointer(p)) = run
	} else {
		*(*sliceHeader)(unsafe.Pointer(p)) = sliceHeader{run, cap(b) / int(w.elem)}
	}
	return nil
}
