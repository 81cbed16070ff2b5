package codec

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"testing"
	"time"
)

// An embedded marshaler's methods become those of the struct: they must not
// stand for the whole, with the other fields left behind.
func TestEmbeddedMarshalerLosesNoFields(t *testing.T) {
	for _, v := range []any{
		&struct {
			time.Time
			Name string
		}{time.Unix(1, 0), "kept"},
		&struct {
			*time.Time
			Name string
		}{new(time.Time), "kept"},
		&struct {
			Name string
			big.Int
		}{"kept", *big.NewInt(3)},
		&struct {
			Name string
			*big.Int
		}{"kept", big.NewInt(3)},
	} {
		p, err := new(Compiler).Compile(reflect.TypeOf(v).Elem())
		if err != nil {
			continue // refused is fine
		}
		if got, err := nameOfCopy(p, reflect.ValueOf(v)); err != nil || got != "kept" {
			t.Errorf("%T came back with Name %q, %v; want \"kept\", or that the type is refused", v, got, err)
		}
	}
}

// nameOfCopy is the field Name of v, there and back.
func nameOfCopy(p *Plan, v reflect.Value) (name string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	b, err := encode(p, v)
	if err != nil {
		return "", err
	}
	out, err := decode(p, b)
	return out.Elem().FieldByName("Name").String(), err
}

// The methods of an embedded pointer are those of nil in a value to be decoded.
func TestEmbeddedPointerToMarshalerComesBack(t *testing.T) {
	type (
		lone   struct{ *time.Time }
		double struct{ lone }
		open   struct{ time.Time }
		Open   struct{ *time.Time }
		Double struct{ Open }
	)
	at := time.Unix(7, 0).UTC()
	for _, v := range []any{
		&lone{&at}, &lone{}, &open{at}, &Open{&at}, &Double{Open{&at}}, &Double{},
	} {
		p := plan(t, new(Compiler), reflect.TypeOf(v).Elem())
		b, err := encode(p, reflect.ValueOf(v))
		if err != nil {
			t.Fatalf("Encode(%T) = %v", v, err)
		}
		out, err := decode(p, b)
		if err != nil || !reflect.DeepEqual(out.Interface(), v) {
			t.Errorf("%T came back as %v, %v; want %v", v, out, err, v)
		}
	}
	if _, err := new(Compiler).Compile(reflect.TypeFor[double]()); err == nil {
		t.Errorf("Compile() of a struct that embeds an unexported one with a pointer = nil; want an error")
	}
}

// stamp embeds a marshaler and has methods of its own that know of the rest.
type stamp struct {
	time.Time
	Name string
}

func (s stamp) MarshalBinary() ([]byte, error)     { return []byte(s.Name), nil }
func (s *stamp) UnmarshalBinary(data []byte) error { s.Name = string(data); return nil }

func TestOwnMethodsGoBeforeEmbeddedOnes(t *testing.T) {
	p, err := new(Compiler).Compile(reflect.TypeFor[stamp]())
	if err != nil {
		t.Fatalf("Compile() of a type with its own methods = %v; want nil", err)
	}
	in := stamp{Name: "kept"}
	b, err := encode(p, reflect.ValueOf(&in))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := decode(p, b); err != nil || out.Interface().(*stamp).Name != "kept" {
		t.Errorf("Decode() = %v, %v; want kept", out.Elem(), err)
	}
}

type failing struct{}

var errFailing = errors.New("failing")

func (failing) MarshalBinary() ([]byte, error) { return nil, errFailing }
func (*failing) UnmarshalBinary([]byte) error  { return errFailing }

func TestErrorsOfMarshalersArePassedOn(t *testing.T) {
	p := plan(t, new(Compiler), reflect.TypeFor[map[string][]*failing]())
	in := map[string][]*failing{"k": {nil, {}}}
	if _, err := encode(p, reflect.ValueOf(&in)); err != errFailing {
		t.Errorf("Encode() = %v; want that of MarshalBinary", err)
	}
	p = plan(t, new(Compiler), reflect.TypeFor[failing]())
	if _, err := decode(p, []byte{0}); err != errFailing {
		t.Errorf("Decode() = %v; want that of UnmarshalBinary", err)
	}
}
