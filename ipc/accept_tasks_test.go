package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// props are what the tasks of these tests find in their workers.
type props struct {
	Pids  *ipc.Sender[int]
	Count *ipc.Value[int]
	Go    *ipc.Event
}

func layOut(_ context.Context, p props) (props, error) { return p, nil }

var propsSetup = ipc.NewSetup(layOut, nil)

func newProps(t *testing.T) (props, *ipc.Receiver[int]) {
	t.Helper()
	r, s := channel[int](t)
	p := props{s, ok(ipc.NewValue(0))(t), ok(ipc.NewEvent())(t)}
	t.Cleanup(func() { p.Count.Close(); p.Go.Close() })
	return p, r
}

// deed does what its text says.
func deed(ctx context.Context, how string) (string, error) {
	switch how {
	case "count and die":
		ipc.State[props](ctx).Count.Add(1)
		return "", die("kill")
	case "start a program":
		cmd := exec.Command("sleep", "1000")
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			return "", err
		}
		if err := ipc.State[props](ctx).Pids.Send(ctx, cmd.Process.Pid); err != nil {
			return "", err
		}
		return "", cmd.Wait()
	case "wait":
		p := ipc.State[props](ctx)
		return how, errors.Join(p.Pids.Send(ctx, os.Getpid()), p.Go.Wait(ctx))
	case "wrapped error":
		return "", fmt.Errorf("look for it: %w", os.ErrNotExist)
	case "busy":
		spin()
	case "border":
		time.Sleep(acceptBorder) // for as long as it may take, more or less
	default:
		return how, die(how)
	}
	return how, nil
}

const acceptBorder = 150 * time.Millisecond

var deedFunc = ipc.NewFunc(deed)

func TestAcceptQuarantine(t *testing.T) { // users.md 10, test 2
	ctx := guard(t)
	p, _ := newProps(t)
	pool := ipc.NewPool(deedFunc, 2)
	pool.Setup, pool.MaxDeaths = propsSetup.With(p), 2
	pool.Retry = func(*ipc.TaskError) bool { return true }
	in := []string{"a", "b", "count and die", "c", "d"}
	got, err := pool.Map(ctx, in)
	failed, _ := errors.AsType[ipc.TaskErrors](err)
	if len(failed) != 1 || failed[0].Index != 2 || failed[0].Attempts != 2 || failed[0].Cause != ipc.CauseKilled ||
		!errors.Is(err, ipc.ErrQuarantined) || !strings.Contains(err.Error(), "task 2") {
		t.Errorf("Map() = %v", err)
	}
	if in[2] = ""; !slices.Equal(got, in) || p.Count.Load() != 2 {
		t.Errorf("Map() = %q; the task was begun %d times", got, p.Count.Load())
	}
	finish(t, pool)
}

func TestAcceptTimeoutEndsPrograms(t *testing.T) { // users.md 10, test 4
	ctx := guard(t)
	p, pids := newProps(t)
	var out bytes.Buffer
	pool := ipc.NewPool(deedFunc, 1)
	pool.Setup, pool.Stdout = propsSetup.With(p), &out
	pool.Timeout, pool.Grace = time.Second, 10*time.Millisecond
	if _, err := pool.Apply(ctx, "start a program"); !errors.Is(err, ipc.ErrTimeout) {
		t.Errorf("Apply() = %v", err)
	}
	mustGo(t, ok(pids.Recv(ctx))(t))
	finish(t, pool)
}

// The deadline of a task is that of no other one.
func TestAcceptDeadline(t *testing.T) { // users.md 10, test 6
	tests := []struct {
		how     string
		timeout time.Duration
	}{
		{"busy", 3 * acceptBorder},
		{"border", acceptBorder},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			n := repeats(20)
			if testing.Short() {
				n = 4
			}
			ctx := guardFor(t, limit+time.Duration(n)*time.Second)
			pool := ipc.NewPool(deedFunc, 1)
			pool.Timeout, pool.Grace = tt.timeout, time.Millisecond
			in := []string{"a", tt.how, "b", "c", "d"}
			for range n {
				got, err := pool.Map(ctx, in)
				failed, isTasks := errors.AsType[ipc.TaskErrors](err)
				if err != nil && !isTasks || tt.how == "busy" && len(failed) != 1 {
					t.Fatalf("Map() = %v", err)
				}
				for _, e := range failed {
					if in[e.Index] != tt.how || e.Cause != ipc.CauseTimeout || !errors.Is(e, ipc.ErrTimeout) {
						t.Errorf("task %d (%s): %v, cause %v", e.Index, in[e.Index], e, e.Cause)
					}
					got[e.Index] = in[e.Index]
				}
				if !slices.Equal(got, in) {
					t.Errorf("Map() = %q", got)
				}
			}
			finish(t, pool)
		})
	}
}

