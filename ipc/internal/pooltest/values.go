package pooltest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A load has a field of each kind.
type load struct {
	Int     int8
	Uint    uint64
	Float   float64
	Complex complex64
	Bool    bool
	Text    string
	Bytes   []byte
	Array   [3]uint16
	Slice   []string
	Map     map[string][]int
	Next    *load
	Any     any
	When    time.Time
	Empty   struct{}
}

// A picky value travels unless its text forbids it.
type picky struct{ V string }

var errPicky = errors.New("picky refuses")

func (p picky) MarshalBinary() ([]byte, error) {
	if p.V == "not encoded" {
		return nil, errPicky
	}
	return []byte(p.V), nil
}

func (p *picky) UnmarshalBinary(b []byte) error {
	if p.V = string(b); p.V == "not decoded" {
		return errPicky
	}
	return nil
}

// strip gives what comes behind "result ", which the item does not show.
func strip(_ context.Context, p picky) (picky, error) {
	return picky{strings.TrimPrefix(p.V, "result ")}, nil
}

// A switchboard is a value with a shared object in it.
type switchboard struct{ E *ipc.Event }

func await(ctx context.Context, s switchboard) (int, error) { return 1, s.E.Wait(ctx) }

func carryInt(_ context.Context, v int) (int, error)            { return v, nil }
func carryText(_ context.Context, v string) (string, error)     { return v, nil }
func carryBytes(_ context.Context, v []byte) ([]byte, error)    { return v, nil }
func carryMap(_ context.Context, v table) (table, error)        { return v, nil }
func carryLoad(_ context.Context, v load) (load, error)         { return v, nil }
func carryPointer(_ context.Context, v *load) (*load, error)    { return v, nil }
func carryAny(_ context.Context, v any) (any, error)            { return v, nil }
func carryNone(_ context.Context, v ipc.None) (ipc.None, error) { return v, nil }

type table = map[string][]int

var (
	stripFunc   = ipc.NewFunc(strip)
	awaitFunc   = ipc.NewFunc(await)
	intFunc     = ipc.NewFunc(carryInt)
	textFunc    = ipc.NewFunc(carryText)
	bytesFunc   = ipc.NewFunc(carryBytes)
	mapFunc     = ipc.NewFunc(carryMap)
	loadFunc    = ipc.NewFunc(carryLoad)
	pointerFunc = ipc.NewFunc(carryPointer)
	anyFunc     = ipc.NewFunc(carryAny)
	noneFunc    = ipc.NewFunc(carryNone)
)

func init() { ipc.Register[load]() }

// carries checks that these values come back as they were.
func carries[T any](c *check, f ipc.Func[T, T], values ...T) {
	c.Helper()
	pool := newPool(c, f)
	got, err := pool.Map(c.ctx, values)
	if err != nil || !reflect.DeepEqual(got, values) {
		c.Errorf("Map(%.300v) = %.300v, %v", values, got, err)
	}
	pool.Close()
}

func values(c *check) {
	full := load{
		-1, 1 << 63, 0.1, 2i, true, "a\x00\xff", []byte{0, 1}, [3]uint16{1, 2, 3}, []string{"", "b"},
		table{"x": {1, 2}, "": nil}, &load{Text: "next"}, "any", time.Date(2000, 1, 2, 3, 4, 5, 6, time.UTC), struct{}{},
	}
	carries(c, intFunc, 0, -1, 1<<62)
	carries(c, textFunc, "", "a", "line\n")
	carries(c, bytesFunc, nil, []byte{}, []byte{1})
	carries(c, mapFunc, nil, table{}, table{"a": {1}, "b": nil})
	carries(c, loadFunc, load{}, full)
	carries(c, pointerFunc, nil, &load{}, &full)
	carries[any](c, anyFunc, nil, 1, "a", full)
	carries(c, noneFunc, ipc.None{}, ipc.None{})
}

func longValues(c *check) { // POOL-60
	const n, size = 4, 3 << 20
	in := make([][]byte, n)
	for i := range in {
		in[i] = bytes.Repeat([]byte{byte(i)}, size+i)
	}
	pool := newPool(c, bytesFunc)
	got, err := pool.Map(c.ctx, in)
	if err != nil || !slices.EqualFunc(got, in, bytes.Equal) {
		c.Errorf("Map() = %d results, %v", len(got), err)
	}
	got = nil
	for r, err := range pool.Imap(c.ctx, slices.Values(in)) {
		if err != nil {
			c.Errorf("Imap() yields %v", err)
		}
		got = append(got, r)
	}
	if !slices.EqualFunc(got, in, bytes.Equal) {
		c.Errorf("Imap() yields %d results, or others", len(got))
	}
}

// What can't travel is the error of its task, on the way there and back, and
// of no other.
func strayValues(c *check) { // POOL-06, POOL-27, KF-05, KF-06
	pool := newPool(c, stripFunc)
	for _, v := range []string{"not encoded", "not decoded", "result not encoded", "result not decoded"} {
		in := []picky{{"a"}, {"b"}, {v}, {"d"}, {"e"}}
		got, err := pool.Map(c.ctx, in)
		e := c.failure(err)
		if e.Index != 2 || e.Cause != ipc.CauseError || !strings.Contains(err.Error(), errPicky.Error()) {
			c.Errorf("%s: Map() = %v, cause %v", v, err, e.Cause)
		}
		if in[2] = (picky{}); !slices.Equal(got, in) {
			c.Errorf("%s: Map() = %q", v, got)
		}
	}
}

// A shared object is refused in an item; in a setup only if it would have to
// leave this machine.
func sharedObjects(c *check) {
	e, err := ipc.NewEvent()
	if err != nil {
		c.Fatal(err)
	}
	defer e.Close()
	pool := newPool(c, awaitFunc)
	if _, err := pool.Map(c.ctx, []switchboard{{e}}); !errors.Is(c.failure(err), ipc.ErrHandle) {
		c.Errorf("Map() of a shared object = %v; want ErrHandle", err)
	}
	others := newPool(c, squareFunc)
	others.Setup = switchSetup.With(switchboard{e})
	switch got, err := others.Map(c.ctx, numbers(3)); {
	case c.Attach == nil && (err != nil || !slices.Equal(got, squares(3))):
		c.Errorf("Map() with a shared object in the setup = %v, %v", got, err)
	case c.Attach != nil && !errors.Is(err, ipc.ErrHandle):
		c.Errorf("Map() with a shared object in the setup = %v; want ErrHandle", err)
	}
}

func openSwitchboard(_ context.Context, s switchboard) (switchboard, error) { return s, nil }

var switchSetup = ipc.NewSetup(openSwitchboard, nil)
