package codec

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func register(t testing.TB, c *Compiler, types ...reflect.Type) {
	t.Helper()
	for _, typ := range types {
		if err := c.Register(typ); err != nil {
			t.Fatalf("Register(%v) = %v", typ, err)
		}
	}
}

// The shapes that a value in an interface can have: a word in the interface
// itself, or memory that it points to.
type (
	complaint struct{ Text string }
	onePtr    struct{ P *int }
	padPtr    struct {
		_ struct{}
		P *int
	}
	oneMap      [1]map[string]int
	ptrs        struct{ P, Q *int }
	box         struct{ V any }
	pair[T any] struct{ A, B T }
)

func (c *complaint) Error() string { return c.Text }
func (p point) String() string     { return fmt.Sprint(p.X, ",", p.Y) }

var dynamicTypes = []reflect.Type{
	reflect.TypeFor[*complaint](), reflect.TypeFor[onePtr](), reflect.TypeFor[oneMap](), reflect.TypeFor[ptrs](),
	reflect.TypeFor[box](), reflect.TypeFor[*box](), reflect.TypeFor[pair[point]](), reflect.TypeFor[point](),
	reflect.TypeFor[*point](), reflect.TypeFor[struct{}](), reflect.TypeFor[[3]any](), reflect.TypeFor[named](),
	reflect.TypeFor[map[any]any](), reflect.TypeFor[*big.Int](), reflect.TypeFor[big.Int](),
	reflect.TypeFor[map[string]int](), reflect.TypeFor[*any](), reflect.TypeFor[[1 << 10]int](),
}

func TestValuesInInterfacesComeBackAsTheyWere(t *testing.T) {
	watchdog.Start(t)
	n := 5
	var err error = &complaint{"c"}
	var inner any = "inner"
	var c Compiler
	register(t, &c, dynamicTypes...)
	for _, v := range []any{
		new(any), new(error), new([]any), &err, &[]error{nil, err}, &[2]fmt.Stringer{point{1, 2}, time.Second},
		&struct {
			V any
			E error
			N int
		}{&complaint{"v"}, err, 1},
		&map[string]any{"a": 1, "nil": nil, "list": []any{true, 2.5, "s", map[string]any{}}},
		&map[any]any{1: "int", "1": "string", point{1, 1}: nil, [3]any{1}: named(2)},
		&[]any{
			false, 1, int8(2), int16(3), int32(4), int64(5), uint(6), uint8(7), uint16(8), uint32(9), uint64(10),
			float32(1.5), 2.5, complex64(1i), complex(1, 2), "text", []byte("bytes"), []int{1}, []string{"s"},
			[]bool(nil), []any{nil}, time.Unix(1, 2).UTC(), []time.Time{}, 3 * time.Second, []time.Duration{1},
		},
		&[]any{
			&complaint{"p"}, (*complaint)(nil), onePtr{&n}, onePtr{}, oneMap{{"k": 1}}, oneMap{}, ptrs{&n, nil},
			box{box{box{1}}}, &box{&box{}}, pair[point]{point{1, 2}, point{3, 4}}, point{5, 6}, &point{7, 8},
			struct{}{}, [3]any{1, nil, "x"}, named(9), map[any]any{}, big.NewInt(11), *big.NewInt(12),
			map[string]int(nil), &inner, [1 << 10]int{1 << 9: 3},
		},
	} {
		p := plan(t, &c, reflect.TypeOf(v).Elem())
		b, err := encode(p, reflect.ValueOf(v))
		if err != nil {
			t.Errorf("Encode(%#v) = %v", v, err)
			continue
		}
		out, err := decode(p, b)
		if err != nil || !reflect.DeepEqual(out.Interface(), v) {
			t.Errorf("%#v came back as %#v, %v", v, out.Elem(), err)
		}
		if _, err := decode(p, b[:len(b)-1]); err == nil {
			t.Errorf("Decode(%T) of a byte less = nil; want an error", v)
		}
	}
}

// A struct may be a word in an interface although it has several fields.
func TestAddressOfValueInInterface(t *testing.T) {
	n := 5
	for _, v := range []any{
		&n, onePtr{&n}, padPtr{P: &n}, oneMap{{"k": 1}}, ptrs{&n, nil}, point{1, 2}, struct{}{}, 7,
		map[string]int{"k": 1}, [1]*int{&n}, [1]onePtr{{&n}}, struct{ F [1]padPtr }{[1]padPtr{{P: &n}}},
	} {
		typ := reflect.TypeOf(v)
		// padPtr can't travel, so the form is made without a plan.
		f := newForm(new(op), typ)
		got := reflect.NewAt(typ, f.address(v, unsafe.Pointer(&v))).Elem()
		if !reflect.DeepEqual(got.Interface(), v) {
			t.Errorf("%T in an interface has its address taken for that of %v", v, got)
		}
		again := reflect.New(typ)
		again.Elem().Set(got)
		if back := f.boxed(again.UnsafePointer()); !reflect.DeepEqual(back, v) {
			t.Errorf("%T was put into an interface as %v", v, back)
		}
	}
}

