package codec

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

type named8 []uint8

type letter struct {
	Head string
	Body []byte
	Tail string
}

func TestBigValuesStayInTheirMessage(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<10)
	var inAny any = big
	for _, tt := range []struct {
		name  string
		v     any
		alias bool
	}{
		{"bytes", &big, true},
		{"string", new(string(big)), true},
		{"named", new(named8(big)), true},
		{"in a struct", &letter{"head", big, "tail"}, true},
		{"in a slice", &[][]byte{{1}, big}, true},
		{"in a list of strings", &[]string{"", string(big)}, true},
		{"in a map", &map[string]string{"k": string(big)}, true},
		{"behind a pointer", new(&big), true},
		{"in an interface", &inAny, true},
		{"bools are checked", new(slices.Repeat([]bool{true}, 1<<14)), false},
		{"numbers", new(slices.Repeat([]float64{1.5}, 1<<12)), true},
		{"numbers behind others", &struct {
			Name string
			V    []float64
		}{"n", slices.Repeat([]float64{1.5}, 1<<12)}, true},
		{"pairs", new(slices.Repeat([]point{{1, 2}}, 1<<12)), true},
		{"an array", (*[1 << 14]byte)(big), false},
		{"small", new(big[:minAlias-3]), false},
		{"just big", new(big[:minAlias-2]), true},
		{"two halves", &[2][]byte{big, big}, false},
		{"too little of it", &letter{string(big[:100]), big, string(big)}, false},
		{"empty", new([]byte{}), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := plan(t, new(Compiler), reflect.TypeOf(tt.v).Elem())
			b, err := encode(p, reflect.ValueOf(tt.v))
			if err != nil {
				t.Fatal(err)
			}
			d := Decoder{Buf: b, Alias: true}
			out := reflect.New(p.typ)
			if err := p.Decode(&d, out.UnsafePointer()); err != nil || !reflect.DeepEqual(out.Interface(), tt.v) {
				t.Fatalf("Decode() = %v, or another value", err)
			}
			if d.Aliased() != tt.alias {
				t.Errorf("Aliased() = %v; want %v", d.Aliased(), tt.alias)
			}
			clear(b)
			if got := !reflect.DeepEqual(out.Interface(), tt.v); got != tt.alias {
				t.Errorf("value changed with the message: %v; want %v", got, tt.alias)
			}
			// Without Alias nothing may.
			b, _ = encode(p, reflect.ValueOf(tt.v))
			d = Decoder{Buf: b}
			if err := p.Decode(&d, out.UnsafePointer()); err != nil || d.Aliased() {
				t.Errorf("Decode() without Alias = %v, Aliased() = %v", err, d.Aliased())
			}
			clear(b)
			if !reflect.DeepEqual(out.Interface(), tt.v) {
				t.Errorf("value changed with the message without Alias")
			}
		})
	}
}

// In front of a message there may be something else, and it may be anywhere.
func TestElementsAreAlignedWhereverTheMessageLies(t *testing.T) {
	type numbers struct {
		Name string
		V    []uint64
	}
	p := plan(t, new(Compiler), reflect.TypeFor[numbers]())
	in := numbers{"n", slices.Repeat([]uint64{1 << 60}, 1000)}
	for off := range 9 {
		e := Encoder{Buf: make([]byte, off)}
		if err := p.Encode(&e, unsafe.Pointer(&in)); err != nil {
			t.Fatal(err)
		}
		b := append(make([]byte, 16), e.Buf[off:]...) // the message at a multiple of 8
		for shift := range 8 {
			at := b[8+shift:][:len(b)-16]
			copy(at, e.Buf[off:])
			d := Decoder{Buf: at, Alias: true}
			var out numbers
			if err := p.Decode(&d, unsafe.Pointer(&out)); err != nil || !reflect.DeepEqual(out, in) {
				t.Fatalf("Decode() = %v, or another value", err)
			}
			if d.Aliased() != (shift == 0) {
				t.Errorf("shifted by %d: Aliased() = %v", shift, d.Aliased())
			}
			if uintptr(unsafe.Pointer(&out.V[0]))%8 != 0 {
				t.Errorf("shifted by %d: elements at %p", shift, out.V)
			}
		}
	}
}

func TestAliasEndsWithItsValue(t *testing.T) {
	p := plan(t, new(Compiler), reflect.TypeFor[letter]())
	b, _ := encode(p, reflect.ValueOf(&letter{Body: make([]byte, 1<<13), Tail: "tail"}))
	var out letter
	d := Decoder{Buf: b, Alias: true}
	if err := p.Decode(&d, unsafe.Pointer(&out)); err != nil || !d.Aliased() {
		t.Fatalf("Decode() = %v, Aliased() = %v", err, d.Aliased())
	}
	if len(out.Body) != cap(out.Body) {
		t.Errorf("%d bytes have room for %d", len(out.Body), cap(out.Body))
	}
	d.Buf, _ = encode(p, reflect.ValueOf(&letter{Body: []byte{1}}))
	if err := p.Decode(&d, unsafe.Pointer(&out)); err != nil || d.Aliased() {
		t.Errorf("next Decode() = %v, Aliased() = %v; want nil, false", err, d.Aliased())
	}
}

