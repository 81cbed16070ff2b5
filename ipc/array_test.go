package ipc_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/mpbox/mpbox/ipc"
)

func newArray[T any](t *testing.T, n int) *ipc.Array[T] {
	t.Helper()
	a, err := ipc.NewArray[T](n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

type arrayArgs struct {
	A     *ipc.Array[int32]
	Guard *ipc.Lock // of A
	Times int
}

// sumUp makes running sums of the array, that many times.
func sumUp(ctx context.Context, a arrayArgs) error {
	for range a.Times {
		if err := a.Guard.Acquire(ctx); err != nil {
			return err
		}
		s := a.A.Slice()
		for i := 1; i < len(s); i++ {
			s[i] += s[i-1]
		}
		a.Guard.Release()
	}
	return nil
}

var sumUpTarget = ipc.NewTarget(sumUp)

func sums(numbers []int32, times int) []int32 {
	s := slices.Clone(numbers)
	for range times {
		for i := 1; i < len(s); i++ {
			s[i] += s[i-1]
		}
	}
	return s
}

func TestArrayIsASlice(t *testing.T) { // ARR-01, ARR-06
	guard(t)
	numbers := []int32{680, 626, 934, 821, 150, 233, 548, 982, 714, 831}
	a := newArray[int32](t, len(numbers))
	copy(a.Slice(), numbers)
	if s := a.Slice(); a.Len() != 10 || len(s) != 10 || cap(s) != 10 || s[3] != 821 || !slices.Equal(s[2:7], numbers[2:7]) {
		t.Errorf("Slice() = %v, capacity %d", s, cap(s))
	}
	copy(a.Slice()[4:8], []int32{1, 2, 3, 4})
	copy(numbers[4:8], []int32{1, 2, 3, 4})
	if !slices.Equal(a.Slice(), numbers) {
		t.Errorf("Slice() = %v; want %v", a.Slice(), numbers)
	}
	i := 10
	mustPanic(t, "index 10 of 10", func() { a.Slice()[i]++ })
}

func TestArrayIsShared(t *testing.T) { // ARR-02, ARR-04, ARR-05
	guard(t)
	numbers := []int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	a := newArray[int32](t, len(numbers))
	copy(a.Slice(), numbers)
	const times = 5
	var ps []*ipc.Process
	for range 3 {
		ps = append(ps, ipc.NewProcess(sumUpTarget, arrayArgs{a, a.Guard(), times}))
	}
	start(t, ps...)
	join(t, ps...)
	if want := sums(numbers, 3*times); !slices.Equal(a.Slice(), want) {
		t.Errorf("Slice() = %v; want %v", a.Slice(), want)
	}
}

func TestArrayIsZeroAtFirst(t *testing.T) { // ARR-03
	guard(t)
	for range 3 {
		a := newArray[float64](t, 10)
		for i, x := range a.Slice() {
			if x != 0 {
				t.Errorf("element %d = %v", i, x)
			}
			a.Slice()[i] = float64(i + 1)
		}
		if p := uintptr(unsafe.Pointer(&a.Slice()[0])); p%64 != 0 {
			t.Errorf("it lies at %#x", p)
		}
		a.Close()
	}
}

// A big one has a segment of its own, which guard sees go.
func TestArrayMayBeBig(t *testing.T) {
	guard(t)
	const n = 20 << 20
	a, small := ok(ipc.NewArray[int32](n))(t), newArray[int32](t, 2)
	defer a.Close() // not by t.Cleanup, which would keep it from being garbage
	a.Slice()[n-2], a.Slice()[n-1] = 1, 2
	short := arrayArgs{small, a.Guard(), 1}
	small.Slice()[0] = 5
	p, q := ipc.NewProcess(sumUpTarget, arrayArgs{a, a.Guard(), 1}), ipc.NewProcess(sumUpTarget, short)
	start(t, p, q)
	join(t, p, q)
	if a.Slice()[n-1] != 3 || small.Slice()[1] != 5 {
		t.Errorf("last elements %d and %d", a.Slice()[n-1], small.Slice()[1])
	}
}

func TestArrayRefusesBadSizes(t *testing.T) {
	guard(t)
	for _, n := range []int{1 << 29, 1 << 40, 1<<63 - 1} {
		if a, err := ipc.NewArray[int64](n); err == nil {
			t.Errorf("NewArray(%d) = %v", n, a.Len())
		}
	}
	mustPanic(t, "a negative length", func() { _, _ = ipc.NewArray[int](-1) })
	mustPanic(t, "an array of strings", func() { _, _ = ipc.NewArray[string](1) })
	if a, b := newArray[int64](t, 0), newArray[struct{}](t, 7); len(a.Slice()) != 0 || len(b.Slice()) != 7 {
		t.Errorf("lengths %d and %d; want 0 and 7", a.Len(), b.Len())
	}
}

// scribble writes everywhere until it is killed.
func scribble(ctx context.Context, a *ipc.Array[int32]) error {
	if err := a.Guard().Acquire(ctx); err != nil {
		return err
	}
	for s := a.Slice(); ctx.Err() == nil; { // without an end nobody would need the elements
		for i := range s {
			s[i] = int32(i)
		}
	}
	return nil
}

var scribbleTarget = ipc.NewTarget(scribble)

func TestArrayOutlivesItsWriter(t *testing.T) {
	ctx := guard(t)
	a := newArray[int32](t, 1000)
	p := ipc.NewProcess(scribbleTarget, a)
	start(t, p)
	last := (*atomic.Int32)(unsafe.Pointer(&a.Slice()[999]))
	until(func() bool { return last.Load() != 0 }, func() { t.Error("nothing was written") })
	_ = p.Kill()
	if err := a.Guard().Acquire(ctx); err != ipc.ErrOwnerDied {
		t.Errorf("Acquire() of the guard = %v; want ErrOwnerDied", err)
	}
	if s := a.Slice(); s[500] != 500 {
		t.Errorf("Slice()[500] = %d", s[500])
	}
	a.Guard().Release()
	_ = p.Join(ctx)
}

func TestArrayClosed(t *testing.T) {
	guard(t)
	a := newArray[int](t, 3)
	a.Guard().Close()
	if s := a.Slice(); s != nil || a.Len() != 0 || a.Close() != nil {
		t.Errorf("Slice() = %v, Len() = %d", s, a.Len())
	}
	mustPanic(t, "an element of a closed array", func() { a.Slice()[0]++ })
}
