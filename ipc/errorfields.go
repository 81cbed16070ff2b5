package ipc

import (
	"encoding"
	"reflect"
)

// split gives what is in the fields of type error of err, and err without.
func split(err error) (fields []error, bare error) {
	in := errorFields(reflect.TypeOf(err))
	v := reflect.ValueOf(err)
	if len(in) == 0 || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, err
	}
	own, copied := clone(v)
	for _, i := range in {
		field, _ := own.Field(i).Interface().(error)
		fields = append(fields, field)
		own.Field(i).SetZero()
	}
	return fields, copied()
}

// join is the reverse of split.
func join(bare error, fields []error) error {
	in := errorFields(reflect.TypeOf(bare))
	v := reflect.ValueOf(bare)
	if len(in) != len(fields) || len(in) == 0 || v.Kind() == reflect.Pointer && v.IsNil() {
		return bare
	}
	own, copied := clone(v)
	for n, i := range in {
		if fields[n] != nil {
			own.Field(i).Set(reflect.ValueOf(fields[n]))
		}
	}
	return copied()
}

// clone gives the struct of a copy of v, a struct or a pointer to one, and the
// copy as an error.
func clone(v reflect.Value) (own reflect.Value, copied func() error) {
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(v.Elem())
		return p.Elem(), func() error { return p.Interface().(error) }
	}
	own = reflect.New(v.Type()).Elem()
	own.Set(v)
	return own, func() error { return own.Interface().(error) }
}

// errorFields are the fields of type error in t, a struct or a pointer to one
// that travels field by field.
func errorFields(t reflect.Type) (fields []int) {
	s := t
	if t.Kind() == reflect.Pointer {
		s = t.Elem()
	}
	if s.Kind() != reflect.Struct || marshals(reflect.PointerTo(s)) {
		return nil
	}
	for i := range s.NumField() {
		if f := s.Field(i); f.Type == errorType && f.IsExported() {
			fields = append(fields, i)
		}
	}
	return fields
}

func marshals(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[encoding.BinaryMarshaler]()) ||
		t.Implements(reflect.TypeFor[interface{ GobEncode() ([]byte, error) }]())
}
