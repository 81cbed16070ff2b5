package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

type taskArgs struct {
	Tasks *ipc.Queue[*int]
	Done  *ipc.Queue[int]
	Work  time.Duration
}

// workOff does tasks until it is given a nil. Each is done when it has been
// put into Done.
func workOff(ctx context.Context, a taskArgs) error {
	for {
		task, err := a.Tasks.Get(ctx)
		if err != nil {
			return err
		}
		if task == nil {
			return a.Tasks.TaskDone()
		}
		time.Sleep(a.Work)
		if err := errors.Join(a.Done.Put(ctx, *task), a.Tasks.TaskDone()); err != nil {
			return err
		}
	}
}

var workOffTarget = ipc.NewTarget(workOff)

func TestJoinWaitsForAllTasks(t *testing.T) { // JQ-01
	ctx := guard(t)
	tasks, done := newQueue[*int](t, 0), newQueue[int](t, 0)
	var ps []*ipc.Process
	for range 4 {
		ps = append(ps, ipc.NewProcess(workOffTarget, taskArgs{tasks, done, 20 * time.Millisecond}))
	}
	start(t, ps...)
	for i := range 10 {
		if err := tasks.Put(ctx, &i); err != nil {
			t.Fatal(err)
		}
	}
	if err := tasks.Join(ctx); err != nil {
		t.Errorf("Join() = %v", err)
	}
	var got []int
	for range 10 {
		got = append(got, ok(done.TryGet())(t)) // all of them are there
	}
	if slices.Sort(got); !slices.Equal(got, numbers(10)) {
		t.Errorf("done are %v", got)
	}
	if n, err := tasks.PutMany(ctx, make([]*int, 4)); n != 4 || err != nil {
		t.Fatalf("PutMany() = %d, %v", n, err)
	}
	join(t, ps...)
	if err := tasks.Join(ctx); err != nil {
		t.Errorf("Join() = %v", err)
	}
}

func TestJoinOfAQueueWithoutTasks(t *testing.T) { // JQ-02
	guard(t)
	q := newQueue[int](t, 0)
	if err := q.Join(over()); err != nil {
		t.Errorf("Join() of a queue that never had a value = %v", err)
	}
}

// stepByStep takes a value, and says that it is done, as often as it is told to.
func stepByStep(ctx context.Context, a steps) error {
	for step, err := range a.Do.All(ctx) {
		if err != nil {
			return err
		}
		switch step {
		case "get":
			_, err = a.Q.Get(ctx)
		case "done":
			err = a.Q.TaskDone()
		}
		if err := errors.Join(err, a.Did.Send(ctx, step)); err != nil {
			return err
		}
	}
	return nil
}

type steps struct {
	Q   *ipc.Queue[int]
	Do  *ipc.Receiver[string]
	Did *ipc.Sender[string]
}

var stepByStepTarget = ipc.NewTarget(stepByStep)

func TestJoinWaitsForTheLastTask(t *testing.T) { // JQ-03
	ctx := guard(t)
	q := newQueue[int](t, 0)
	do, s := channel[string](t)
	r, did := channel[string](t)
	p := ipc.NewProcess(stepByStepTarget, steps{q, do, did})
	start(t, p)
	for i := range 2 {
		if err := q.Put(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	tell := func(what string) {
		t.Helper()
		if err := s.Send(ctx, what); err != nil {
			t.Fatal(err)
		}
	}
	for _, what := range []string{"get", "get", "done"} {
		tell(what)
		ok(r.Recv(ctx))(t)
	}
	if err := notBefore(t, 100*time.Millisecond, q.Join); err != context.DeadlineExceeded {
		t.Errorf("Join() with a task to do = %v", err)
	}
	wait := mustBlock(t, "Join", func() {
		if err := q.Join(ctx); err != nil {
			t.Errorf("Join() = %v", err)
		}
	})
	tell("done")
	wait()
	s.Close()
	join(t, p)
}

func TestTaskDoneTooOften(t *testing.T) { // JQ-04
	ctx := guard(t)
	q := newQueue[int](t, 0)
	for range 2 { // as good as new after each
		for range 2 {
			if err := q.TaskDone(); err != ipc.ErrNoTask {
				t.Errorf("TaskDone() = %v; want ErrNoTask", err)
			}
		}
		if err := q.Put(ctx, 1); err != nil {
			t.Fatal(err)
		}
		ok(q.Get(ctx))(t)
		if err := q.Join(over()); err != context.Canceled {
			t.Errorf("Join() with a task to do = %v", err)
		}
		if err := errors.Join(q.TaskDone(), q.Join(ctx)); err != nil {
			t.Error(err)
		}
	}
}

// A consumer that dies with values in its hands: Join says so, and does not
// wait for what can never come.
func TestJoinNamesWhoLostTasks(t *testing.T) { // KF-32
	ctx := guard(t)
	q := newQueue[int](t, 0)
	do, s := channel[string](t)
	r, did := channel[string](t)
	p := ipc.NewProcess(stepByStepTarget, steps{q, do, did})
	start(t, p)
	for i := range 2 {
		if err := errors.Join(q.Put(ctx, i), s.Send(ctx, "get")); err != nil {
			t.Fatal(err)
		}
		ok(r.Recv(ctx))(t)
	}
	wait := mustBlock(t, "Join", func() {
		err := q.Join(ctx)
		lost, isLost := errors.AsType[*ipc.LostTaskError](err)
		if !isLost || lost.Pid != p.Pid() || lost.Tasks != 2 {
			t.Errorf("Join() = %#v; want a LostTaskError with pid %d", err, p.Pid())
		}
	})
	_ = p.Kill()
	wait()
	_ = p.Join(ctx)
}

// Batches: in order, as many as there is room for, and as many as there are.
func TestQueueTakesAndGivesMany(t *testing.T) {
	ctx := guard(t)
	q := newQueue[int](t, 4)
	var n int
	var err error
	wait := mustBlock(t, "PutMany", func() { n, err = q.PutMany(ctx, numbers(7)) })
	p := ipc.NewProcess(errandTarget, errand{Q: q, Take: 3})
	start(t, p)
	wait()
	join(t, p)
	if n != 7 || err != nil {
		t.Errorf("PutMany() = %d, %v", n, err)
	}
	got := make([]int, 9)
	n, err = q.GetMany(ctx, got)
	if want := []int{3, 4, 5, 6}; n != 4 || err != nil || !slices.Equal(got[:4], want) {
		t.Errorf("GetMany() = %d, %v: %v; want %v", n, err, got, want)
	}
	if n, err := q.GetMany(over(), got); n != 0 || err != context.Canceled {
		t.Errorf("GetMany() of nothing = %d, %v", n, err)
	}
	if n, err := q.PutMany(over(), numbers(7)); n != 4 || err != context.Canceled {
		t.Errorf("PutMany() of too many = %d, %v", n, err)
	}
	if text := fmt.Sprint(q.Len(), q.Cap()); text != "4 4" {
		t.Errorf("Len() and Cap() are %s", text)
	}
}
