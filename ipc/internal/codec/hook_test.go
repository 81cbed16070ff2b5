package codec

import (
	"errors"
	"reflect"
	"testing"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

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

// trunk and branch contain each other, and a ticket.
type (
	trunk  struct{ Branches []branch }
	branch struct {
		Back *trunk
		T    map[string]*ticket
	}
)

type holder interface{ hold() }

// The types that implement holder.
type (
	heldTicket  struct{ T *ticket }
	heldNothing struct{ N int }
)

func (heldTicket) hold()  {}
func (heldNothing) hold() {}

func TestHookedTellsPlansThatMayUseTheHook(t *testing.T) {
	watchdog.Start(t)
	c := hooked(new(hookLog))
	ask := func(typ reflect.Type, want bool) {
		t.Helper()
		p := plan(t, c, typ)
		for range 2 {
			if got := p.Hooked(); got != want {
				t.Errorf("Hooked() of %v = %v; want %v", typ, got, want)
			}
		}
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[int](), reflect.TypeFor[*chain](), reflect.TypeFor[list](), reflect.TypeFor[mixed](),
		reflect.TypeFor[tree](), reflect.TypeFor[[0]*ticket](), reflect.TypeFor[any](), reflect.TypeFor[[]error](),
		reflect.TypeFor[holder](),
	} {
		ask(typ, false)
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[*ticket](), reflect.TypeFor[[]*ticket](), reflect.TypeFor[[2]*ticket](),
		reflect.TypeFor[**ticket](), reflect.TypeFor[map[*ticket]int](), reflect.TypeFor[map[int]*ticket](),
		reflect.TypeFor[trunk](), reflect.TypeFor[*branch](), reflect.TypeFor[struct{ T heldTicket }](),
	} {
		ask(typ, true)
	}
	register(t, c, reflect.TypeFor[heldNothing](), reflect.TypeFor[chan int]())
	ask(reflect.TypeFor[holder](), false)
	ask(reflect.TypeFor[any](), false)
	register(t, c, reflect.TypeFor[trunk]())
	ask(reflect.TypeFor[holder](), false)
	ask(reflect.TypeFor[any](), true)
	register(t, c, reflect.TypeFor[heldTicket]())
	ask(reflect.TypeFor[struct{ H []holder }](), true)
	ask(reflect.TypeFor[[]error](), false)
}

func TestHookStandsForItsTypesInInterfaces(t *testing.T) {
	var log hookLog
	c := hooked(&log)
	register(t, c, reflect.TypeFor[*ticket](), reflect.TypeFor[heldTicket]())
	p := plan(t, c, reflect.TypeFor[[]any]())
	in := []any{&ticket{1}, heldTicket{&ticket{2}}}
	b, err := encode(p, reflect.ValueOf(&in))
	if err != nil {
		t.Fatalf("Encode() = %v", err)
	}
	out, err := decode(p, b)
	if err != nil || !reflect.DeepEqual(out.Interface(), &in) {
		t.Errorf("Decode() = %v, %v", out.Elem(), err)
	}
	if log.encoded != 2 || log.decoded != 2 {
		t.Errorf("hook encoded %d and decoded %d values; want 2 and 2", log.encoded, log.decoded)
	}
}
