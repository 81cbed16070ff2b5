package codec

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func TestCyclicValueIsAnError(t *testing.T) {
	watchdog.Start(t)
	self := make(list, 1)
	self[0] = self
	round := &chain{}
	round.Next = round
	loop := &tree{map[string]*tree{}}
	loop.Kids["me"] = loop
	for _, v := range []reflect.Value{reflect.ValueOf(&self), reflect.ValueOf(round), reflect.ValueOf(loop)} {
		p := plan(t, new(Compiler), v.Type().Elem())
		if _, err := encode(p, v); err != errDepth {
			t.Errorf("Encode() of a %v in itself = %v; want errDepth", v.Type().Elem(), err)
		}
	}
}

func nested(depth int) *chain {
	var c *chain
	for range depth {
		c = &chain{c}
	}
	return c
}

func TestDepthHasABoundOnBothSides(t *testing.T) {
	p := plan(t, new(Compiler), reflect.TypeFor[*chain]())
	ok, tooDeep := nested(maxDepth), nested(maxDepth+1)
	b, err := encode(p, reflect.ValueOf(&ok))
	if err != nil {
		t.Fatalf("Encode() of depth %d = %v", maxDepth, err)
	}
	if out, err := decode(p, b); err != nil || !reflect.DeepEqual(out.Elem().Interface(), ok) {
		t.Errorf("Decode() of depth %d = %v", maxDepth, err)
	}
	if _, err := encode(p, reflect.ValueOf(&tooDeep)); err != errDepth {
		t.Errorf("Encode() of depth %d = %v; want errDepth", maxDepth+1, err)
	}
	if _, err := decode(p, append([]byte{1}, b...)); err != errDepth {
		t.Errorf("Decode() of depth %d = %v; want errDepth", maxDepth+1, err)
	}
}

// Encoders are used again: a value that was refused leaves no trace in them.
func TestEncoderIsAsNewAfterError(t *testing.T) {
	watchdog.Start(t)
	round := &chain{}
	round.Next = round
	p := plan(t, new(Compiler), reflect.TypeFor[chain]())
	var e Encoder
	for range maxDepth + 1 {
		e.Buf = e.Buf[:0]
		if err := p.Encode(&e, unsafe.Pointer(round)); err != errDepth {
			t.Fatalf("Encode() = %v; want errDepth", err)
		}
	}
	if err := p.Encode(&e, unsafe.Pointer(&chain{&chain{}})); err != nil {
		t.Errorf("Encode() of a good value afterwards = %v; want nil", err)
	}
}

// panicking is what bad marshalling does.
type panicking struct{ N int }

func (p panicking) MarshalBinary() ([]byte, error) {
	if p.N > 0 {
		panic("panicking")
	}
	return nil, nil
}

func (*panicking) UnmarshalBinary([]byte) error { panic("panicking") }

func TestEncoderAndDecoderAreAsNewAfterPanic(t *testing.T) {
	p := plan(t, new(Compiler), reflect.TypeFor[*panicking]())
	panics := func(f func() error) {
		t.Helper()
		defer func() {
			if r := recover(); r != "panicking" {
				t.Fatalf("panic(%v); want that of the method", r)
			}
		}()
		t.Fatalf("no panic, but %v", f())
	}
	var e Encoder
	var d Decoder
	bad, good := &panicking{1}, &panicking{}
	for range maxDepth + 1 {
		e.Buf = e.Buf[:0]
		panics(func() error { return p.Encode(&e, unsafe.Pointer(&bad)) })
		d.Buf = []byte{1, 0}
		panics(func() error { return p.Decode(&d, unsafe.Pointer(&bad)) })
		bad = &panicking{1}
	}
	e.Buf = nil
	if err := p.Encode(&e, unsafe.Pointer(&good)); err != nil || string(e.Buf) != "\x01\x00" {
		t.Errorf("Encode() of a good value afterwards = % x, %v; want 01 00", e.Buf, err)
	}
}

func TestTypesThatCannotTravelAreNamed(t *testing.T) {
	type inner struct{ Done chan int }
	type hidden struct {
		Open   int
		secret string
	}
	for _, tt := range []struct {
		v    any
		want []string
	}{
		{new(func()), []string{"func()", "is a func"}},
		{new(chan int), []string{"is a chan"}},
		{new(uintptr), []string{"is a uintptr"}},
		{new(unsafe.Pointer), []string{"is a unsafe.Pointer"}},
		{new(inner), []string{"codec.inner.Done", "chan"}},
		{new([]inner), []string{"[]codec.inner[].Done", "chan"}},
		{new([2]inner), []string{"[].Done", "chan"}},
		{new(map[string]inner), []string{"[].Done", "chan"}},
		{new(struct{ M map[struct{ F *func() }]int }), []string{".M[key].F", "func"}},
		{new(hidden), []string{"codec.hidden.secret", "not exported"}},
		{new(struct{ P **hidden }), []string{".P.secret", "not exported"}},
		{new(struct{ Mu sync.Mutex }), []string{".Mu.", "not exported"}},
		{new(struct{ _ int }), []string{"._", "not exported"}},
	} {
		c := new(Compiler)
		p, err := c.Compile(reflect.TypeOf(tt.v).Elem())
		if err == nil {
			t.Errorf("Compile(%T) = %v, nil; want an error", tt.v, p)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("Compile(%T) = %q; want %q in it", tt.v, err, part)
			}
		}
		// Nothing half made is left: the same question has the same answer.
		if _, again := c.Compile(reflect.TypeOf(tt.v).Elem()); again == nil || again.Error() != err.Error() {
			t.Errorf("Compile(%T) again = %v; want %v", tt.v, again, err)
		}
		if _, err := c.Compile(reflect.TypeFor[mixed]()); err != nil {
			t.Errorf("Compile() of a good type afterwards = %v", err)
		}
	}
	_ = hidden{}.secret
}
