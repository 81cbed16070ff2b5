package codec

import (
	"reflect"
	"unsafe"
)

func encodeMap(e *Encoder, p unsafe.Pointer, t reflect.Type, key, elem *op) error {
	m := reflect.NewAt(t, p).Elem()
	if m.IsNil() {
		e.PutUint(0)
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
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
	e.depth--
	return nil
}

func decodeMap(d *Decoder, p unsafe.Pointer, t reflect.Type, hashes bool, key, elem *op) error {
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
	k, v := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for range n {
		before := len(d.Buf)
		k.SetZero()
		v.SetZero()
		if err := key.decode(d, k.Addr().UnsafePointer()); err != nil {
			return err
		}
		if err := elem.decode(d, v.Addr().UnsafePointer()); err != nil {
			return err
		}
		if !hashes && !k.Comparable() {
			return errValue
		}
		m.SetMapIndex(k, v)
		if len(d.Buf) == before {
			break // keys of no size: there is only one
		}
	}
	d.depth--
	return nil
}

// hashes reports whether all values of a key type can be keys. What is in an
// interface may be none.
func hashes(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return false
	case reflect.Array:
		return hashes(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if !hashes(f.Type) {
				return false
			}
		}
	}
	return true
}
