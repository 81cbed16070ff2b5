package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"unsafe"

	"github.com/mpbox/mpbox/ipc"
)

func newValue[T any](t *testing.T, v T) *ipc.Value[T] {
	t.Helper()
	x, err := ipc.NewValue(v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// A record has a gap between its fields, and more bytes than a word.
type record struct {
	A    int8
	B    int64
	Name [20]byte
	ok   bool // fields that are not exported are shared, too
}

// pair has a gap, and fits a word.
type pair struct {
	A int8
	B int16
	C [2]int16
}

type variables struct {
	I32   *ipc.Value[int32]
	F64   *ipc.Value[float64]
	I16   *ipc.Value[int16]
	I64   *ipc.Value[int64]
	Byte  *ipc.Value[byte]
	Bool  *ipc.Value[bool]
	Point *ipc.Value[[2]float64]
	Rec   *ipc.Value[record]
	Pair  *ipc.Value[pair]
	Ten   *ipc.Value[[10]float64]
	Guard *ipc.Lock
}

func newVariables(t *testing.T) variables {
	v := variables{
		newValue(t, int32(4343)), newValue(t, 3.625), newValue(t, int16(-232)), newValue(t, int64(1<<33)),
		newValue(t, byte('x')), newValue(t, false), newValue(t, [2]float64{1, 1. / 3}),
		newValue(t, record{A: 3, B: 2, Name: [20]byte{'h', 'i'}}), newValue(t, pair{A: 3, B: 2}),
		newValue(t, [10]float64{}), nil,
	}
	v.Guard = v.Rec.Guard()
	return v
}

// double doubles all there is, as a program would that has agreed on the guards.
func double(ctx context.Context, v variables) error {
	if err := v.Guard.Acquire(ctx); err != nil {
		return err
	}
	defer v.Guard.Release()
	if r := v.Rec.Load(); r.A != 3 || r.B != 2 || r.Name[1] != 'i' || r.ok {
		return fmt.Errorf("Load() = %+v", r)
	}
	v.I32.Store(24234)
	v.F64.Store(-4.25)
	v.I16.Store(234)
	v.I64.Store(1 << 34)
	v.Byte.Store('y')
	v.Bool.Store(true)
	p := v.Point.Load()
	v.Point.Store([2]float64{2 * p[0], 2 * p[1]})
	r := v.Rec.Load()
	v.Rec.Store(record{2 * r.A, 2 * r.B, [20]byte{'h', 'i', 'h', 'i'}, true})
	v.Pair.Store(pair{A: 6, B: 4})
	ten := v.Ten.Load()
	for i := range ten {
		ten[i] = 2 * float64(i)
	}
	v.Ten.Store(ten)
	return nil
}

var doubleTarget = ipc.NewTarget(double)

func TestValueIsShared(t *testing.T) { // VAL-01, VAL-02, VAL-04, VAL-08
	guard(t)
	v := newVariables(t)
	if a, b, c, d, e := v.I32.Load(), v.F64.Load(), v.I16.Load(), v.I64.Load(), v.Byte.Load(); a != 4343 ||
		b != 3.625 || c != -232 || d != 1<<33 || e != 'x' {
		t.Errorf("Load() = %v, %v, %v, %v, %v", a, b, c, d, e)
	}
	p := ipc.NewProcess(doubleTarget, v)
	start(t, p)
	join(t, p)
	if a, b, c, d, e := v.I32.Load(), v.F64.Load(), v.I16.Load(), v.I64.Load(), v.Byte.Load(); a != 24234 ||
		b != -4.25 || c != 234 || d != 1<<34 || e != 'y' {
		t.Errorf("after the child Load() = %v, %v, %v, %v, %v", a, b, c, d, e)
	}
	want := record{6, 4, [20]byte{'h', 'i', 'h', 'i'}, true}
	if got := v.Rec.Load(); got != want || !v.Bool.Load() || v.Pair.Load() != (pair{A: 6, B: 4}) {
		t.Errorf("after the child Load() = %+v, %v, %+v", got, v.Bool.Load(), v.Pair.Load())
	}
	if got := v.Point.Load(); got != [2]float64{2, 2. / 3} || v.Ten.Load()[9] != 18 {
		t.Errorf("after the child Load() = %v, %v", got, v.Ten.Load())
	}
}

func TestValueLoadIsACopy(t *testing.T) { // VAL-09
	guard(t)
	v := newValue(t, record{A: 1, B: 2})
	was := v.Load()
	if v.Store(record{}); was != (record{A: 1, B: 2}) || v.Load() != (record{}) {
		t.Errorf("%+v, then %+v", was, v.Load())
	}
}

type counting struct {
	V     *ipc.Value[int]
	F     *ipc.Value[float32]
	C     *ipc.Value[complex128]
	Times int
}

// count adds 1 by holding the guard, in one step, and by trying.
func count(ctx context.Context, a counting) error {
	for range a.Times {
		if err := a.V.Guard().Acquire(ctx); err != nil {
			return err
		}
		a.V.Store(a.V.Load() + 1)
		a.V.Guard().Release()
		a.F.Add(0.5)
		a.C.Add(1i)
		for c := a.C.Load(); !a.C.CompareAndSwap(c, c+1); c = a.C.Load() {
		}
	}
	return nil
}

var countTarget = ipc.NewTarget(count)

func TestValueCounts(t *testing.T) { // VAL-03, VAL-05, KF-21
	guard(t)
	const times = 20000
	a := counting{newValue(t, 0), newValue(t, float32(0)), newValue(t, 0i), times}
	p, q := ipc.NewProcess(countTarget, a), ipc.NewProcess(countTarget, a)
	start(t, p, q)
	join(t, p, q)
	if n, f, c := a.V.Load(), a.F.Load(), a.C.Load(); n != 2*times || f != times || c != complex(2*times, 2*times) {
		t.Errorf("counted to %d, %v, %v", n, f, c)
	}
}

func TestValueAddsAsItsTypeDoes(t *testing.T) {
	guard(t)
	type celsius float64
	if v := newValue(t, int8(127)); v.Add(1) != -128 || v.Add(-1) != 127 || v.Load() != 127 {
		t.Errorf("int8: %d", v.Load())
	}
	if v := newValue(t, uint16(0)); v.Add(math.MaxUint16) != math.MaxUint16 || !v.CompareAndSwap(math.MaxUint16, 1) {
		t.Errorf("uint16: %d", v.Load())
	}
	if v := newValue(t, int64(-1)); v.Add(-1) != -2 {
		t.Errorf("int64: %d", v.Load())
	}
	if v := newValue(t, celsius(1.5)); v.Add(-2) != -0.5 {
		t.Errorf("celsius: %v", v.Load())
	}
	if v := newValue(t, complex64(1+2i)); v.Add(1i) != 1+3i {
		t.Errorf("complex64: %v", v.Load())
	}
	if v := newValue(t, 1+2i); v.Add(1) != 2+2i || v.Load() != 2+2i {
		t.Errorf("complex128: %v", v.Load())
	}
	mustPanic(t, "Add() of bools", func() { newValue(t, true).Add(true) })
	mustPanic(t, "Add() of structs", func() { newValue(t, record{}).Add(record{}) })
}

func TestValueComparesWhatCounts(t *testing.T) {
	guard(t)
	nan := newValue(t, math.NaN())
	if !nan.CompareAndSwap(math.NaN(), 0) || nan.CompareAndSwap(math.Copysign(0, -1), 1) || nan.Load() != 0 {
		t.Errorf("float64: bits don't count; %v", nan.Load())
	}
	wide := newValue(t, complex(math.NaN(), 1))
	if wide.CompareAndSwap(1i, 0) || !wide.CompareAndSwap(complex(math.NaN(), 1), 2) || wide.Load() != 2 {
		t.Errorf("complex128: bits don't count; %v", wide.Load())
	}
	// What is in the gaps does not count.
	a, b := record{A: 1}, pair{A: 1}
	*(*byte)(unsafe.Add(unsafe.Pointer(&a), 1)) = 7
	*(*byte)(unsafe.Add(unsafe.Pointer(&b), 1)) = 7
	big := newValue(t, a)
	if big.CompareAndSwap(record{A: 2}, record{}) || !big.CompareAndSwap(record{A: 1}, record{B: 5}) ||
		big.Load() != (record{B: 5}) {
		t.Errorf("record: %+v", big.Load())
	}
	small := newValue(t, b)
	if small.CompareAndSwap(pair{A: 2}, pair{}) || !small.CompareAndSwap(pair{A: 1}, pair{B: 4}) ||
		small.Load() != (pair{B: 4}) {
		t.Errorf("pair: %+v", small.Load())
	}
	none := newValue(t, struct{}{})
	if none.Store(struct{}{}); !none.CompareAndSwap(struct{}{}, none.Load()) {
		t.Error("nothing is not equal to nothing")
	}
}

func TestValueRefusesPointers(t *testing.T) {
	type inner struct{ Names []string }
	for want, f := range map[string]func(){
		"string is a string":               func() { _, _ = ipc.NewValue("") },
		"*int is a ptr":                    func() { _, _ = ipc.NewValue(new(int)) },
		"[2]ipc_test.inner[].Names is a s": func() { _, _ = ipc.NewValue([2]inner{}) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); len(got) < len(want) || got[len("ipc: NewValue: "):][:len(want)] != want {
					t.Errorf("panic %q; want %q", got, want)
				}
			}()
			f()
		}()
	}
}