func TestAcceptCauses(t *testing.T) { // users.md 10, test 18
	ctx := guard(t)
	pool := ipc.NewPool(deedFunc, 2)
	var stderr bytes.Buffer
	pool.Stderr = &stderr
	tests := []struct {
		how   string
		cause ipc.Cause
		code  int    // of the worker, 0 if it goes on
		trace string // in the text or the stack
	}{
		{"panic", ipc.CausePanic, 0, "ipc_test.die("},
		{"error", ipc.CauseError, 0, "no luck"},
		{"wrapped error", ipc.CauseError, 0, "look for it"},
		{"exit", ipc.CauseExit, 3, "code 3"},
		{"segv", ipc.CauseCrash, 2, "ipc_test.deed("},
		{"crash", ipc.CausePanic, 2, "ipc_test.die"},
		{"fatal", ipc.CauseCrash, 2, "ipc_test.die("},
		{"kill", ipc.CauseKilled, -9, "killed"},
	}
	for _, tt := range tests {
		_, err := pool.Apply(ctx, tt.how)
		e, isTask := errors.AsType[*ipc.TaskError](err)
		if !isTask || e.Cause != tt.cause || e.Pid == 0 {
			t.Errorf("%s: Apply() = %#v", tt.how, err)
			continue
		}
		text := err.Error() + e.Stderr
		if r, isRemote := errors.AsType[*ipc.RemoteError](err); isRemote {
			text += r.Stack
		}
		x, isExit := errors.AsType[*ipc.ExitError](err)
		if isExit != (tt.code != 0) || isExit && x.Code != tt.code || !strings.Contains(text, tt.trace) {
			t.Errorf("%s: Apply() = %v; want %q in %.2000s", tt.how, err, tt.trace, text)
		}
		if errors.Is(err, os.ErrNotExist) != (tt.how == "wrapped error") {
			t.Errorf("%s: Apply() = %v", tt.how, err)
		}
	}
	finish(t, pool)
}

func TestAcceptProgressCountsWhatIsOver(t *testing.T) { // users.md 10, test 19
	ctx := guard(t)
	p, pids := newProps(t)
	pool := ipc.NewPool(deedFunc, 1)
	pool.Setup, pool.ChunkSize = propsSetup.With(p), 10
	var seen []ipc.Progress // by one goroutine at a time, until Map returns
	pool.Progress = func(p ipc.Progress) { seen = append(seen, p) }
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err = pool.Map(ctx, []string{"wait", "a", "error", "b"})
	}()
	ok(pids.Recv(ctx))(t) // all are sent, none is over
	p.Go.Set()
	<-done
	if failed, _ := errors.AsType[ipc.TaskErrors](err); len(failed) != 1 || len(seen) == 0 {
		t.Fatalf("Map() = %v; progress %v", err, seen)
	}
	last := 0
	for _, s := range seen {
		if over := s.Done + s.Failed; over <= last && over != 4 || s.Total != 4 {
			t.Errorf("progress %+v after %d", s, last)
		}
		last = s.Done + s.Failed
	}
	if s := seen[len(seen)-1]; s.Done != 3 || s.Failed != 1 {
		t.Errorf("the last progress is %+v", s)
	}
	finish(t, pool)
}

// A den is a pool in a worker, and what it found there.
type den struct{ Leaves, Procs int }

func burrow(ctx context.Context, depth int) (den, error) {
	if depth == 0 {
		return den{1, runtime.GOMAXPROCS(0)}, nil
	}
	pool := ipc.NewPool(burrowFunc, 2)
	defer pool.Terminate()
	var all den
	dens, err := pool.Map(ctx, []int{depth - 1, depth - 1})
	for _, d := range dens {
		all = den{all.Leaves + d.Leaves, max(all.Procs, d.Procs)}
	}
	return all, err
}

var burrowFunc ipc.Func[int, den]

func init() { burrowFunc = ipc.NewFunc(burrow) }

func TestAcceptPoolsInWorkers(t *testing.T) { // users.md 10, test 15
	ctx := guard(t)
	all, err := burrow(ctx, 3)
	if want := max(1, ipc.CPUs()/8); err != nil || all.Leaves != 8 || all.Procs != want {
		t.Errorf("%+v, %v; want 8 leaves with GOMAXPROCS %d", all, err, want)
	}
	until(func() bool { return len(ipc.ActiveChildren()) == 0 }, func() { t.Error("workers are left") })
}
