package codec

import (
	"bytes"
	"math/big"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

type fuzzed struct {
	B bool
	S string
	N []uint16
	L []string
	M map[string]uint8
	P *fuzzed
	A [2][]bool
	K list
	D struct{ X, Y int32 }
	E []struct{}
	V any
}

// The plans that arbitrary bytes are put into.
var fuzzedTypes = []reflect.Type{
	reflect.TypeFor[fuzzed](),
	reflect.TypeFor[[]fuzzed](),
	reflect.TypeFor[map[int16]map[string]*string](),
	reflect.TypeFor[list](),
	reflect.TypeFor[[]*big.Int](),
	reflect.TypeFor[time.Time](),
	reflect.TypeFor[map[struct{}]struct{}](),
	reflect.TypeFor[[3]padded](),
	reflect.TypeFor[*tree](),
	reflect.TypeFor[string](),
	reflect.TypeFor[any](),
	reflect.TypeFor[[]error](),
	reflect.TypeFor[map[any]*any](),
	reflect.TypeFor[[]byte](),
	reflect.TypeFor[[]point](),
	reflect.TypeFor[letter](),
}

// fuzzCompiler knows what may stand in their interfaces.
func fuzzCompiler(f *testing.F) *Compiler {
	c := new(Compiler)
	register(f, c, reflect.TypeFor[fuzzed](), reflect.TypeFor[*complaint](), reflect.TypeFor[point](),
		reflect.TypeFor[oneMap](), reflect.TypeFor[*box](), reflect.TypeFor[map[any]any](), reflect.TypeFor[*big.Int]())
	return c
}

// Any bytes give an error or a value, take no more memory than they account
// for, and a value comes back as it was.
func FuzzDecode(f *testing.F) {
	c := fuzzCompiler(f)
	for i, typ := range fuzzedTypes {
		b, err := encode(plan(f, c, typ), reflect.New(typ))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b)
	}
	var dynamic any = map[any]any{"k": []any{1, "s", &box{point{1, 2}}, oneMap{}, &complaint{}, big.NewInt(3)}}
	full := fuzzed{true, "s", []uint16{1}, []string{"l"}, map[string]uint8{"m": 1}, &fuzzed{},
		[2][]bool{{true}, {}}, list{{}, nil}, struct{ X, Y int32 }{1, 2}, make([]struct{}, 3), dynamic}
	for i, v := range map[uint8]any{
		0: &full, 10: &dynamic, 11: &[]error{&complaint{"c"}}, 13: new(make([]byte, minAlias)),
		14: new(make([]point, minAlias)), 15: &letter{"h", make([]byte, minAlias), "t"},
	} {
		b, err := encode(plan(f, c, reflect.TypeOf(v).Elem()), reflect.ValueOf(v))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, b)
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		p := plan(t, c, fuzzedTypes[int(which)%len(fuzzedTypes)])
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, err := decode(p, bytes.Clone(b))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(1<<20+len(b)*500) {
			t.Fatalf("Decode() of %d bytes takes %d bytes of memory", len(b), n)
		}
		if err == nil {
			comesBack(t, p, v, b)
		}
	})
}

// comesBack checks that v is always what b is decoded to, and what it is
// encoded and decoded to.
func comesBack(t *testing.T, p *Plan, v reflect.Value, b []byte) {
	if again, err := decode(p, b); err != nil {
		t.Fatalf("Decode() again = %v", err)
	} else if !same(v, again) {
		return // not a number is not equal to itself
	}
	w := reflect.New(p.typ)
	if err := p.Decode(&Decoder{Buf: bytes.Clone(b), Alias: true}, w.UnsafePointer()); err != nil || !same(v, w) {
		t.Fatalf("Decode() with Alias = %#v, %v; want %#v", w.Elem(), err, v.Elem())
	}
	encoded, err := encode(p, v)
	if err != nil {
		if strings.HasPrefix(err.Error(), "Time.MarshalBinary:") {
			return // it decodes offsets that it refuses to encode
		}
		t.Fatalf("Encode() of what was decoded = %v", err)
	}
	if w, err := decode(p, encoded); err != nil || !same(v, w) {
		t.Fatalf("%#v came back as %#v, %v", v.Elem(), w.Elem(), err)
	}
	if head, body, ok := p.Parts(w.UnsafePointer(), nil); ok {
		if !bytes.Equal(slices.Concat(head, body), encoded) {
			t.Fatalf("Parts() = % x, % x; want % x", head, body, encoded)
		}
	}
}

func same(v, w reflect.Value) bool {
	if at, ok := v.Interface().(*time.Time); ok {
		return at.Equal(*w.Interface().(*time.Time))
	}
	return reflect.DeepEqual(v.Interface(), w.Interface())
}
