package codec

import (
	"bytes"
	"math/big"
	"reflect"
	"runtime"
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
}

// Any bytes give an error or a value, take no more memory than they account
// for, and a value comes back as it was.
func FuzzDecode(f *testing.F) {
	var c Compiler
	for i, typ := range fuzzedTypes {
		b, err := encode(plan(f, &c, typ), reflect.New(typ))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b)
	}
	full := fuzzed{true, "s", []uint16{1}, []string{"l"}, map[string]uint8{"m": 1}, &fuzzed{},
		[2][]bool{{true}, {}}, list{{}, nil}, struct{ X, Y int32 }{1, 2}, make([]struct{}, 3)}
	b, err := encode(plan(f, &c, fuzzedTypes[0]), reflect.ValueOf(&full))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), b)
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		p := plan(t, &c, fuzzedTypes[int(which)%len(fuzzedTypes)])
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, err := decode(p, bytes.Clone(b))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(1<<20+len(b)*500) {
			t.Fatalf("Decode() of %d bytes takes %d bytes of memory", len(b), n)
		}
		if err != nil {
			return
		}
		again, err := encode(p, v)
		if err != nil {
			if p.typ == reflect.TypeFor[time.Time]() {
				return // it decodes offsets that it refuses to encode
			}
			t.Fatalf("Encode() of what was decoded = %v", err)
		}
		w, err := decode(p, again)
		if err != nil {
			t.Fatalf("Decode() of what was encoded = %v", err)
		}
		if x, ok := v.Interface().(*time.Time); ok {
			if !x.Equal(*w.Interface().(*time.Time)) {
				t.Fatalf("%v came back as %v", v.Elem(), w.Elem())
			}
		} else if !reflect.DeepEqual(v.Interface(), w.Interface()) {
			t.Fatalf("%#v came back as %#v", v.Elem(), w.Elem())
		}
	})
}
