package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

type point struct {
	X int32
	Y float64
}

// doubles are variables of many types, which a child doubles.
type doubles struct {
	Point  *ipc.Value[point]
	Int    *ipc.Value[int32]
	Float  *ipc.Value[float64]
	Long   *ipc.Value[int64]
	Ten    *ipc.Array[float64]
	Text   *ipc.Array[byte]
	Locked bool
}

func (d doubles) Run(ctx context.Context) error {
	guards := []*ipc.Lock{d.Point.Guard(), d.Int.Guard(), d.Float.Guard(), d.Long.Guard(), d.Ten.Guard(), d.Text.Guard()}
	if d.Locked {
		for _, g := range guards {
			if err := g.Acquire(ctx); err != nil {
				return err
			}
			defer g.Release()
		}
	}
	p := d.Point.Load()
	d.Point.Store(point{2 * p.X, 2 * p.Y})
	d.Int.Store(2 * d.Int.Load())
	d.Float.Store(2 * d.Float.Load())
	d.Long.Store(2 * d.Long.Load())
	for i := range d.Ten.Slice() {
		d.Ten.Slice()[i] *= 2
	}
	text := d.Text.Slice()
	n := slices.Index(text, 0)
	copy(text[n:], text[:n])
	return nil
}

var doublesTarget = ipc.TargetOf[doubles]()

func TestVariablesAreDoubledByAChild(t *testing.T) { // VAL-02, VAL-08, ARR-04
	for _, locked := range []bool{false, true} {
		t.Run(fmt.Sprint("locked ", locked), func(t *testing.T) {
			guard(t)
			d := doubles{
				newValue(t, point{3, 2}), newValue(t, int32(7)), newValue(t, 1./3), newValue(t, int64(1)<<33),
				newArray[float64](t, 10), newArray[byte](t, 20), locked,
			}
			for i := range d.Ten.Slice() {
				d.Ten.Slice()[i] = float64(i)
			}
			copy(d.Text.Slice(), "hello")
			p := ipc.NewProcess(doublesTarget, d)
			start(t, p)
			join(t, p)
			if got := d.Point.Load(); got != (point{6, 4}) || d.Int.Load() != 14 || d.Float.Load() != 2./3 || d.Long.Load() != 1<<34 {
				t.Errorf("%v, %v, %v, %v", got, d.Int.Load(), d.Float.Load(), d.Long.Load())
			}
			if want := []float64{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}; !slices.Equal(d.Ten.Slice(), want) {
				t.Errorf("%v; want %v", d.Ten.Slice(), want)
			}
			if got := string(d.Text.Slice()[:11]); got != "hellohello\x00" {
				t.Errorf("%q", got)
			}
		})
	}
}

type adder struct {
	V     *ipc.Value[int]
	Times int
}

func (a adder) Run(ctx context.Context) error {
	for range a.Times {
		if err := a.V.Guard().Acquire(ctx); err != nil {
			return err
		}
		a.V.Store(a.V.Load() + 1)
		a.V.Guard().Release()
	}
	return nil
}

var adderTarget = ipc.TargetOf[adder]()

func TestValueIsCountedUpByTwo(t *testing.T) { // VAL-03, VAL-04, VAL-05
	ctx := guard(t)
	const times = 100000
	var zero int
	v := newValue(t, zero)
	if v.Load() != 0 {
		t.Errorf("Load() = %d", v.Load())
	}
	p, q := ipc.NewProcess(adderTarget, adder{v, times}), ipc.NewProcess(adderTarget, adder{v, times})
	start(t, p, q)
	join(t, p, q)
	if v.Load() != 2*times {
		t.Errorf("Load() = %d; want %d", v.Load(), 2*times)
	}
	other := newValue(t, 0)
	if err := errors.Join(v.Guard().Acquire(ctx), other.Guard().TryAcquire()); err != nil {
		t.Errorf("the guards of two values are not two locks: %v", err)
	}
	v.Guard().Release()
	other.Guard().Release()
}

// writeText writes into memory that it was given, and checks what is there.
type writeText struct {
	A         *ipc.Array[byte]
	Was, Text string
}

func (w writeText) Run(context.Context) error {
	if got := string(w.A.Slice()[:5]); got != w.Was {
		return errors.New("it holds " + got)
	}
	copy(w.A.Slice(), w.Text)
	return nil
}

var writeTextTarget = ipc.TargetOf[writeText]()

// What named segments are for in Python is an array that is handed over.
func TestMemoryIsSharedByTwoChildren(t *testing.T) { // SHM-01, SHM-02, SHM-04, SHM-06, SHM-12
	guard(t)
	a, b := newArray[byte](t, 512), newArray[byte](t, 512)
	if a.Len() != 512 || len(a.Slice()) != 512 {
		t.Errorf("Len() = %d", a.Len())
	}
	mustPanic(t, "NewArray(-1)", func() { _, _ = ipc.NewArray[byte](-1) })
	was := "\x00\x00\x00\x00\x00"
	for _, text := range []string{"howdy", "HELLO"} {
		p := ipc.NewProcess(writeTextTarget, writeText{a, was, text})
		start(t, p)
		join(t, p)
		if got := string(a.Slice()[:5]); got != text {
			t.Errorf("it holds %q; want %q", got, text)
		}
		was = text
	}
	if b.Slice()[0] != 0 {
		t.Error("two arrays are one")
	}
}

func TestSentHandleIsOfTheSameMemory(t *testing.T) { // SHM-10
	ctx := guard(t)
	needMessages(t)
	a := newArray[byte](t, 8)
	r, s := channel[*ipc.Array[byte]](t)
	if err := s.Send(ctx, a); err != nil {
		t.Fatal(err)
	}
	b := ok(r.Recv(ctx))(t)
	a.Slice()[0] = 42
	b.Slice()[1] = 43
	if b.Slice()[0] != 42 || a.Slice()[1] != 43 {
		t.Errorf("%v and %v", a.Slice(), b.Slice())
	}
	b.Close()
}

// Blocks of all sizes come and go. Each is zero at first, and keeps what was
// written into it until it is freed.
func TestBlocksDoNotOverlap(t *testing.T) { // HEAP-01
	guard(t)
	type block struct {
		a    *ipc.Array[byte]
		fill byte
	}
	var live []block
	free := func(i int) {
		b := live[i]
		if at := slices.IndexFunc(b.a.Slice(), func(x byte) bool { return x != b.fill }); at >= 0 {
			t.Errorf("byte %d of %d is %d; want %d", at, b.a.Len(), b.a.Slice()[at], b.fill)
		}
		b.a.Close()
		live = slices.Delete(live, i, i+1)
	}
	for i := range 5000 {
		n := int(math.Exp(rand.NormFloat64()) * 1000) // log-normal
		b := block{ok(ipc.NewArray[byte](n))(t), byte(i%255 + 1)}
		if slices.ContainsFunc(b.a.Slice(), func(x byte) bool { return x != 0 }) {
			t.Errorf("block %d is not zero", i)
		}
		for j := range b.a.Slice() {
			b.a.Slice()[j] = b.fill
		}
		if live = append(live, b); len(live) > 51 || rand.N(2) == 0 {
			free(rand.N(len(live)))
		}
	}
	for len(live) > 0 {
		free(0)
	}
}
