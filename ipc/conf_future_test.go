package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

type power struct{ Base, Exponent int }

func raiseTo(_ context.Context, p power) (int, error) {
	n := 1
	for range p.Exponent {
		n *= p.Base
	}
	return n, nil
}

var raiseToFunc = ipc.NewFunc(raiseTo)

func TestResultOfATask(t *testing.T) { // FUT-01
	ctx := guard(t)
	pool := ipc.NewPool(raiseToFunc, 2)
	for _, in := range []power{{2, 8}, {Exponent: 8, Base: 2}} {
		if got, err := pool.ApplyAsync(in).Get(ctx); got != 256 || err != nil {
			t.Errorf("Get() = %d, %v", got, err)
		}
	}
	finish(t, pool)
}

// dieOrPerform is perform, but 3 kills its worker when the gate is open.
func dieOrPerform(ctx context.Context, n int) (int, error) {
	n, err := perform(ctx, n)
	if n == 9 {
		return 0, die("kill")
	}
	return n, err
}

var dieOrPerformFunc = ipc.NewFunc(dieOrPerform)

func TestResultOfALostTask(t *testing.T) { // FUT-05, ROB-12
	ctx := guard(t)
	pool, began, s := newScenePool(t, dieOrPerformFunc, 4)
	var results []*ipc.Result[int]
	for i := range 4 {
		results = append(results, pool.ApplyAsync(i))
	}
	for range results {
		ok(began.Recv(ctx))(t)
	}
	s.Gate.Set()
	for i, r := range results {
		got, err := r.Get(ctx)
		if i < 3 {
			if got != i*i || err != nil {
				t.Errorf("Get() = %d, %v; want %d", got, err, i*i)
			}
			continue
		}
		ee, isExit := errors.AsType[*ipc.ExitError](err)
		if !isExit || ee.Code != -9 {
			t.Errorf("Get() of the task of a killed worker = %v", err)
		}
	}
	if got, err := pool.Apply(ctx, 5); got != 25 || err != nil {
		t.Errorf("the next Apply() = %d, %v", got, err)
	}
	finish(t, pool)
}

func TestCancelOfManyTasks(t *testing.T) { // FUT-08
	ctx := guard(t)
	const workers, tasks = 5, 50
	pool, began, s := newScenePool(t, performFunc, workers)
	var results []*ipc.Result[int]
	for i := range tasks {
		results = append(results, pool.ApplyAsync(i))
	}
	under := map[int]bool{}
	for range workers {
		under[ok(began.Recv(ctx))(t)] = true
	}
	for i, r := range results {
		if !under[i] && !r.Cancel() {
			t.Errorf("task %d has not begun, and is not cancelled", i)
		}
	}
	s.Gate.Set()
	finish(t, pool)
	cancelled, done := 0, 0
	for i, r := range results {
		switch got, err := r.Get(over()); {
		case err == ipc.ErrCancelled:
			cancelled++
		case got == i*i && err == nil && under[i]:
			done++
		default:
			t.Errorf("task %d: %d, %v", i, got, err)
		}
	}
	if cancelled != tasks-workers || done != workers {
		t.Errorf("%d cancelled, %d done", cancelled, done)
	}
}

func TestCancelOfATask(t *testing.T) { // FUT-09, FUT-11
	ctx := guard(t)
	pool, began, s := newScenePool(t, performFunc, 1)
	running, pending := pool.ApplyAsync(4), pool.ApplyAsync(5)
	ok(began.Recv(ctx))(t)
	for range 2 {
		if !pending.Cancel() {
			t.Error("Cancel() of a task that waits is false")
		}
		if _, err := pending.Get(ctx); err != ipc.ErrCancelled || !pending.Ready() {
			t.Errorf("Get() of a task that was cancelled = %v", err)
		}
	}
	// Other than in Python, a task that has begun is ended.
	for range 2 {
		if running.Cancel() {
			t.Error("Cancel() of a task under way is true")
		}
		if _, err := running.Get(ctx); err != ipc.ErrCancelled {
			t.Errorf("Get() of a task that was under way = %v", err)
		}
	}
	s.Gate.Set()
	finished := pool.ApplyAsync(6)
	for range 2 {
		if got, err := finished.Get(ctx); got != 36 || err != nil {
			t.Errorf("Get() of a task that is done = %d, %v", got, err)
		}
		if finished.Cancel() {
			t.Error("Cancel() of a task that is done is true")
		}
	}
	finish(t, pool)
}

