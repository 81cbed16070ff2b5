package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"runtime"
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
		{new(any), []string{"is a interface"}},
		{new(uintptr), []string{"is a uintptr"}},
		{new(unsafe.Pointer), []string{"is a unsafe.Pointer"}},
		{new(inner), []string{"codec.inner.Done", "chan"}},
		{new([]inner), []string{"[]codec.inner[].Done", "chan"}},
		{new([2]inner), []string{"[].Done", "chan"}},
		{new(map[string]inner), []string{"[].Done", "chan"}},
		{new(struct{ M map[struct{ F *error }]int }), []string{".M[key].F", "interface"}},
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

// ticket is what the hook of the tests knows: it travels as a number.
type ticket struct{ n uint64 }

type hookLog struct{ matched, encoded, decoded int }

func hooked(log *hookLog) *Compiler {
	return &Compiler{Hook: Hook{
		Match: func(t reflect.Type) bool {
			log.matched++
			return t == reflect.TypeFor[*ticket]()
		},
		Encode: func(e *Encoder, v reflect.Value) error {
			log.encoded++
			if v.IsNil() {
				return e.Context.(error)
			}
			e.PutUint(v.Interface().(*ticket).n)
			return nil
		},
		Decode: func(d *Decoder, v reflect.Value) error {
			log.decoded++
			n, err := d.Uint()
			if n == 99 {
				return d.Context.(error)
			}
			v.Set(reflect.ValueOf(&ticket{n}))
			return err
		},
	}}
}

func TestHookStandsForItsTypes(t *testing.T) {
	var log hookLog
	type args struct {
		T  *ticket
		Ts []*ticket
		M  map[string]*ticket
		A  [2]*ticket
		N  int
	}
	c := hooked(&log)
	p := plan(t, c, reflect.TypeFor[args]())
	matched := log.matched
	in := args{&ticket{1}, []*ticket{{2}, {3}}, map[string]*ticket{"k": {4}}, [2]*ticket{{5}, {6}}, 7}
	b, err := encode(p, reflect.ValueOf(&in))
	if err != nil {
		t.Fatalf("Encode() = %v", err)
	}
	out, err := decode(p, b)
	if err != nil || !reflect.DeepEqual(out.Interface(), &in) {
		t.Errorf("Decode() = %v, %v", out.Elem(), err)
	}
	if log.encoded != 6 || log.decoded != 6 {
		t.Errorf("hook encoded %d and decoded %d values; want 6 and 6", log.encoded, log.decoded)
	}
	if plan(t, c, reflect.TypeFor[args]()); log.matched != matched {
		t.Errorf("hook was asked again for a type it was asked for")
	}
}

func TestHookGetsTheContext(t *testing.T) {
	var log hookLog
	errContext := errors.New("context")
	p := plan(t, hooked(&log), reflect.TypeFor[*ticket]())
	var in *ticket
	e := Encoder{Context: errContext}
	if err := p.Encode(&e, unsafe.Pointer(&in)); err != errContext {
		t.Errorf("Encode() = %v; want what the hook found in the context", err)
	}
	d := Decoder{Buf: []byte{99}, Context: errContext}
	if err := p.Decode(&d, unsafe.Pointer(&in)); err != errContext {
		t.Errorf("Decode() = %v; want what the hook found in the context", err)
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
