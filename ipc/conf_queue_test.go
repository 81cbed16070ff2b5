package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// errand is what a child does with a queue: take some, then put some.
type errand struct {
	Q    *ipc.Queue[int]
	When *ipc.Receiver[bool] // nil: at once
	Take int
	Put  []int
}

func runErrand(ctx context.Context, a errand) error {
	if a.When != nil {
		if _, err := a.When.Recv(ctx); err != nil {
			return err
		}
	}
	for range a.Take {
		if _, err := a.Q.Get(ctx); err != nil {
			return err
		}
	}
	for _, n := range a.Put {
		if err := a.Q.Put(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

var errandTarget = ipc.NewTarget(runErrand)

// soon is a context that a call which does not wait never gets to see end.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit/2)
	t.Cleanup(cancel)
	return ctx
}

func TestQueueIsFullThenEmpty(t *testing.T) { // QUE-01, QUE-02, QUE-04, QUE-05, QUE-09
	ctx := guard(t)
	q := newQueue[int](t, 6)
	has := func(n int) {
		t.Helper()
		if q.Len() != n {
			t.Errorf("Len() = %d; want %d", q.Len(), n)
		}
	}
	has(0)
	for i, put := range []func() error{
		func() error { return q.Put(ctx, 1) }, func() error { return q.Put(ctx, 2) },
		func() error { return q.Put(soon(t), 3) }, func() error { return q.Put(soon(t), 4) },
		func() error { return q.TryPut(5) }, func() error { return q.TryPut(6) },
	} {
		if err := put(); err != nil {
			t.Errorf("put %d: %v", i, err)
		}
		has(i + 1)
	}
	if err := errors.Join(q.TryPut(7), q.Put(over(), 7)); !errors.Is(err, ipc.ErrWouldBlock) || !errors.Is(err, context.Canceled) {
		t.Errorf("putting into a full queue: %v", err)
	}
	if err := notBefore(t, 100*time.Millisecond, func(ctx context.Context) error { return q.Put(ctx, 7) }); err != context.DeadlineExceeded {
		t.Errorf("Put() = %v", err)
	}
	has(6)
	p := ipc.NewProcess(errandTarget, errand{Q: q, Take: 6})
	start(t, p)
	join(t, p)
	has(0)
	fresh := newQueue[int](t, 6)
	get := func(ctx context.Context) error { _, err := fresh.Get(ctx); return err }
	if _, err := fresh.TryGet(); err != ipc.ErrWouldBlock {
		t.Errorf("TryGet() = %v", err)
	}
	if err := get(over()); err != context.Canceled {
		t.Errorf("Get() without time = %v", err)
	}
	for _, d := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond} {
		if err := notBefore(t, d, get); err != context.DeadlineExceeded {
			t.Errorf("Get() = %v", err)
		}
	}
}

func TestQueueGivesWhatAChildHasPut(t *testing.T) { // QUE-03, QUE-08
	ctx := guard(t)
	q := newQueue[int](t, 0)
	r, s := channel[bool](t)
	p := ipc.NewProcess(errandTarget, errand{Q: q, When: r, Put: []int{2, 3, 4, 5}})
	start(t, p)
	wait := mustBlock(t, "Get", func() {
		if got := ok(q.Get(ctx))(t); got != 2 {
			t.Errorf("Get() = %d", got)
		}
	})
	if err := s.Send(ctx, true); err != nil {
		t.Fatal(err)
	}
	wait()
	join(t, p)
	if got := ok(q.Get(soon(t)))(t); got != 3 {
		t.Errorf("Get() = %d", got)
	}
	for _, want := range []int{4, 5} {
		if got := ok(q.TryGet())(t); got != want {
			t.Errorf("TryGet() = %d; want %d", got, want)
		}
	}
	if q.Len() != 0 {
		t.Errorf("Len() = %d", q.Len())
	}
}

func TestQueueGoesOnInAChild(t *testing.T) { // QUE-07, QUE-08
	ctx := guard(t)
	q := newQueue[int](t, 0)
	for i := range 10 {
		if err := q.Put(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	p := ipc.NewProcess(errandTarget, errand{Q: q, Put: []int{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}})
	start(t, p)
	join(t, p)
	for i := range 20 {
		if got := ok(q.TryGet())(t); got != i {
			t.Errorf("TryGet() = %d; want %d", got, i)
		}
	}
	if _, err := q.TryGet(); err != ipc.ErrWouldBlock {
		t.Errorf("TryGet() at last = %v", err)
	}
}

func TestQueueTakesGoodValuesAfterABadOne(t *testing.T) { // QUE-12, QUE-13
	ctx := guard(t)
	q := newQueue[any](t, 1)
	for range 3 {
		for _, err := range []error{q.Put(ctx, stray{1}), q.TryPut(stray{1})} {
			if err == nil || !strings.Contains(err.Error(), "ipc_test.stray") {
				t.Errorf("putting a value that can't travel: %v; want an error that names the type", err)
			}
		}
	}
	if err := q.TryPut(true); err != nil || q.Len() != 1 {
		t.Errorf("TryPut() = %v, Len() = %d", err, q.Len())
	}
	if got := ok(q.TryGet())(t); got != true || q.Len() != 0 {
		t.Errorf("TryGet() = %v, Len() = %d", got, q.Len())
	}
}

func TestClosedQueueRefusesAll(t *testing.T) { // QUE-14, QUE-15, SQ-02, SQ-03
	ctx := guard(t)
	q := newQueue[int](t, 0)
	if err := q.Put(ctx, 1); err != nil {
		t.Fatal(err)
	}
	r, s := channel[bool](t)
	p := ipc.NewProcess(errandTarget, errand{Q: q, When: r, Take: 1})
	start(t, p)
	if err := errors.Join(q.Close(), q.Close()); err != nil {
		t.Errorf("Close() = %v", err)
	}
	_, getErr := q.Get(ctx)
	_, tryErr := q.TryGet()
	_, manyErr := q.GetMany(ctx, make([]int, 2))
	_, putsErr := q.PutMany(ctx, []int{1, 2})
	for what, err := range map[string]error{
		"Get": getErr, "TryGet": tryErr, "GetMany": manyErr, "PutMany": putsErr, "Put": q.Put(ctx, 2),
		"TryPut": q.TryPut(2), "Poll": q.Poll(ctx), "TaskDone": q.TaskDone(), "Join": q.Join(ctx),
	} {
		if err != ipc.ErrClosed {
			t.Errorf("%s() after Close = %v; want ErrClosed", what, err)
		}
	}
	if err := s.Send(ctx, true); err != nil {
		t.Fatal(err)
	}
	join(t, p) // it has got what was put before
}

func TestQueueOfManyToMany(t *testing.T) { // QUE-18, SQ-07, ROB-27
	ctx := guard(t)
	for _, n := range []int{2, 4} {
		const count = 1000
		q := newQueue[item](t, 0)
		got, s := channel[item](t)
		var ps []*ipc.Process
		for i := range n {
			ps = append(ps, ipc.NewProcess(produceTarget, queueArgs{Q: q, Producer: i, Count: count}),
				ipc.NewProcess(consumeTarget, queueArgs{Q: q, Got: s}))
		}
		start(t, ps...)
		q.Close()
		s.Close()
		seen := map[item]int{}
		for v, err := range got.All(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			seen[v]++
		}
		join(t, ps...)
		for i := range n {
			for j := range count {
				if k := seen[item{i, j}]; k != 1 {
					t.Fatalf("item %d of producer %d came %d times", j, i, k)
				}
			}
		}
		if len(seen) != n*count {
			t.Errorf("%d items; want %d", len(seen), n*count)
		}
	}
}

func TestPutGoesOnWhenOneIsTaken(t *testing.T) { // QUE-20
	ctx := guard(t)
	q := newQueue[int](t, 1)
	if err := q.Put(ctx, 1); err != nil {
		t.Fatal(err)
	}
	r, s := channel[bool](t)
	p := ipc.NewProcess(errandTarget, errand{Q: q, When: r, Take: 1})
	start(t, p)
	wait := mustBlock(t, "Put", func() {
		if err := q.Put(ctx, 2); err != nil {
			t.Errorf("Put() = %v", err)
		}
	})
	if err := s.Send(ctx, true); err != nil {
		t.Fatal(err)
	}
	wait()
	join(t, p)
	if got := ok(q.Get(ctx))(t); got != 2 {
		t.Errorf("Get() = %d", got)
	}
}

type handedOn struct {
	Q *ipc.Queue[int]
	N int
}

// Run puts its number, after a child of its own has put a smaller one.
func (h handedOn) Run(ctx context.Context) error {
	if h.N > 1 {
		p := ipc.NewProcess(handedOnTarget, handedOn{h.Q, h.N - 1})
		if err := errors.Join(p.Start(), p.Join(ctx)); err != nil {
			return err
		}
	}
	return h.Q.Put(ctx, h.N)
}

var handedOnTarget = ipc.TargetOf[handedOn]()

// A process that had the queue from another one than its maker takes nothing
// of it away by its end.
func TestQueueIsHandedOn(t *testing.T) { // QUE-23, ROB-43
	ctx := guard(t)
	q := newQueue[int](t, 0)
	p := ipc.NewProcess(handedOnTarget, handedOn{q, 2})
	start(t, p)
	got := []int{ok(q.Get(ctx))(t), ok(q.Get(ctx))(t)}
	if slices.Sort(got); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("got %v", got)
	}
	join(t, p)
	next := ipc.NewProcess(errandTarget, errand{Q: q, Put: []int{5}})
	start(t, next)
	if got := ok(q.Get(ctx))(t); got != 5 {
		t.Errorf("Get() = %d", got)
	}
	join(t, next)
}

type trunk struct {
	Name   string
	Lists  [][]int
	Deeper []map[string][]float64
	When   time.Time
	Bytes  []byte
	Any    any
}

type trunks struct{ In, Out *ipc.Queue[trunk] }

func passTrunks(ctx context.Context, a trunks) error {
	for v, err := range a.In.All(ctx) {
		if err := errors.Join(err, a.Out.Put(ctx, v)); err != nil {
			return err
		}
	}
	return nil
}

var passTrunksTarget = ipc.NewTarget(passTrunks)

func TestQueueCarriesWhateverTravels(t *testing.T) { // QUE-24, QUE-26
	ctx := guard(t)
	in, out := newQueue[trunk](t, 0), newQueue[trunk](t, 0)
	p := ipc.NewProcess(passTrunksTarget, trunks{in, out})
	start(t, p)
	for _, v := range []trunk{
		{
			Name: "nested", Lists: [][]int{{1, 2}, {}, {3}}, Deeper: []map[string][]float64{{"a": {1.5}}, nil},
			When: time.Date(2024, 2, 29, 12, 0, 0, 5, time.UTC), Bytes: []byte{0, 255}, Any: spot{3, 4},
		},
		{Name: "8 MiB", Bytes: bytes.Repeat([]byte("8 bytes."), 1<<20)},
	} {
		if err := in.Put(ctx, v); err != nil {
			t.Fatal(err)
		}
		if got := ok(out.Get(ctx))(t); !reflect.DeepEqual(got, v) {
			t.Errorf("%s came back as %.200s", v.Name, fmt.Sprintf("%+v", got))
		}
	}
	in.Close()
	join(t, p)
}

// A nil is a value as any other, and the order is that of the puts.
func TestQueueKeepsTheOrderOfNils(t *testing.T) { // SQ-05
	ctx := guard(t)
	q := newQueue[*int](t, 0)
	one, two := 1, 2
	for _, p := range []*int{&one, nil, &two, nil} {
		if err := q.Put(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	var got []int
	for range 4 {
		n := 0
		if p := ok(q.TryGet())(t); p != nil {
			n = *p
		}
		got = append(got, n)
	}
	if !slices.Equal(got, []int{1, 0, 2, 0}) {
		t.Errorf("got %v", got)
	}
}

// lookTwice puts whether the queue is empty, before and after it has done so.
func lookTwice(ctx context.Context, q *ipc.Queue[bool]) error {
	for range 2 {
		if err := q.Put(ctx, q.Len() == 0); err != nil {
			return err
		}
	}
	return nil
}

var lookTwiceTarget = ipc.NewTarget(lookTwice)

func TestQueueIsSeenEmptyByAChild(t *testing.T) { // SQ-01
	ctx := guard(t)
	q := newQueue[bool](t, 0)
	if q.Len() != 0 {
		t.Errorf("Len() = %d", q.Len())
	}
	p := ipc.NewProcess(lookTwiceTarget, q)
	start(t, p)
	join(t, p)
	if a, b := ok(q.Get(ctx))(t), ok(q.Get(ctx))(t); !a || b || q.Len() != 0 {
		t.Errorf("the child says %v, %v; Len() = %d", a, b, q.Len())
	}
}
