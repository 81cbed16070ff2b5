package ipc_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A nap is a task that takes its time, whatever its context says.
func takeNap(_ context.Context, d time.Duration) (pid int, err error) {
	time.Sleep(d)
	return os.Getpid(), nil
}

func leaveWell(_ context.Context, code int) (int, error) {
	os.Stderr.WriteString("so long\n")
	os.Exit(code)
	return 0, nil
}

func dieAtOnce(context.Context, ipc.None) (ipc.None, error) { return ipc.None{}, die("kill") }

var (
	takeNapFunc   = ipc.NewFunc(takeNap)
	leaveWellFunc = ipc.NewFunc(leaveWell)
	dieAtOnceFunc = ipc.NewFunc(dieAtOnce)
)

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestProgressIsToldBeforeTheEnd(t *testing.T) {
	ctx := guard(t)
	pool := ipc.NewPool(failSomeFunc, 2)
	var last ipc.Progress // if one came after the end, it would be a data race
	pool.Progress = func(p ipc.Progress) { last = p }
	for range 50 {
		last = ipc.Progress{}
		if _, err := pool.Map(ctx, numbers(20)); err == nil {
			t.Error("Map() = nil")
		}
		if last.Done != 18 || last.Failed != 2 {
			t.Fatalf("Map has returned, and the progress was %+v", last)
		}
	}
	finish(t, pool)
}

func TestPanicOfAPoolsFunctionsIsNotLost(t *testing.T) {
	ctx := guard(t)
	for _, async := range []bool{false, true} {
		pool := ipc.NewPool(failSomeFunc, 1)
		pool.Retry = func(*ipc.TaskError) bool { panic("from Retry") }
		if async {
			if _, err := pool.ApplyAsync(1).Get(ctx); err == nil || !strings.Contains(err.Error(), "from Retry") {
				t.Errorf("Get() = %v", err)
			}
		} else {
			func() {
				defer func() {
					if v := recover(); v != "from Retry" {
						t.Errorf("Map panics with %v", v)
					}
				}()
				_, err := pool.Map(ctx, []int{1})
				t.Errorf("Map() = %v", err)
			}()
		}
		finish(t, pool)
	}
}

func TestFirstDeathCanBeTheLastOneAllowed(t *testing.T) {
	ctx := guard(t)
	pool := ipc.NewPool(dieAtOnceFunc, 1)
	pool.MaxDeaths = 1
	pool.Retry = func(*ipc.TaskError) bool { return true }
	if _, err := pool.Apply(ctx, ipc.None{}); !errors.Is(err, ipc.ErrQuarantined) {
		t.Errorf("Apply() = %v", err)
	}
	finish(t, pool)
}

func TestTaskThatExitsWithZeroHasACause(t *testing.T) {
	ctx := guard(t)
	pool := ipc.NewPool(leaveWellFunc, 1)
	_, err := pool.Apply(ctx, 0)
	e, isTask := errors.AsType[*ipc.TaskError](err)
	if !isTask || e.Cause != ipc.CauseExit || e.Stderr != "so long\n" {
		t.Errorf("Apply() = %v, %+v", err, e)
	}
	finish(t, pool)
}

// Tasks that a slow one keeps from being done go to other workers. They are not
// among those that the slow one's worker has done.
func TestTasksTakenBackDoNotWearAWorkerOut(t *testing.T) {
	ctx := guard(t)
	const life = 96
	pool := ipc.NewPool(takeNapFunc, 1)
	pool.MaxTasksPerChild = life
	in := make([]time.Duration, 4*life)
	for i := 0; i < len(in); i += life / 2 {
		in[i] = 60 * time.Millisecond
	}
	done := map[int]int{}
	var last int
	for _, pid := range ok(pool.Map(ctx, in))(t) {
		done[pid]++
		last = pid
	}
	for pid, n := range done {
		if pid != last && n < life-life/8 {
			t.Errorf("a worker has done %d tasks of %d: %v", n, life, done)
			break
		}
	}
	finish(t, pool)
}

// An inline task that has not heeded its context can't be ended, and waiting for
// it must not take the processor that it needs.
func TestInlineTaskThatTakesTooLongIsWaitedFor(t *testing.T) {
	ctx := guard(t)
	const nap = time.Second
	pool := ipc.NewPool(takeNapFunc, 1)
	pool.Inline, pool.Timeout, pool.Grace = true, 10*time.Millisecond, 10*time.Millisecond
	before := processorTime()
	if _, err := pool.Apply(ctx, nap); err != nil {
		t.Error(err)
	}
	if used := processorTime() - before; used > nap/4 {
		t.Errorf("waiting for %v has taken %v of processor time", nap, used)
	}
	finish(t, pool)
}

// With a list that is searched for each of them this takes minutes.
func TestManyResultsAreCancelled(t *testing.T) {
	ctx := guardFor(t, 3*limit)
	pool := ipc.NewPool(takeNapFunc, 2)
	results := make([]*ipc.Result[int], 200_000)
	for i := range results {
		results[i] = pool.ApplyAsync(10 * time.Minute)
	}
	for _, r := range results {
		r.Cancel()
	}
	for i, r := range results {
		if _, err := r.Get(ctx); err != ipc.ErrCancelled {
			t.Fatalf("result %d: %v", i, err)
		}
	}
	finish(t, pool)
}
