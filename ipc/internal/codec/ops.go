package codec

import (
	"reflect"
	"unsafe"
)

// The functions of this file get the address of a value of the type that
// their op was compiled for, from Plan or from the op that contains them.
// After an error they leave depth as it is: Plan sets it right.

func encodeBool(e *Encoder, p unsafe.Pointer) error {
	b := byte(0)
	if *(*bool)(p) {
		b = 1
	}
	e.Buf = append(e.Buf, b)
	return nil
}

func decodeBool(d *Decoder, p unsafe.Pointer) error {
	b, err := d.Bytes(1)
	if err != nil {
		return err
	}
	if b[0] > 1 {
		return errValue
	}
	*(*bool)(p) = b[0] == 1
	return nil
}

func decodePlain(d *Decoder, p unsafe.Pointer, size uintptr) error {
	b, err := d.Bytes(int(size))
	copy(unsafe.Slice((*byte)(p), size), b)
	return err
}

func encodeString(e *Encoder, p unsafe.Pointer) error {
	s := *(*string)(p)
	e.PutUint(uint64(len(s)))
	e.Buf = append(e.Buf, s...)
	return nil
}

func decodeString(d *Decoder, p unsafe.Pointer) error {
	n, err := d.length(1)
	if err != nil {
		return err
	}
	b, err := d.Bytes(n)
	if d.alias(len(b)) {
		*(*string)(p) = unsafe.String(unsafe.SliceData(b), len(b))
	} else {
		*(*string)(p) = string(b)
	}
	return err
}

// A part is a field of a struct, or several with plain values, one behind the
// other, that are copied at once.
type part struct {
	off  uintptr
	size uintptr
	op   *op // nil for plain fields
}

func (f *part) least() int {
	if f.op == nil {
		return int(f.size)
	}
	return f.op.least
}

// addPart adds a field to parts. What lies between two plain ones is padding.
func addPart(parts []part, off uintptr, in *op) []part {
	if !in.plain {
		return append(parts, part{off, in.size, in})
	}
	if n := len(parts); n > 0 && parts[n-1].op == nil {
		parts[n-1].size = off + in.size - parts[n-1].off
		return parts
	}
	return append(parts, part{off, in.size, nil})
}

func encodeParts(e *Encoder, p unsafe.Pointer, parts []part) error {
	for i := range parts {
		f := &parts[i]
		at := unsafe.Add(p, f.off)
		if f.op == nil {
			e.Buf = append(e.Buf, unsafe.Slice((*byte)(at), f.size)...)
		} else if err := f.op.encode(e, at); err != nil {
			return err
		}
	}
	return nil
}

func decodeParts(d *Decoder, p unsafe.Pointer, parts []part) (err error) {
	for i := range parts {
		f := &parts[i]
		at := unsafe.Add(p, f.off)
		if f.op == nil {
			err = decodePlain(d, at, f.size)
		} else {
			err = f.op.decode(d, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// encodeEach encodes n values that lie one behind the other.
func encodeEach(e *Encoder, p unsafe.Pointer, n int, elem *op) error {
	for i := range n {
		if err := elem.encode(e, unsafe.Add(p, uintptr(i)*elem.size)); err != nil {
			return err
		}
	}
	return nil
}

func decodeEach(d *Decoder, p unsafe.Pointer, n int, elem *op) error {
	for i := range n {
		if err := elem.decode(d, unsafe.Add(p, uintptr(i)*elem.size)); err != nil {
			return err
		}
	}
	return nil
}

func encodePointer(e *Encoder, p unsafe.Pointer, elem *op) error {
	to := *(*unsafe.Pointer)(p)
	if to == nil {
		e.Buf = append(e.Buf, 0)
		return nil
	}
	e.Buf = append(e.Buf, 1)
	if err := e.enter(); err != nil {
		return err
	}
	err := elem.encode(e, to)
	e.depth--
	return err
}

func decodePointer(d *Decoder, p unsafe.Pointer, to reflect.Type, elem *op) error {
	var there bool
	err := decodeBool(d, unsafe.Pointer(&there))
	if err != nil || !there {
		*(*unsafe.Pointer)(p) = nil
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	v := reflect.New(to).UnsafePointer()
	*(*unsafe.Pointer)(p) = v
	err = elem.decode(d, v)
	d.depth--
	return err
}