func TestWaitForResults(t *testing.T) { // FUT-12
	ctx := guard(t)
	pool, began, s := newScenePool(t, performOddFunc, 2)
	slow, quick := pool.MapAsync([]int{1, 2}), pool.ApplyAsync(4)
	ok(began.Recv(ctx))(t)

	// The first of several types, also if it is there already.
	for range 2 {
		ready, err := ipc.Wait(ctx, slow, quick, s.Gate)
		if err != nil || !slices.Equal(ready, []ipc.Waitable{quick}) {
			t.Errorf("Wait() = %v, %v; want the quick one", ready, err)
		}
	}
	if ready, err := ipc.Wait(over(), slow, s.Gate); len(ready) > 0 || err != context.Canceled {
		t.Errorf("Wait() = %v, %v", ready, err)
	}
	wait := mustBlock(t, "Wait", func() {
		if ready, err := ipc.Wait(ctx, slow); len(ready) != 1 || err != nil {
			t.Errorf("Wait() = %v, %v", ready, err)
		}
	})
	s.Gate.Set()
	wait()
	if ready, err := ipc.Wait(ctx, slow, quick); len(ready) != 2 || err != nil {
		t.Errorf("Wait() = %v, %v; want both", ready, err)
	}
	select {
	case <-slow.Done():
	case <-quick.Done():
	}
	finish(t, pool)
}

func TestWaitForTheFirstFailure(t *testing.T) { // FUT-12
	ctx := guard(t)
	pool, began, s := newScenePool(t, dieOrPerformFunc, 1)
	results := []*ipc.Result[int]{pool.ApplyAsync(2), pool.ApplyAsync(3), pool.ApplyAsync(4)}
	ok(began.Recv(ctx))(t)
	s.Gate.Set()
	var done []*ipc.Result[int]
	for r := range ipc.AsCompleted(ctx, results[0], results[1], results[2], results[1]) {
		done = append(done, r)
		if _, err := r.Get(ctx); err != nil {
			break
		}
	}
	if !slices.Equal(done, results[:2]) {
		t.Errorf("%d results up to the first that failed; want 2", len(done))
	}
	finish(t, pool)
}

func TestResultsComeAsTheyAreCompleted(t *testing.T) { // FUT-13
	ctx := guard(t)
	pool, began, s := newScenePool(t, performOddFunc, 3)
	a, b := pool.ApplyAsync(1), pool.ApplyAsync(3) // wait
	c, d := pool.ApplyAsync(2), pool.ApplyAsync(4) // are done
	for range 2 {
		ok(began.Recv(ctx))(t)
	}
	for _, r := range []*ipc.Result[int]{c, d} {
		ok(r.Get(ctx))(t)
	}
	order := []*ipc.Result[int]{a, c, b, d, c, a}
	got := slices.Collect(ipc.AsCompleted(over(), order...))
	if !slices.Equal(got, []*ipc.Result[int]{c, d}) {
		t.Errorf("AsCompleted() without time yields %d; want the two that are done", len(got))
	}
	unfinished := slices.DeleteFunc([]*ipc.Result[int]{a, b, c, d}, (*ipc.Result[int]).Ready)
	if len(unfinished) != 2 {
		t.Errorf("%d of 4 are unfinished; want 2", len(unfinished))
	}
	got = nil
	for r := range ipc.AsCompleted(ctx, order...) {
		got = append(got, r)
		if len(got) == 2 {
			s.Gate.Set() // the others can't be there before
		}
	}
	if len(got) != 4 || got[0] != c || got[1] != d || !slices.Contains(got, a) || !slices.Contains(got, b) {
		t.Errorf("AsCompleted() yields %d; want each of 4 once, the quick ones first", len(got))
	}
	finish(t, pool)
}

