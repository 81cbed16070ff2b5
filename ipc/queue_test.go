package ipc_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

type item struct{ Producer, N int }

type queueArgs struct {
	Q        *ipc.Queue[item]
	Producer int
	Count    int
	Got      *ipc.Sender[item]
	Lock     *ipc.Lock
}

func produce(ctx context.Context, a queueArgs) error {
	for i := range a.Count {
		if err := a.Q.Put(ctx, item{a.Producer, i}); err != nil {
			return err
		}
	}
	return nil
}

func consume(ctx context.Context, a queueArgs) error {
	for v, err := range a.Q.All(ctx) {
		if err != nil {
			return err
		}
		if err := a.Got.Send(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

var (
	produceTarget = ipc.NewTarget(produce)
	consumeTarget = ipc.NewTarget(consume)
)

func newQueue[T any](t *testing.T, size int) *ipc.Queue[T] {
	t.Helper()
	q, err := ipc.NewQueue[T](size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

func TestQueueFillsAndDrains(t *testing.T) { // QUE-01, QUE-02, QUE-04, QUE-09, QUE-14, ROB-24
	ctx := guard(t)
	q := newQueue[int](t, 6)
	for i := range 6 {
		if err := q.Put(ctx, i); err != nil || q.Len() != i+1 {
			t.Fatalf("Put() = %v, Len() = %d", err, q.Len())
		}
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := q.Put(short, 7); err != context.DeadlineExceeded || time.Since(began) < 10*time.Millisecond {
		t.Errorf("Put() into a full queue = %v", err)
	}
	if err := q.TryPut(7); err != ipc.ErrWouldBlock || q.Cap() != 6 {
		t.Errorf("TryPut() = %v, Cap() = %d", err, q.Cap())
	}
	for i := range 6 {
		if v := ok(q.TryGet())(t); v != i {
			t.Errorf("TryGet() = %d; want %d", v, i)
		}
	}
	if _, err := q.TryGet(); err != ipc.ErrWouldBlock {
		t.Errorf("TryGet() on an empty queue = %v", err)
	}
	short, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := q.Get(short); err != context.DeadlineExceeded {
		t.Errorf("Get() from an empty queue = %v", err)
	}
	q.Close()
	if _, err := q.Get(ctx); err != ipc.ErrClosed {
		t.Errorf("Get() after Close = %v", err)
	}
	if err := q.Put(ctx, 1); err != ipc.ErrClosed {
		t.Errorf("Put() after Close = %v", err)
	}
}

func TestQueueLosesNothing(t *testing.T) { // QUE-03, QUE-18, QUE-20, SQ-07, ROB-27
	ctx := guard(t)
	for _, size := range []int{0, 1, 7} {
		q := newQueue[item](t, size)
		got, s := channel[item](t)
		const producers, consumers, count = 3, 3, 500
		var ps []*ipc.Process
		for i := range producers {
			ps = append(ps, ipc.NewProcess(produceTarget, queueArgs{Q: q, Producer: i, Count: count}))
		}
		for range consumers {
			ps = append(ps, ipc.NewProcess(consumeTarget, queueArgs{Q: q, Got: s}))
		}
		start(t, ps...)
		q.Close()
		s.Close()
		seen := make([][]int, producers)
		for v, err := range got.All(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			seen[v.Producer] = append(seen[v.Producer], v.N)
		}
		join(t, ps...)
		for i, ns := range seen {
			slices.Sort(ns)
			if len(ns) != count || len(slices.Compact(ns)) != count {
				t.Errorf("size %d: producer %d: %d items", size, i, len(ns))
			}
		}
	}
}

func TestQueueKeepsWhatADeadProducerPut(t *testing.T) { // QUE-08, KF-26, KF-28, ROB-23
	ctx := guard(t)
	q := newQueue[item](t, 0)
	p := ipc.NewProcess(produceTarget, queueArgs{Q: q, Producer: 1, Count: 1000})
	start(t, p)
	join(t, p)
	if n := q.Len(); n != 1000 {
		t.Errorf("Len() = %d", n)
	}
	for i := range 1000 {
		if v := ok(q.Get(ctx))(t); v.N != i {
			t.Fatalf("Get() = %v; want %d", v, i)
		}
	}
	if _, err := q.Get(ctx); err != io.EOF {
		t.Errorf("Get() at the end = %v", err)
	}
	if _, err := q.TryGet(); err != io.EOF {
		t.Errorf("TryGet() at the end = %v", err)
	}
}

func TestUnsharedQueueHasNoEnd(t *testing.T) {
	ctx := guard(t)
	q := newQueue[int](t, 0)
	var v int
	var err error
	wait := mustBlock(t, "Get", func() { v, err = q.Get(ctx) })
	if err := q.Put(ctx, 3); err != nil {
		t.Fatal(err)
	}
	wait()
	if v != 3 || err != nil {
		t.Errorf("Get() = %d, %v", v, err)
	}
}

func TestPutEndsWhenAllGettersAreDead(t *testing.T) { // KF-33, ROB-29
	ctx := guard(t)
	q := newQueue[item](t, 1)
	got, s := channel[item](t)
	producers := []*ipc.Process{
		ipc.NewProcess(produceTarget, queueArgs{Q: q, Producer: 0, Count: 1 << 30}),
		ipc.NewProcess(produceTarget, queueArgs{Q: q, Producer: 1, Count: 1 << 30}),
	}
	c := ipc.NewProcess(consumeTarget, queueArgs{Q: q, Got: s})
	for _, p := range producers {
		p.Stderr = io.Discard
	}
	start(t, c)
	start(t, producers...)
	q.Close()
	ok(got.Recv(ctx))(t)
	_ = c.Kill()
	for _, p := range producers {
		if err := p.Join(ctx); err == nil || !strings.Contains(err.Error(), ipc.ErrBrokenPipe.Error()) {
			t.Errorf("Join() = %v; want the text of ErrBrokenPipe", err)
		}
	}
	_ = c.Join(ctx)
}

type fork struct {
	Q     *ipc.Queue[int]
	Depth int
}

// Run takes numbers and puts two smaller ones for each, as workers do that
// share a tree of tasks.
func (f fork) Run(ctx context.Context) error {
	for {
		n, err := f.Q.Get(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			if err := errors.Join(f.Q.Put(ctx, n-1), f.Q.Put(ctx, n-1)); err != nil {
				return err
			}
		}
	}
}

var forkTarget = ipc.TargetOf[fork]()

// A consumer that has taken a value may put one on account of it: the others
// must not take the empty queue for the end.
func TestQueueOfTasksThatMakeTasks(t *testing.T) {
	ctx := guard(t)
	q := newQueue[int](t, 0)
	if err := q.Put(ctx, 4); err != nil {
		t.Fatal(err)
	}
	a, b := ipc.NewProcess(forkTarget, fork{Q: q}), ipc.NewProcess(forkTarget, fork{Q: q})
	start(t, a, b)
	// Workers that have put count as such until they end, so these two wait
	// for each other, and the end is for the parent to say.
	until(func() bool { return q.Len() == 0 }, func() { t.Errorf("%d tasks are left", q.Len()) })
	for _, p := range []*ipc.Process{a, b} {
		_ = p.Kill()
		_ = p.Join(ctx)
	}
	q.Close()
}