func TestPartsAreWhatEncodeGives(t *testing.T) {
	scratch := make([]byte, 0, 16)
	for _, tt := range []struct {
		v  any
		ok bool
	}{
		{new([]byte), true},
		{&[]byte{}, true},
		{&[]byte{1, 2, 3}, true},
		{new(make(named8, 1<<20)), true},
		{new(""), true},
		{new("text"), true},
		{new(strings.Repeat("text", 1<<18)), true},
		{new(make([]float64, 1<<17)), true},
		{new(make([]point, 300)), true},
		{new(make([]struct{}, 300)), true},
		{new(make([][2]int, 300)), true},
		{new([]string), false},
		{new([]bool), false},
		{new([4]byte), false},
		{new(int), false},
		{new(letter), false},
		{new(struct{ B []byte }), false},
		{new(*[]byte), false},
		{new(any), false},
		{new(time.Time), false},
		{new(scrawl), false},
	} {
		v := reflect.ValueOf(tt.v)
		p := plan(t, new(Compiler), v.Type().Elem())
		head, body, ok := p.Parts(v.UnsafePointer(), scratch)
		if ok != tt.ok {
			t.Errorf("Parts() of a %T = %v; want %v", tt.v, ok, tt.ok)
		}
		if !ok {
			continue
		}
		if want, err := encode(p, v); err != nil || !bytes.Equal(slices.Concat(head, body), want) {
			t.Errorf("Parts() of a %T of %d bytes are not what Encode gives, %v", tt.v, len(body), err)
		}
		if len(body) > 0 && unsafe.Pointer(&body[0]) != *(*unsafe.Pointer)(v.UnsafePointer()) {
			t.Errorf("Parts() of a %T copies it", tt.v)
		}
		if n := testing.AllocsPerRun(10, func() { p.Parts(v.UnsafePointer(), scratch) }); n > 0 {
			t.Errorf("Parts() of a %T takes memory %v times", tt.v, n)
		}
	}
}

// scrawl is a slice of bytes that marshals itself.
type scrawl []byte

func (s scrawl) MarshalBinary() ([]byte, error)     { return []byte("scrawl"), nil }
func (s *scrawl) UnmarshalBinary(data []byte) error { *s = data; return nil }

func TestPlainTellsValuesThatAreTheirMemory(t *testing.T) {
	for _, tt := range []struct {
		v    any
		want bool
	}{
		{0, true}, {int8(0), true}, {1i, true}, {named(0), true}, {point{}, true}, {padded{}, true},
		{[3]padded{}, true}, {struct{}{}, true}, {[0]string{}, true}, {[4]struct{}{}, true},
		{struct{ E struct{} }{}, true}, {time.Duration(0), true},
		{false, false}, {"", false}, {[]byte(nil), false}, {(*int)(nil), false}, {map[int]int(nil), false},
		{time.Time{}, false}, {letter{}, false}, {[1]bool{}, false}, {box{}, false}, {&ticket{}, false},
	} {
		in := reflect.New(reflect.TypeOf(tt.v))
		p := plan(t, hooked(new(hookLog)), in.Type().Elem())
		if p.Plain() != tt.want || p.Size() != in.Type().Elem().Size() {
			t.Errorf("%T: Plain() = %v, Size() = %d; want %v, %d",
				tt.v, p.Plain(), p.Size(), tt.want, in.Type().Elem().Size())
		}
		if !tt.want {
			continue
		}
		memory := unsafe.Slice((*byte)(in.UnsafePointer()), p.Size())
		for i := range memory {
			memory[i] = byte(i + 1)
		}
		if b, err := encode(p, in); err != nil || !bytes.Equal(b, memory) {
			t.Errorf("Encode(%T) = % x, %v; want % x", tt.v, b, err, memory)
		}
	}
}

func TestPlainValuesTakeNoMemory(t *testing.T) {
	type numbers struct {
		A, B int64
		X, Y float64
		N    int64
	}
	p := plan(t, new(Compiler), reflect.TypeFor[numbers]())
	var in, out numbers
	var e Encoder
	var d Decoder
	if n := testing.AllocsPerRun(10, func() {
		e.Buf = e.Buf[:0]
		_ = p.Encode(&e, unsafe.Pointer(&in))
		d.Buf = e.Buf
		_ = p.Decode(&d, unsafe.Pointer(&out))
	}); n > 0 {
		t.Errorf("encoding and decoding takes memory %v times", n)
	}
}
