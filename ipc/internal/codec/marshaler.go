package codec

import (
	"encoding"
	"reflect"
	"unsafe"
)

// gobber is gob's pair of interfaces, told without importing gob: its
// package initialisation would cost every child two milliseconds.
type gobber interface {
	GobEncode() ([]byte, error)
	GobDecode([]byte) error
}

type binaryMarshaler interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// fillMarshaler makes o use the methods of t, if it has them.
func fillMarshaler(o *op, t reflect.Type) bool {
	p := reflect.PointerTo(t)
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return false // what it points to is asked
	case p.Implements(reflect.TypeFor[binaryMarshaler]()):
		o.marshalled(t,
			func(v any) ([]byte, error) { return v.(binaryMarshaler).MarshalBinary() },
			func(v any, b []byte) error { return v.(binaryMarshaler).UnmarshalBinary(b) })
	case p.Implements(reflect.TypeFor[gobber]()):
		o.marshalled(t,
			func(v any) ([]byte, error) { return v.(gobber).GobEncode() },
			func(v any, b []byte) error { return v.(gobber).GobDecode(b) })
	default:
		return false
	}
	return true
}

// embedsMarshaler finds an embedded field whose methods its struct has got,
// and which would silently leave out the other fields.
func embedsMarshaler(t reflect.Type) (name string, ok bool) {
	if t.Kind() != reflect.Struct || t.NumField() < 2 {
		return "", false
	}
	for f := range t.Fields() {
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if f.Anonymous && fillMarshaler(new(op), ft) && fillMarshaler(new(op), t) {
			return f.Name, true
		}
	}
	return "", false
}

func (o *op) marshalled(t reflect.Type,
	marshal func(v any) ([]byte, error), unmarshal func(v any, b []byte) error) {
	o.encode = func(e *Encoder, p unsafe.Pointer) error {
		b, err := marshal(reflect.NewAt(t, p).Interface())
		if err != nil {
			return err
		}
		e.PutUint(uint64(len(b)))
		e.Buf = append(e.Buf, b...)
		return nil
	}
	o.decode = func(d *Decoder, p unsafe.Pointer) error {
		n, err := d.length(1)
		if err != nil {
			return err
		}
		b, err := d.Bytes(n)
		if err != nil {
			return err
		}
		return unmarshal(reflect.NewAt(t, p).Interface(), b)
	}
}
