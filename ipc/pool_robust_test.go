package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// linger leaves something behind that its worker has to wait for, and returns
// the pid of the process to watch.
func linger(_ context.Context, how string) (int, error) {
	if how != "child" {
		return os.Getpid(), nil
	}
	p := ipc.NewProcess(sleepTarget, ipc.None{})
	err := p.Start()
	return p.Pid(), err
}

// interrupt interrupts itself and then a program that it starts, and returns
// what that says.
func interrupt(context.Context, ipc.None) (string, error) {
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		return "", err
	}
	out, err := exec.Command("sh", "-c", "kill -INT $$; echo survived").Output()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		err = nil
	}
	return string(out), err
}

var (
	lingerFunc    = ipc.NewFunc(linger)
	interruptFunc = ipc.NewFunc(interrupt)
)

// stop stops a process and waits until all of its threads stand still.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(func() bool {
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		return !slices.ContainsFunc(stats, func(file string) bool {
			text, err := os.ReadFile(file)
			_, rest, _ := strings.Cut(string(text), ") ")
			return err == nil && !strings.HasPrefix(rest, "T")
		})
	}, func() { t.Errorf("process %d does not stop", pid) })
}

// countdown is a context that ends when it is looked at for the n-th time.
type countdown struct {
	context.Context
	end   context.CancelFunc
	n     atomic.Int32
	pause time.Duration // in each look
}

func newCountdown(n int, pause time.Duration) *countdown {
	c := &countdown{pause: pause}
	c.Context, c.end = context.WithCancel(context.Background())
	c.n.Store(int32(n))
	return c
}

func (c *countdown) Done() <-chan struct{} {
	if c.n.Add(-1) == 0 {
		c.end()
	}
	time.Sleep(c.pause)
	return c.Context.Done()
}

func TestPoolReplacesIdleWorkerThatWasKilled(t *testing.T) { // KF-04
	ctx := guard(t)
	pool := ipc.NewPool(squareFunc, 1)
	first := ok(pool.Map(ctx, []int{1}))(t)
	worker := ipc.ActiveChildren()[0]
	_ = worker.Kill()
	<-worker.Sentinel()
	got, err := pool.Map(ctx, []int{1, 2, 3})
	if err != nil || got[2].N != 9 || got[2].Pid == first[0].Pid {
		t.Errorf("Map() = %v, %v", got, err)
	}
	finish(t, pool)
}

// A worker that is stopped does not take the chunk out of its pipe: when it
// is killed then, the tasks have not been tried, and another one can do them.
func TestPoolRedoesChunkThatKilledWorkerHadNotTaken(t *testing.T) { // KF-04, KF-16
	ctx := guard(t)
	pool := ipc.NewPool(squareFunc, 1)
	pid := ok(pool.Map(ctx, []int{1}))(t)[0].Pid
	stop(t, pid)
	var got []answer
	var err error
	wait := mustBlock(t, "Map", func() { got, err = pool.Map(ctx, []int{3}) })
	_ = syscall.Kill(pid, syscall.SIGKILL)
	wait()
	if err != nil || got[0].N != 9 || got[0].Pid == pid {
		t.Errorf("Map() = %v, %v", got, err)
	}
	finish(t, pool)
}

func TestPoolLosesTaskThatExitsWithZero(t *testing.T) { // KF-02
	ctx := guard(t)
	pool := ipc.NewPool(exitZeroFunc, 1)
	_, err := pool.Map(ctx, []int{1})
	te, isTask := errors.AsType[*ipc.TaskError](err)
	ee, isExit := errors.AsType[*ipc.ExitError](err)
	if !isTask || !isExit || te.Index != 0 || ee.Code != 0 {
		t.Errorf("Map() = %#v; want a *TaskError of an *ExitError of code 0", err)
	}
	finish(t, pool)
}

func exitZero(context.Context, int) (int, error) { os.Exit(0); return 0, nil }

var exitZeroFunc = ipc.NewFunc(exitZero)

func TestPoolKeepsSlotsWhenMapsAreGivenUp(t *testing.T) { // POOL-11
	ctx := guard(t)
	pool := ipc.NewPool(squareFunc, 1)
	pool.ChunkSize = 1
	for n := range 40 {
		// Anywhere between the first task and the last, which takes longer.
		over, cancel := context.WithTimeout(ctx, time.Duration(n)*100*time.Microsecond)
		if _, err := pool.Map(over, numbers(1_000_000)); err != context.DeadlineExceeded {
			t.Errorf("Map() = %v", err)
		}
		cancel()
	}
	if got, err := pool.Map(ctx, numbers(4)); err != nil || got[3].N != 9 {
		t.Errorf("the next Map() = %v, %v", got, err)
	}
	pool.Terminate()
	if err := pool.Join(ctx); err != nil {
		t.Error(err)
	}
}