type storm struct {
	V     *ipc.Value[[9]int64]
	Ready *ipc.Sender[int]
}

// store stores without end what is whole if all its numbers are the same.
func store(ctx context.Context, s storm) error {
	for n := int64(0); ; n++ {
		s.V.Store([9]int64{n, n, n, n, n, n, n, n, n})
		if n == 1000 {
			if err := s.Ready.Send(ctx, 0); err != nil {
				return err
			}
		}
	}
}

var storeTarget = ipc.NewTarget(store)

func TestValueIsWholeWhoeverIsKilled(t *testing.T) {
	ctx := guard(t)
	v := newValue(t, [9]int64{})
	r, ready := channel[int](t)
	check := func() {
		if x := v.Load(); x[0] != x[8] || x[1] != x[7] || x[2] != x[4] {
			t.Fatalf("Load() = %v", x)
		}
	}
	for range 10 {
		p, q := ipc.NewProcess(storeTarget, storm{v, ready}), ipc.NewProcess(storeTarget, storm{v, ready})
		start(t, p, q)
		for range 2 {
			ok(r.Recv(ctx))(t)
		}
		for range 1000 {
			check()
		}
		_ = errors.Join(p.Kill(), q.Kill())
		check()
		v.Store([9]int64{}) // the lock of those who store is free
		_, _ = p.Join(ctx), q.Join(ctx)
	}
}

