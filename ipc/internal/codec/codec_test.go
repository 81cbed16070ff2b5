package codec

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func plan(t testing.TB, c *Compiler, typ reflect.Type) *Plan {
	t.Helper()
	p, err := c.Compile(typ)
	if err != nil {
		t.Fatalf("Compile(%v) = %v", typ, err)
	}
	return p
}

// encode is v, a pointer, in bytes.
func encode(p *Plan, v reflect.Value) ([]byte, error) {
	var e Encoder
	err := p.Encode(&e, v.UnsafePointer())
	return e.Buf, err
}

// decode is a pointer to the value in b.
func decode(p *Plan, b []byte) (reflect.Value, error) {
	v := reflect.New(p.typ)
	err := p.Decode(&Decoder{Buf: b}, v.UnsafePointer())
	return v, err
}

type (
	named  uint16
	list   []list
	chain  struct{ Next *chain }
	tree   struct{ Kids map[string]*tree }
	point  struct{ X, Y int32 }
	padded struct {
		A byte
		B int64
		C byte
	}
	mixed struct {
		Name  string
		Tags  []string
		Attrs map[string][]int
		At    time.Time
		For   time.Duration
		Where *point
		Grid  [2][3]bool
		Words [2]string
		Deep  struct{ In struct{ Here bool } }
		Big   big.Int
		Bigs  []*big.Int
	}
)

func TestValuesComeBackAsTheyWere(t *testing.T) {
	watchdog.Start(t)
	n := 5
	pn := &n
	for _, v := range []any{
		true, false,
		int(-1), int8(-128), int16(-300), int32(1 << 30), int64(math.MinInt64),
		uint(1), uint8(255), uint16(1 << 15), uint32(1 << 31), uint64(math.MaxUint64),
		float32(1.5), math.Inf(-1), math.Copysign(0, -1), complex64(1 + 2i), complex(math.Pi, -1),
		"", "x", "a\x00b\xff", strings.Repeat("long", 100000),
		named(7), time.Duration(-3), struct{}{}, [0]string{}, [3]struct{}{},
		[]int(nil), []int{}, []int{1, 2, 3}, []byte("bytes"), []string(nil), []string{}, []string{"", "b"},
		[]struct{}(nil), []struct{}{}, make([]struct{}, 1<<20), [][]int{nil, {}, {1}},
		[]bool{true, false}, [2]bool{false, true}, [3]int{1, 2, 3}, [2][2]string{{"a"}, {"b", "c"}},
		map[string]int(nil), map[string]int{}, map[string]int{"a": 1, "": 2},
		map[point]string{{1, 2}: "p"}, map[[2]string]bool{{"a", "b"}: true}, map[struct{}]int{{}: 4},
		map[struct{}]struct{}{{}: {}}, map[struct{}]struct{}{}, map[int]map[int]bool{1: nil, 2: {}, 3: {3: true}},
		(*int)(nil), pn, &pn, (**int)(nil), new(*int), []*int{nil, pn},
		point{1, -2}, padded{1, 2, 3}, []padded{{1, 2, 3}, {4, 5, 6}}, &point{3, 4},
		list(nil), list{}, list{nil, {}, {{nil}}},
		chain{}, chain{&chain{&chain{}}}, &tree{map[string]*tree{"a": nil, "b": {}, "c": {map[string]*tree{}}}},
		*big.NewInt(-12345), big.NewInt(7), *new(big.Int).Lsh(big.NewInt(1), 1000), (*big.Int)(nil),
		mixed{},
		mixed{
			Name: "n", Tags: []string{"t"}, Attrs: map[string][]int{"k": {1}, "nil": nil},
			At: time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC), For: time.Hour, Where: &point{5, 6},
			Grid: [2][3]bool{{true}}, Words: [2]string{"v", "w"}, Big: *big.NewInt(9),
			Bigs: []*big.Int{nil, big.NewInt(1)},
		},
	} {
		t.Run(fmt.Sprintf("%T", v), func(t *testing.T) {
			in := reflect.New(reflect.TypeOf(v))
			in.Elem().Set(reflect.ValueOf(v))
			p := plan(t, new(Compiler), in.Type().Elem())
			b, err := encode(p, in)
			if err != nil {
				t.Fatalf("Encode(%v) = %v", v, err)
			}
			out, err := decode(p, b)
			if err != nil {
				t.Fatalf("Decode() = %v", err)
			}
			if !reflect.DeepEqual(in.Interface(), out.Interface()) {
				t.Errorf("%#v came back as %#v", v, out.Elem())
			}
			// What is a byte short or long is never taken for the value.
			if len(b) > 0 {
				if _, err := decode(p, b[:len(b)-1]); err == nil {
					t.Errorf("Decode() of a byte less = nil; want an error")
				}
			}
			if _, err := decode(p, append(b, 0)); err == nil {
				t.Errorf("Decode() of a byte more = nil; want an error")
			}
		})
	}
}

