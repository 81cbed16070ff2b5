package codec

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"
	"unsafe"
)

// BenchmarkRoundTrip encodes a value and decodes it, in buffers that are used
// again.
func BenchmarkRoundTrip(b *testing.B) {
	type numbers struct {
		A, B int64
		X, Y float64
		N    int64
	}
	type mixed struct {
		N    int64
		Name string
		X, Y float64
		Tags []string
	}
	row := mixed{1, "a name", 2, 3, []string{"one", "two", "three"}}
	benchmarkRoundTrip(b, "int", 5)
	benchmarkRoundTrip(b, "string=16B", "sixteen bytes ..")
	benchmarkRoundTrip(b, "bytes=64B", make([]byte, 64))
	benchmarkRoundTrip(b, "plain=40B", numbers{1, 2, 3, 4, 5})
	benchmarkRoundTrip(b, "mixed", row)
	benchmarkRoundTrip(b, "slice=4mixed", []mixed{row, row, row, row})
	benchmarkRoundTrip(b, "pointer", &numbers{})
	benchmarkRoundTrip(b, "map=4", map[string]int{"a": 1, "b": 2, "c": 3, "d": 4})
	benchmarkRoundTrip(b, "time", time.Unix(1, 2))
	benchmarkRoundTrip(b, "any=int", any(5))
	benchmarkRoundTrip(b, "any=string", any("sixteen bytes .."))
	benchmarkRoundTrip(b, "any=struct", any(point{1, 2}))
	benchmarkRoundTrip(b, "stringer", fmt.Stringer(point{1, 2}))
	benchmarkRoundTrip(b, "tree", map[string]any{"a": 1, "b": "two", "c": []any{3.0, true, nil}})
}

func benchmarkRoundTrip[T any](b *testing.B, name string, v T) {
	b.Run(name, func(b *testing.B) {
		var c Compiler
		register(b, &c, reflect.TypeFor[point]())
		p := plan(b, &c, reflect.TypeFor[T]())
		var e Encoder
		var d Decoder
		var out T
		b.ReportAllocs()
		for b.Loop() {
			e.Buf = e.Buf[:0]
			if err := p.Encode(&e, unsafe.Pointer(&v)); err != nil {
				b.Fatal(err)
			}
			d.Buf = e.Buf
			if err := p.Decode(&d, unsafe.Pointer(&out)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBigBytes shows what the two ways without copies spare.
func BenchmarkBigBytes(b *testing.B) {
	p := plan(b, new(Compiler), reflect.TypeFor[[]byte]())
	in := make([]byte, 1<<20)
	message, _ := encode(p, reflect.ValueOf(&in))
	var e Encoder
	var out []byte
	scratch := make([]byte, 16)
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("encode", func() error { e.Buf = e.Buf[:0]; return p.Encode(&e, unsafe.Pointer(&in)) })
	run("parts", func() error {
		if _, _, ok := p.Parts(unsafe.Pointer(&in), scratch); !ok {
			return errors.New("no parts")
		}
		return nil
	})
	run("decode", func() error { return p.Decode(&Decoder{Buf: message}, unsafe.Pointer(&out)) })
	run("alias", func() error { return p.Decode(&Decoder{Buf: message, Alias: true}, unsafe.Pointer(&out)) })
}