func TestValueClosed(t *testing.T) {
	ctx := guard(t)
	small, big := newValue(t, 5), newValue(t, record{A: 5})
	if err := small.Guard().Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	small.Close()
	big.Guard().Close()
	for range 2 {
		small.Store(7)
		big.Store(record{})
		if small.Load() != 0 || small.Add(1) != 0 || small.CompareAndSwap(5, 6) || small.CompareAndSwap(0, 6) {
			t.Error("an int works on after Close")
		}
		if big.Load() != (record{}) || big.CompareAndSwap(record{A: 5}, record{}) {
			t.Error("a record works on after Close")
		}
		if err := small.Guard().Acquire(ctx); err != ipc.ErrClosed {
			t.Errorf("Acquire() of the guard = %v", err)
		}
		small.Guard().Release()
		small.Close()
	}
}

// The race detector sees the order that values make between goroutines.
func TestValueOrdersGoroutines(t *testing.T) {
	guard(t)
	small, big := newValue(t, 0), newValue(t, [3]int{})
	var x, y int
	var wg sync.WaitGroup
	wg.Go(func() {
		x = 1
		small.Store(1)
		for big.Load()[2] == 0 {
		}
		y++
	})
	for !small.CompareAndSwap(1, 2) {
	}
	y = x
	big.Store([3]int{1, 2, 3})
	if wg.Wait(); y != 2 {
		t.Errorf("y = %d; want 2", y)
	}
}
