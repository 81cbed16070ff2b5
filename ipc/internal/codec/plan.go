package codec

import (
	"reflect"
	"sync/atomic"
	"unsafe"
)

// A Plan encodes and decodes one type.
type Plan struct {
	typ      reflect.Type
	op       *op
	compiler *Compiler
}

// op is the compiled plan of a type: functions on the address of a value.
type op struct {
	size   uintptr
	align  int
	least  int  // how many bytes of a message its shortest value takes
	plain  bool // no pointers, any bytes are a value: copied as it lies
	encode func(e *Encoder, p unsafe.Pointer) error
	decode func(d *Decoder, p unsafe.Pointer) error

	text  bool // a string
	array *op  // the elements of a slice, if they are plain

	holds  []*op         // what its values contain or point to
	iface  reflect.Type  // it is this interface: the registry knows what it may hold
	hooked bool          // the Hook encodes it
	writes bool          // its marshalling is given the address of the value
	answer atomic.Uint64 // of Hooked, see there
}

// Encode appends the value that p points to. *p is of the plan's type.
func (pl *Plan) Encode(e *Encoder, p unsafe.Pointer) error {
	if pl.op.plain {
		e.Buf = append(e.Buf, pl.op.bytes(p)...)
		return nil
	}
	defer e.leave(e.start, e.depth)
	e.start = len(e.Buf)
	return pl.op.encode(e, p)
}

// leave makes e as it was before a value, which may have been refused or have
// panicked.
func (e *Encoder) leave(start, depth int) { e.start, e.depth = start, depth }

// Decode fills the value that p points to, and wants the whole message used.
func (pl *Plan) Decode(d *Decoder, p unsafe.Pointer) error {
	d.aliased = false
	if pl.op.plain {
		return d.plain(pl.op.bytes(p))
	}
	defer d.leave(d.depth)
	d.whole = len(d.Buf)
	if err := pl.op.decode(d, p); err != nil {
		return err
	}
	if len(d.Buf) > 0 {
		return errLong
	}
	return nil
}

func (d *Decoder) leave(depth int) { d.depth = depth }

// plain fills a plain value with the whole message.
func (d *Decoder) plain(value []byte) error {
	switch {
	case len(d.Buf) < len(value):
		return errShort
	case len(d.Buf) > len(value):
		return errLong
	}
	copy(value, d.Buf)
	d.Buf = d.Buf[len(value):]
	return nil
}

// Plain reports whether a value's message is its memory as it lies, of Size
// bytes, and any such bytes are a value.
func (pl *Plan) Plain() bool { return pl.op.plain }

// Flat reports whether a value is a string, or a slice whose elements are
// their memory as it lies, and have some.
func (pl *Plan) Flat() bool {
	o := pl.op
	return o.text || o.array != nil && o.array.size > 0
}

// Size is how much memory a value takes, without what it points to.
func (pl *Plan) Size() uintptr { return pl.op.size }

// Parts gives what Encode would append as two pieces, the second of them in
// the memory of the value that p points to, so that it need not be copied. It
// must not be changed. The first one is made in scratch. There are such pieces
// of strings and of slices of what is plain; of other types ok is false.
func (pl *Plan) Parts(p unsafe.Pointer, scratch []byte) (head, body []byte, ok bool) {
	switch o := pl.op; {
	case o.text:
		s := *(*string)(p)
		return appendUint(scratch[:0], uint64(len(s))), unsafe.Slice(unsafe.StringData(s), len(s)), true
	case o.array != nil:
		head, body = plainSlice(scratch[:0], 0, (*sliceHeader)(p), o.array)
		return head, body, true
	}
	return nil, nil, false
}

// Hooked reports whether there may be values in one of the plan's type that
// the Hook encodes. In an interface there may be what any of the registered
// types has that implement it.
func (pl *Plan) Hooked() bool {
	// The answer is bit 0. It holds until there are more registered types:
	// their number plus one is above it.
	known := uint64(pl.compiler.types.size()+1) << 1
	answer := pl.op.answer.Load()
	if answer&^1 != known {
		answer = known
		if pl.compiler.reachesHook(pl.op, map[*op]bool{}) {
			answer |= 1
		}
		pl.op.answer.Store(answer)
	}
	return answer&1 != 0
}

// reachesHook looks for the Hook's types among what o contains. It leaves out
// what was seen: a type may contain itself.
func (c *Compiler) reachesHook(o *op, seen map[*op]bool) bool {
	if o.hooked {
		return true
	}
	if seen[o] {
		return false
	}
	seen[o] = true
	for _, in := range o.holds {
		if c.reachesHook(in, seen) {
			return true
		}
	}
	if o.iface == nil {
		return false
	}
	for _, ct := range c.types.implementing(o.iface) {
		// A type that can't travel is no way to anything.
		if f, err := c.formOf(ct); err == nil && c.reachesHook(f.op, seen) {
			return true
		}
	}
	return false
}

// reachesWriter is the same for marshalling by address, up to interfaces.
func (o *op) reachesWriter(seen map[*op]bool) bool {
	if o.writes {
		return true
	}
	if seen[o] {
		return false
	}
	seen[o] = true
	for _, in := range o.holds {
		if in.reachesWriter(seen) {
			return true
		}
	}
	return false
}

// bytes is the memory of a plain value.
func (o *op) bytes(p unsafe.Pointer) []byte { return unsafe.Slice((*byte)(p), o.size) }
