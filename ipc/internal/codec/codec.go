// Package codec turns values into bytes and back, between two processes of
// the same executable. Since both have the same types, no type information
// travels: a plan is compiled once for each type, copies what has no
// pointers as it lies in memory, and writes lengths before the rest.
//
// Values that the plan leaves to others: types with their own MarshalBinary
// or GobEncode, and those that a Hook knows.
package codec

import (
	"errors"
	"math"
	"reflect"
	"unsafe"
)

// A Hook encodes the types that stand for more than their bytes. Match is
// asked once for each type.
type Hook struct {
	Match  func(t reflect.Type) bool
	Encode func(e *Encoder, v reflect.Value) error
	Decode func(d *Decoder, v reflect.Value) error // v can be set
}

// An Encoder collects the bytes of a message. Context is for Hooks.
type Encoder struct {
	Buf     []byte
	Context any
	depth   int
}

// A Decoder takes a message apart. It never trusts it: any bytes give an
// error or a value, and no more memory is taken than they account for.
type Decoder struct {
	Buf     []byte
	Context any
	depth   int
}

var (
	errShort = errors.New("message is too short")
	errLong  = errors.New("message is too long")
	errValue = errors.New("message has an impossible value")
	errDepth = errors.New("value is nested too deeply, or contains itself")
)

// maxDepth bounds the pointers, slices and maps inside each other.
const maxDepth = 1000

// A Plan encodes and decodes one type.
type Plan struct {
	typ reflect.Type
	op  *op
}

// op is the compiled plan of a type: functions on the address of a value.
type op struct {
	size   uintptr
	least  int  // how many bytes of a message its shortest value takes
	plain  bool // no pointers, any bytes are a value: copied as it lies
	encode func(e *Encoder, p unsafe.Pointer) error
	decode func(d *Decoder, p unsafe.Pointer) error
}

// Encode appends the value that p points to. *p is of the plan's type.
func (pl *Plan) Encode(e *Encoder, p unsafe.Pointer) error { return pl.op.encode(e, p) }

// Decode fills the value that p points to, and wants the whole message used.
func (pl *Plan) Decode(d *Decoder, p unsafe.Pointer) error {
	if err := pl.op.decode(d, p); err != nil {
		return err
	}
	if len(d.Buf) > 0 {
		return errLong
	}
	return nil
}

// Bytes takes the next n bytes of the message.
func (d *Decoder) Bytes(n int) ([]byte, error) {
	if n < 0 || n > len(d.Buf) {
		return nil, errShort
	}
	b := d.Buf[:n:n]
	d.Buf = d.Buf[n:]
	return b, nil
}

// PutUint appends v, small numbers in few bytes.
func (e *Encoder) PutUint(v uint64) {
	for v >= 0x80 {
		e.Buf = append(e.Buf, byte(v)|0x80)
		v >>= 7
	}
	e.Buf = append(e.Buf, byte(v))
}

// Uint takes a number that PutUint has put.
func (d *Decoder) Uint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64 && len(d.Buf) > 0; shift += 7 {
		b := d.Buf[0]
		d.Buf = d.Buf[1:]
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, errShort
}

// length takes a number of elements, each of which takes at least that many
// bytes of the message.
func (d *Decoder) length(least int) (int, error) {
	n, err := d.Uint()
	if err != nil {
		return 0, err
	}
	return d.checked(n, least)
}

// lengthOrNil takes a length plus one, or 0 for nil.
func (d *Decoder) lengthOrNil(least int) (n int, isNil bool, err error) {
	u, err := d.Uint()
	if err != nil || u == 0 {
		return 0, true, err
	}
	n, err = d.checked(u-1, least)
	return n, false, err
}

func (d *Decoder) checked(n uint64, least int) (int, error) {
	if least > 0 && n > uint64(len(d.Buf)/least) {
		return 0, errShort
	}
	if n > maxLength && least == 0 || n > math.MaxInt {
		return 0, errValue
	}
	return int(n), nil
}

// maxLength bounds slices of elements that take no bytes.
const maxLength = 1<<31 - 2

func (e *Encoder) enter() error {
	if e.depth == maxDepth {
		return errDepth
	}
	e.depth++
	return nil
}

func (d *Decoder) enter() error {
	if d.depth == maxDepth {
		return errDepth
	}
	d.depth++
	return nil
}
