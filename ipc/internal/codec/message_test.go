package codec

import (
	"bytes"
	"math"
	"math/big"
	"reflect"
	"runtime"
	"testing"
	"time"
)

func TestBadMessagesAreErrors(t *testing.T) {
	for _, tt := range []struct {
		v    any
		b    []byte
		want error
	}{
		{false, nil, errShort},
		{false, []byte{2}, errValue},
		{(*int)(nil), []byte{2}, errValue},
		{(*int)(nil), []byte{1}, errShort},
		{0, []byte{1, 2, 3}, errShort},
		{"", nil, errShort},
		{"", []byte{1}, errShort},
		{"", []byte{0x80}, errShort},
		{"", bytes.Repeat([]byte{0xff}, 20), errShort},
		{[]int(nil), []byte{2}, errShort},
		{[]string(nil), []byte{3, 0}, errShort},
		{map[int]int(nil), []byte{2}, errShort},
		{map[string]string(nil), []byte{2, 0}, errShort},
		{time.Time{}, []byte{5, 1}, errShort},
		{[2]string{}, []byte{0}, errShort},
		{struct{ A, B string }{}, []byte{0}, errShort},
	} {
		p := plan(t, new(Compiler), reflect.TypeOf(tt.v))
		if _, err := decode(p, tt.b); err != tt.want {
			t.Errorf("Decode(% x) as %T = %v; want %v", tt.b, tt.v, err, tt.want)
		}
	}
}

func TestNumbersComeBackInFewBytes(t *testing.T) {
	for _, v := range []uint64{0, 1, 127, 128, 1 << 14, 1<<32 - 1, 1 << 63, math.MaxUint64} {
		var e Encoder
		e.PutUint(v)
		if v < 128 && len(e.Buf) != 1 {
			t.Errorf("PutUint(%d) takes %d bytes; want 1", v, len(e.Buf))
		}
		d := Decoder{Buf: e.Buf}
		if got, err := d.Uint(); got != v || err != nil || len(d.Buf) != 0 {
			t.Errorf("Uint() = %d, %v, %d bytes left; want %d, nil, 0", got, err, len(d.Buf), v)
		}
	}
}

type wide struct{ Flags [1 << 16]bool }

// A length alone takes no memory.
func TestLengthTakesNoMemory(t *testing.T) {
	huge := [][]byte{
		{0xff, 0xff, 0xff, 0xff, 0x7f}, // 2^35
		{0xff, 0xff, 0xff, 0x7f},       // 2^28
		{0xfe, 0xff, 0xff, 0xff, 0x07}, // 2^31-2
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
	}
	for _, v := range []any{
		"", []byte{}, []string{}, []int{}, []wide{}, []*int{}, [][]int{}, list{}, []map[int]int{},
		map[int]wide{}, map[string]string{}, time.Time{}, big.Int{}, []time.Time{}, []struct{}{},
		map[struct{}]struct{}{},
	} {
		p := plan(t, new(Compiler), reflect.TypeOf(v))
		for _, head := range huge {
			b := append(head, make([]byte, 500)...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = decode(p, b)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("Decode() of %d bytes as %T takes %d bytes of memory", len(b), v, n)
			}
		}
	}
}