func TestNotANumberComesBack(t *testing.T) {
	in := math.Float64frombits(0x7ff8_0000_dead_beef)
	p := plan(t, new(Compiler), reflect.TypeFor[float64]())
	b, _ := encode(p, reflect.ValueOf(&in))
	out, err := decode(p, b)
	if err != nil || math.Float64bits(out.Elem().Float()) != math.Float64bits(in) {
		t.Errorf("NaN came back as %#x, %v", math.Float64bits(out.Elem().Float()), err)
	}
}

func TestTimeComesBackAsTheSameInstant(t *testing.T) {
	zone := time.FixedZone("somewhere", 5*3600+1800)
	for _, in := range []time.Time{{}, time.Now(), time.Now().In(zone), time.Unix(-1, 999)} {
		p := plan(t, new(Compiler), reflect.TypeFor[time.Time]())
		b, err := encode(p, reflect.ValueOf(&in))
		if err != nil {
			t.Fatalf("Encode(%v) = %v", in, err)
		}
		out, err := decode(p, b)
		if got := out.Interface().(*time.Time); err != nil || !got.Equal(in) {
			t.Errorf("%v came back as %v, %v", in, got, err)
		}
	}
}

func TestDecodedValueSharesNothingWithMessage(t *testing.T) {
	type all struct {
		S string
		B []byte
		L []string
	}
	in := all{"str", []byte("byt"), []string{"lst"}}
	p := plan(t, new(Compiler), reflect.TypeFor[all]())
	b, _ := encode(p, reflect.ValueOf(&in))
	out, err := decode(p, b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if !reflect.DeepEqual(out.Elem().Interface(), in) {
		t.Errorf("decoded value changed with the message: %v", out.Elem())
	}
}

func TestDecodeReplacesWhatWasThere(t *testing.T) {
	type all struct {
		M map[int]int
		S []string
		P *int
	}
	n := 1
	out := all{map[int]int{1: 1}, []string{"old"}, &n}
	p := plan(t, new(Compiler), reflect.TypeFor[all]())
	b, _ := encode(p, reflect.ValueOf(&all{}))
	if err := p.Decode(&Decoder{Buf: b}, unsafe.Pointer(&out)); err != nil || !reflect.DeepEqual(out, all{}) {
		t.Errorf("Decode() = %v, %+v; want the zero value", err, out)
	}
}

func TestPlansAreMadeByManyGoroutines(t *testing.T) {
	watchdog.Start(t)
	var c Compiler
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				p, err := c.Compile(reflect.TypeFor[mixed]())
				if err != nil {
					t.Errorf("Compile() = %v", err)
					return
				}
				in := mixed{Name: "n", Tags: []string{"t"}}
				if b, err := encode(p, reflect.ValueOf(&in)); err != nil {
					t.Errorf("Encode() = %v", err)
				} else if _, err := decode(p, b); err != nil {
					t.Errorf("Decode() = %v", err)
				}
				_, _ = c.Compile(reflect.TypeFor[struct{ C chan int }]())
			}
		})
	}
	wg.Wait()
}
