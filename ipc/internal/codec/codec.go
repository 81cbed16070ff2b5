// Package codec turns values into bytes and back, between two processes of
// the same executable. Since both have the same types, no type information
// travels, but for the names of what stands in interfaces: a plan is compiled
// once for each type, copies what has no pointers as it lies in memory, and
// writes lengths before the rest.
//
// Values that the plan leaves to others: types with their own MarshalBinary
// or GobEncode, and those that a Hook knows.
package codec

import (
	"errors"
	"math"
	"math/bits"
	"reflect"
)

// A Hook encodes the types that stand for more than their bytes. Match is
// asked once for each type. What it encodes is not to be changed: it may lie
// in an interface.
type Hook struct {
	Match  func(t reflect.Type) bool
	Encode func(e *Encoder, v reflect.Value) error
	Decode func(d *Decoder, v reflect.Value) error // v can be set
}

// An Encoder collects the bytes of a message. Context is for Hooks.
type Encoder struct {
	Buf     []byte
	Context any
	start   int // of the message in Buf
	depth   int
}

// A Decoder takes a message apart. It never trusts it: any bytes give an
// error or a value, and no more memory is taken than they account for.
type Decoder struct {
	Buf     []byte
	Context any
	// Alias says that Buf is the decoder's to give away: a string or slice
	// that is the better part of a long message stays where it lies.
	Alias bool

	aliased bool
	whole   int // length of the message
	depth   int
}

var (
	errShort = errors.New("message is too short")
	errLong  = errors.New("message is too long")
	errValue = errors.New("message has an impossible value")
	errDepth = errors.New("value is nested too deeply, or contains itself")
)

// maxDepth bounds the pointers, slices, maps and interfaces inside each other.
const maxDepth = 1000

// minAlias is the shortest message that something may go on lying in. What
// does is at least half of it, so it holds no more than its own size besides.
const minAlias = 4 << 10

// Aliased reports whether the value decoded last, or a part of it, lies in the
// memory of its message. If so nothing else may use that.
func (d *Decoder) Aliased() bool { return d.aliased }

// alias reports whether n bytes of the message may stay where they lie.
func (d *Decoder) alias(n int) bool {
	if !d.Alias || d.whole < minAlias || n < d.whole-n {
		return false
	}
	d.aliased = true
	return true
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
func (e *Encoder) PutUint(v uint64) { e.Buf = appendUint(e.Buf, v) }

func appendUint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// maxUint is how many bytes a number takes at most.
const maxUint = 10

// appendUintBefore appends v to b in as many bytes as put what follows at a
// multiple of align behind start.
func appendUintBefore(b []byte, v uint64, start, align int) []byte {
	width := (bits.Len64(v|1) + 6) / 7
	end := len(b) - start + width
	if width += -end & (align - 1); width > maxUint {
		return appendUint(b, v)
	}
	for range width - 1 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// Uint takes a number that PutUint has put.
func (d *Decoder) Uint() (uint64, error) {
	if len(d.Buf) > 0 && d.Buf[0] < 0x80 {
		v := d.Buf[0]
		d.Buf = d.Buf[1:]
		return uint64(v), nil
	}
	var v uint64
	for i, b := range d.Buf[:min(len(d.Buf), maxUint)] {
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			d.Buf = d.Buf[i+1:]
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

// enter begins the value behind a pointer, slice, map or interface. If there
// is no error the caller leaves it by taking 1 off depth.
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
