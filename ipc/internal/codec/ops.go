package codec

import (
	"reflect"
	"unsafe"
)

// The functions of this file get the address of a value of the type that
// their op was compiled for, from Plan or from the op that contains them.

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
	*(*string)(p) = string(b)
	return err
}

// each runs f on n values that lie one behind the other.
func each[C any](n int, p unsafe.Pointer, size uintptr, c *C, f func(*C, unsafe.Pointer) error) error {
	for i := range n {
		if err := f(c, unsafe.Add(p, uintptr(i)*size)); err != nil {
			return err
		}
	}
	return nil
}

// sliceHeader is how a slice of any type lies in memory.
type sliceHeader struct {
	data unsafe.Pointer
	len  int
	cap  int
}

// A slice is written as its length plus one, 0 for a nil one.
func encodeSlice(e *Encoder, p unsafe.Pointer, elem *op) error {
	s := (*sliceHeader)(p)
	if s.data == nil {
		e.PutUint(0)
		return nil
	}
	e.PutUint(uint64(s.len) + 1)
	if elem.plain {
		e.Buf = append(e.Buf, unsafe.Slice((*byte)(s.data), uintptr(s.len)*elem.size)...)
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer func() { e.depth-- }()
	return each(s.len, s.data, elem.size, e, elem.encode)
}

func decodeSlice(d *Decoder, p unsafe.Pointer, t reflect.Type, elem *op) error {
	v := reflect.NewAt(t, p).Elem()
	n, isNil, err := d.lengthOrNil(elem.least)
	if err != nil || isNil {
		v.SetZero()
		return err
	}
	v.Set(reflect.MakeSlice(t, n, n))
	s := (*sliceHeader)(p)
	if elem.plain {
		b, err := d.Bytes(n * int(elem.size))
		copy(unsafe.Slice((*byte)(s.data), len(b)), b)
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { d.depth-- }()
	return each(n, s.data, elem.size, d, elem.decode)
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
	defer func() { e.depth-- }()
	return elem.encode(e, to)
}

func decodePointer(d *Decoder, p unsafe.Pointer, t reflect.Type, elem *op) error {
	var there bool
	if err := decodeBool(d, unsafe.Pointer(&there)); err != nil {
		return err
	}
	v := reflect.NewAt(t, p).Elem()
	if !there {
		v.SetZero()
		return nil
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { d.depth-- }()
	v.Set(reflect.New(t.Elem()))
	return elem.decode(d, v.UnsafePointer())
}

func encodeMap(e *Encoder, p unsafe.Pointer, t reflect.Type, key, elem *op) error {
	m := reflect.NewAt(t, p).Elem()
	if m.IsNil() {
		e.PutUint(0)
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer func() { e.depth-- }()
	e.PutUint(uint64(m.Len()) + 1)
	k, v := reflect.New(t.Key()), reflect.New(t.Elem())
	for it := m.MapRange(); it.Next(); {
		k.Elem().SetIterKey(it)
		v.Elem().SetIterValue(it)
		if err := key.encode(e, k.UnsafePointer()); err != nil {
			return err
		}
		if err := elem.encode(e, v.UnsafePointer()); err != nil {
			return err
		}
	}
	return nil
}

func decodeMap(d *Decoder, p unsafe.Pointer, t reflect.Type, key, elem *op) error {
	m := reflect.NewAt(t, p).Elem()
	n, isNil, err := d.lengthOrNil(key.least + elem.least)
	if err != nil || isNil {
		m.SetZero()
		return err
	}
	// A map grows as its elements come: its length alone takes no memory.
	m.Set(reflect.MakeMap(t))
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { d.depth-- }()
	for range n {
		before := len(d.Buf)
		k, v := reflect.New(t.Key()), reflect.New(t.Elem())
		if err := key.decode(d, k.UnsafePointer()); err != nil {
			return err
		}
		if err := elem.decode(d, v.UnsafePointer()); err != nil {
			return err
		}
		m.SetMapIndex(k.Elem(), v.Elem())
		if len(d.Buf) == before {
			return nil // keys of no size: there is only one
		}
	}
	return nil
}