func TestUnregisteredTypeIsAnErrorWithTheLineToAdd(t *testing.T) {
	var c Compiler
	for _, tt := range []struct {
		v    any
		want string
	}{
		{&[]any{point{}}, "codec.point stands in an interface and is not registered: " +
			"add ipc.Register[codec.point]() to an init function"},
		{&[]error{&complaint{}}, "ipc.Register[*codec.complaint]()"},
		{&struct{ V any }{make(chan int)}, "ipc.Register[chan int]()"},
		{&[]any{[]point{}}, "ipc.Register[[]codec.point]()"},
	} {
		p := plan(t, &c, reflect.TypeOf(tt.v).Elem())
		if _, err := encode(p, reflect.ValueOf(tt.v)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Encode(%#v) = %v; want %q in it", tt.v, err, tt.want)
		}
	}
	register(t, &c, reflect.TypeFor[point]())
	p := plan(t, &c, reflect.TypeFor[any]())
	var in any = point{1, 2}
	if _, err := encode(p, reflect.ValueOf(&in)); err != nil {
		t.Errorf("Encode() of the same type once it is registered = %v; want nil", err)
	}
}

// A child does not compile what it registers.
func TestRegisteredTypeThatCannotTravelIsAnErrorWhenItDoes(t *testing.T) {
	var c Compiler
	register(t, &c, reflect.TypeFor[chan int](), reflect.TypeFor[struct{ F func() }]())
	p := plan(t, &c, reflect.TypeFor[any]())
	var in any = struct{ F func() }{}
	if _, err := encode(p, reflect.ValueOf(&in)); err == nil || !strings.Contains(err.Error(), ".F can't travel") {
		t.Errorf("Encode() = %v; want that F can't travel", err)
	}
	if _, err := decode(p, []byte("\x08chan int\x00")); err == nil || !strings.Contains(err.Error(), "can't travel") {
		t.Errorf("Decode() = %v; want that it can't travel", err)
	}
}

func TestRegisterRefusesInterfacesAndSecondTypesOfAName(t *testing.T) {
	var c Compiler
	first := func() reflect.Type { type twin struct{ A int }; return reflect.TypeFor[twin]() }()
	second := func() reflect.Type { type twin struct{ A int }; return reflect.TypeFor[twin]() }()
	register(t, &c, first, first, reflect.SliceOf(first), reflect.TypeFor[int](), reflect.TypeFor[[]int]())
	for typ, want := range map[reflect.Type]string{
		second:                          "two types with the name github.com/mpbox/mpbox/ipc/internal/codec.twin",
		reflect.SliceOf(second):         "two types with the name []github.com/mpbox/mpbox/ipc/internal/codec.twin",
		reflect.TypeFor[any]():          "is an interface",
		reflect.TypeFor[error]():        "is an interface",
		reflect.TypeFor[fmt.Stringer](): "is an interface",
	} {
		if err := c.Register(typ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Register(%v) = %v; want %q in it", typ, err, want)
		}
	}
}

func TestBasicTypesHaveTheirNames(t *testing.T) {
	for _, b := range basic {
		if want := typeName(reflect.TypeOf(b.typ).Elem()); b.name != want {
			t.Errorf("%T is listed as %q; want %q", b.typ, b.name, want)
		}
	}
}

func TestTypeNamesTellPackagesApart(t *testing.T) {
	const here = "github.com/mpbox/mpbox/ipc/internal/codec."
	for typ, want := range map[reflect.Type]string{
		reflect.TypeFor[int]():                "int",
		reflect.TypeFor[[]byte]():             "[]uint8",
		reflect.TypeFor[point]():              here + "point",
		reflect.TypeFor[*point]():             "*" + here + "point",
		reflect.TypeFor[map[point][]*point](): "map[" + here + "point][]*" + here + "point",
		reflect.TypeFor[[2]time.Time]():       "[2]time.Time",
		reflect.TypeFor[pair[point]]():        here + "pair[" + here + "point]",
		reflect.TypeFor[map[string]any]():     "map[string]interface {}",
		reflect.TypeFor[[]error]():            "[]error",
	} {
		if got := typeName(typ); got != want {
			t.Errorf("typeName(%v) = %q; want %q", typ, got, want)
		}
	}
}

func TestBadMessagesForInterfacesAreErrors(t *testing.T) {
	var c Compiler
	register(t, &c, dynamicTypes...)
	register(t, &c, reflect.TypeFor[wide]())
	const here = "github.com/mpbox/mpbox/ipc/internal/codec."
	name := func(s string) string { return string(appendUint(nil, uint64(len(s)))) + s }
	for _, tt := range []struct {
		v    any
		b    string
		want string
	}{
		{new(any), "", errShort.Error()},
		{new(any), "\x05", errShort.Error()},
		{new(any), "\x03int", errShort.Error()},
		{new(any), name("no such type") + "\x00", `type "no such type", which is not registered`},
		{new(any), name(strings.Repeat("long", 1000)), `lon"...`[3:]},
		{new(any), name(here+"point") + "1234", errShort.Error()},
		{new(any), name(here+"wide") + "1234", errShort.Error()},
		{new(error), name("int") + "12345678", "value of type int for a error"},
		{new(error), name(here+"point") + "12345678", "value of type " + here + "point for a error"},
		{new(fmt.Stringer), name("*"+here+"complaint") + "\x00", "for a fmt.Stringer"},
		{new(map[any]int), "\x02" + name("[]int") + "\x00" + "12345678", errValue.Error()},
		{new(map[any]int), "\x02" + name("[3]interface {}") + name("[]int") + "\x01\x00\x00" + "12345678", errValue.Error()},
		{new(map[box]int), "\x02" + name("map[string]int") + "\x00" + "12345678", errValue.Error()},
		{new(any), strings.Repeat(name("[3]interface {}"), maxDepth+1), errDepth.Error()},
		{new(any), strings.Repeat(name(here+"box"), maxDepth+1) + "\x00", errDepth.Error()},
	} {
		p := plan(t, &c, reflect.TypeOf(tt.v).Elem())
		if _, err := decode(p, []byte(tt.b)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Decode(%.80q) as %T = %v; want %q in it", tt.b, tt.v, err, tt.want)
		}
	}
}

func TestCyclicValueInInterfaceIsAnError(t *testing.T) {
	watchdog.Start(t)
	var c Compiler
	register(t, &c, dynamicTypes...)
	self := map[string]any{}
	self["me"] = self
	round := &box{}
	round.V = round
	var loop any
	loop = &loop
	for _, v := range []any{self, round, loop} {
		p := plan(t, &c, reflect.TypeFor[any]())
		if _, err := encode(p, reflect.ValueOf(&v)); err != errDepth {
			t.Errorf("Encode() of a %T in itself = %v; want errDepth", v, err)
		}
	}
}

func TestDecodeReplacesWhatWasInInterface(t *testing.T) {
	var c Compiler
	type both struct {
		V any
		E error
	}
	out := both{1, &complaint{}}
	p := plan(t, &c, reflect.TypeFor[both]())
	if err := p.Decode(&Decoder{Buf: []byte{0, 0}}, unsafe.Pointer(&out)); err != nil || out.V != nil || out.E != nil {
		t.Errorf("Decode() = %v, %+v; want the zero value", err, out)
	}
}

// scribbler's marshalling changes it.
type scribbler struct{ N int }

func (s *scribbler) MarshalBinary() ([]byte, error) { s.N++; return []byte{byte(s.N)}, nil }
func (s *scribbler) UnmarshalBinary(b []byte) error { s.N = int(b[0]); return nil }

// Constants in interfaces lie in memory that can't be written.
func TestMarshallingCannotChangeWhatIsInInterface(t *testing.T) {
	var c Compiler
	register(t, &c, reflect.TypeFor[scribbler](), reflect.TypeFor[pair[scribbler]]())
	p := plan(t, &c, reflect.TypeFor[[]any]())
	in := []any{scribbler{1}, pair[scribbler]{scribbler{2}, scribbler{3}}}
	b, err := encode(p, reflect.ValueOf(&in))
	if err != nil {
		t.Fatal(err)
	}
	if want := []any{scribbler{1}, pair[scribbler]{scribbler{2}, scribbler{3}}}; !reflect.DeepEqual(in, want) {
		t.Errorf("Encode() made %v of %v", in, want)
	}
	want := []any{scribbler{2}, pair[scribbler]{scribbler{3}, scribbler{4}}}
	if out, err := decode(p, b); err != nil || !reflect.DeepEqual(out.Elem().Interface(), want) {
		t.Errorf("Decode() = %v, %v; want %v", out.Elem(), err, want)
	}
}

func TestTypesAreRegisteredWhileOthersTravel(t *testing.T) {
	watchdog.Start(t)
	var c Compiler
	p := plan(t, &c, reflect.TypeFor[any]())
	var wg sync.WaitGroup
	for _, typ := range dynamicTypes {
		wg.Go(func() {
			register(t, &c, typ)
			v := reflect.Zero(typ).Interface()
			p.Hooked()
			if b, err := encode(p, reflect.ValueOf(&v)); err != nil {
				t.Errorf("Encode(%v) = %v", typ, err)
			} else if out, err := decode(p, b); err != nil || !reflect.DeepEqual(out.Elem().Interface(), v) {
				t.Errorf("%v came back as %v, %v", typ, out.Elem(), err)
			}
		})
	}
	wg.Wait()
}