type refusal struct {
	Starts *ipc.Value[int64]
	How    string
}

// refuse is a setup that fails.
func refuse(_ context.Context, r refusal) (int, error) {
	r.Starts.Add(1)
	if r.How == "lost" {
		return 0, fmt.Errorf("setup: %w", errLost)
	}
	return 0, die(r.How)
}

var refuseSetup = ipc.NewSetup(refuse, nil)

func TestPoolIsBrokenWhenItsSetupFails(t *testing.T) { // FUT-16, ROB-03
	for how, text := range map[string]string{"lost": errLost.Error(), "panic": "ouch", "exit": "code 3", "kill": "killed"} {
		t.Run(how, func(t *testing.T) {
			ctx := guard(t)
			starts := newValue(t, int64(0))
			pool := ipc.NewPool(squareFunc, 2)
			pool.Setup = refuseSetup.With(refusal{starts, how})
			pending := pool.ApplyAsync(1)
			_, mapErr := pool.Map(ctx, numbers(10))
			_, pendingErr := pending.Get(ctx)
			_, nextErr := pool.ApplyAsync(2).Get(over()) // at once
			for _, err := range []error{mapErr, pendingErr, nextErr} {
				if err == nil || !strings.Contains(err.Error(), text) || how == "lost" && !errors.Is(err, errLost) {
					t.Errorf("the error is %v; want that of the setup", err)
				}
			}
			// One that is killed may have been so by chance, and is tried more often.
			if n := starts.Load(); n == 0 || n >= 10 && how != "kill" {
				t.Errorf("%d workers were started", n)
			}
			finish(t, pool)
		})
	}
}

func TestSetupRunsOnceInEachWorker(t *testing.T) { // POOL-34, FUT-16
	ctx := guard(t)
	pool, _, s := newScenePool(t, performOddFunc, 1)
	s.Gate.Set()
	for i := range 5 {
		if got, err := pool.Apply(ctx, 7); got != 49 || err != nil {
			t.Errorf("Apply() = %d, %v", got, err)
		}
		if n := s.Setups.Load(); n != 1 {
			t.Errorf("after task %d the setup has run %d times", i, n)
		}
	}
	finish(t, pool)
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "ipc: ") {
			t.Errorf("a setup without a function panics with %q", text)
		}
	}()
	ipc.NewSetup[int, int](nil, nil)
	t.Error("a setup needs no function")
}

func apple(context.Context, string) (string, error) {
	fmt.Println("apple")
	return "", nil
}

var appleFunc = ipc.NewFunc(apple)

// A pool that is closed and joined has done its tasks. One that is not goes
// down with the program, as daemons do.
func TestTaskGivenJustBeforeTheEnd(t *testing.T) { // FUT-20
	switch partOf() {
	case "close":
		pool := ipc.NewPool(appleFunc, 1)
		pool.ApplyAsync("")
		finish(t, pool)
		return
	case "leave":
		pool, began, _ := newScenePool(t, performFunc, 1)
		pool.MapAsync(numbers(3))
		ok(began.Recv(context.Background()))(t)
		return
	}
	guard(t)
	for part, want := range map[string]string{"close": "apple\nPASS\n", "leave": "PASS\n"} {
		cmd := programOf(t, os.Args[0], part)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil || !strings.HasPrefix(stdout.String(), want) || stderr.Len() > 0 {
			t.Errorf("%s: %v, stdout %q, stderr %q", part, err, &stdout, &stderr)
		}
	}
}