func TestPoolTerminatesAfterClose(t *testing.T) { // POOL-39
	for _, how := range []string{"stopped", "child"} {
		t.Run(how, func(t *testing.T) {
			ctx := guard(t)
			pool := ipc.NewPool(lingerFunc, 1)
			pid := ok(pool.Map(ctx, []string{how}))(t)[0]
			if how == "stopped" {
				stop(t, pid)
			}
			pool.Close()
			var err error
			wait := mustBlock(t, "Join", func() { err = pool.Join(ctx) })
			pool.Terminate()
			wait()
			if err != nil {
				t.Errorf("Join() = %v", err)
			}
			until(func() bool { return gone(pid) }, func() { t.Errorf("process %d is still there", pid) })
		})
	}
}

func TestPoolJoinWithoutCloseIsAnError(t *testing.T) { // POOL-38
	ctx := guard(t)
	pool := ipc.NewPool(squareFunc, 1)
	for range 2 { // before the first task, and after
		if err := pool.Join(ctx); err != ipc.ErrNotClosed {
			t.Errorf("Join() = %v; want ErrNotClosed", err)
		}
		ok(pool.Map(ctx, numbers(1)))(t)
	}
	finish(t, pool)
}

func TestPoolJoinsThatAreGivenUpLeaveNoGoroutines(t *testing.T) {
	ctx := guard(t)
	pool := ipc.NewPool(lingerFunc, 1)
	pid := ok(pool.Map(ctx, []string{""}))(t)[0]
	stop(t, pid)
	pool.Close()
	over, cancel := context.WithCancel(ctx)
	cancel()
	before := runtime.NumGoroutine()
	for range 20 {
		if err := pool.Join(over); err != context.Canceled {
			t.Errorf("Join() = %v", err)
		}
	}
	until(func() bool { return runtime.NumGoroutine() <= before },
		func() { t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before) })
	pool.Terminate()
	if err := pool.Join(ctx); err != nil {
		t.Error(err)
	}
}

func TestPoolTakesAnyChunkSize(t *testing.T) { // POOL-49
	ctx := guard(t)
	pool := ipc.NewPool(squareFunc, 2)
	pool.ChunkSize = math.MaxInt
	if got, err := pool.Map(ctx, numbers(3)); err != nil || got[2].N != 4 {
		t.Errorf("Map() = %v, %v", got, err)
	}
	finish(t, pool)
}

func TestPoolTasksOutliveInterruptAndTheirProgramsDoNot(t *testing.T) { // KF-10, ROB-10
	ctx := guard(t)
	pool := ipc.NewPool(interruptFunc, 1)
	if got, err := pool.Map(ctx, make([]ipc.None, 1)); err != nil || got[0] != "" {
		t.Errorf("Map() = %q, %v", got, err)
	}
	finish(t, pool)
}

// Maps at once, some of which are given up and some of which lose workers:
// the others get what they want.
func TestPoolServesMapsAtOnce(t *testing.T) { // ROB-12, POOL-39
	ctx := guard(t)
	pool := ipc.NewPool(misbehaveFunc, 3)
	pool.ChunkSize = 2
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for j := range 5 {
				in := []string{"a", "b", "c", "d", fmt.Sprint(i, j)}
				var c context.Context = ctx
				switch (i + j) % 5 {
				case 0:
					in[2] = "kill"
				case 1:
					c = newCountdown(2, 0)
				}
				got, err := pool.Map(c, in)
				switch te, isTask := errors.AsType[*ipc.TaskError](err); {
				case isTask && te.Index == 2 && in[2] == "kill", err == context.Canceled && c != ctx:
				case err != nil, !slices.Equal(got, in):
					t.Errorf("Map(%q) = %q, %v", in, got, err)
				}
			}
		})
	}
	wg.Wait()
	for range 3 {
		wg.Go(func() {
			if _, err := pool.Map(ctx, []string{"x", "y", "hang"}); err != ipc.ErrTerminated && err != ipc.ErrClosed {
				t.Errorf("Map() = %v", err)
			}
		})
		wg.Go(pool.Close)
		wg.Go(pool.Terminate)
		wg.Go(func() {
			if err := pool.Join(ctx); err != nil && err != ipc.ErrNotClosed {
				t.Errorf("Join() = %v", err)
			}
		})
	}
	wg.Wait()
	if err := pool.Join(ctx); err != nil {
		t.Error(err)
	}
}
