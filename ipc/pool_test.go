package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

type answer struct{ N, Pid int }

func square(_ context.Context, n int) (answer, error) { return answer{n * n, os.Getpid()}, nil }

// misbehave does what its text says.
func misbehave(ctx context.Context, how string) (string, error) {
	switch how {
	case "error":
		return "", errors.New("no luck")
	case "panic":
		panic("ouch")
	case "exit":
		os.Exit(7)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "hang":
		<-ctx.Done()
	}
	return how, nil
}

func nested(ctx context.Context, n int) (int, error) {
	pool := ipc.NewPool(squareFunc, 2)
	defer pool.Terminate()
	got, err := pool.Map(ctx, []int{n, n + 1})
	if err != nil {
		return 0, err
	}
	return got[0].N + got[1].N, nil
}

var (
	squareFunc    = ipc.NewFunc(square)
	misbehaveFunc = ipc.NewFunc(misbehave)
	nestedFunc    = ipc.NewFunc(nested)
)

func numbers(n int) []int {
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	return in
}

// finish closes a pool and waits for it.
func finish[A, R any](t *testing.T, p *ipc.Pool[A, R]) {
	t.Helper()
	p.Close()
	if err := p.Join(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestPoolMaps(t *testing.T) {
	ctx := guard(t)
	for _, chunk := range []int{0, 1, 7, 1000} {
		pool := ipc.NewPool(squareFunc, 4)
		pool.ChunkSize = chunk
		pids := map[int]bool{}
		for range 3 {
			got, err := pool.Map(ctx, numbers(100))
			if err != nil || len(got) != 100 {
				t.Fatalf("Map() = %d results, %v", len(got), err)
			}
			for i, r := range got {
				if r.N != i*i || r.Pid == os.Getpid() {
					t.Errorf("result %d is %+v", i, r)
				}
				pids[r.Pid] = true
			}
		}
		if len(pids) > 4 {
			t.Errorf("%d workers did the work of 4", len(pids))
		}
		finish(t, pool)
		if _, err := pool.Map(ctx, numbers(1)); err != ipc.ErrClosed {
			t.Errorf("Map() after Close = %v", err)
		}
	}
}

func TestPoolMapOfNothing(t *testing.T) {
	ctx := guard(t)
	pool := ipc.NewPool(squareFunc, 2)
	if got, err := pool.Map(ctx, nil); len(got) != 0 || err != nil {
		t.Errorf("Map(nil) = %v, %v", got, err)
	}
	finish(t, pool)
}

func TestPoolTaskFails(t *testing.T) { // KF-01, KF-02, ROB-01, ROB-12
	ctx := guard(t)
	tests := []struct {
		how  string
		text string
		code int // of the *ExitError, 0 for a *RemoteError
	}{
		{"error", "no luck", 0},
		{"panic", "panic: ouch", 0},
		{"exit", "exited with code 7", 7},
		{"kill", "killed", -9},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			pool := ipc.NewPool(misbehaveFunc, 2)
			pool.ChunkSize = 1
			_, err := pool.Map(ctx, []string{"a", "b", "c", tt.how, "e"})
			te, isTask := errors.AsType[*ipc.TaskError](err)
			if !isTask || te.Index != 3 || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("Map() = %v", err)
			}
			if ee, isExit := errors.AsType[*ipc.ExitError](err); isExit != (tt.code != 0) || isExit && ee.Code != tt.code {
				t.Errorf("Map() = %#v", te.Err)
			}
			// The pool goes on.
			if got, err := pool.Map(ctx, []string{"x", "y"}); err != nil || !slices.Equal(got, []string{"x", "y"}) {
				t.Errorf("the next Map() = %v, %v", got, err)
			}
			finish(t, pool)
		})
	}
}

func TestPoolMapHonoursItsContext(t *testing.T) {
	guard(t)
	pool := ipc.NewPool(misbehaveFunc, 1)
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	wait := mustBlock(t, "Map", func() { _, err = pool.Map(ctx, []string{"hang"}) })
	cancel()
	wait()
	if err != context.Canceled {
		t.Errorf("Map() = %v", err)
	}
	pool.Terminate()
	_ = pool.Join(context.Background())
}

func TestPoolTerminateEndsMap(t *testing.T) { // KF-09, ROB-09
	ctx := guard(t)
	pool := ipc.NewPool(misbehaveFunc, 2)
	var err error
	wait := mustBlock(t, "Map", func() { _, err = pool.Map(ctx, []string{"hang", "hang"}) })
	pool.Terminate()
	wait()
	if err != ipc.ErrTerminated {
		t.Errorf("Map() = %v", err)
	}
	if err := pool.Join(ctx); err != nil {
		t.Error(err)
	}
}

func TestPoolsNest(t *testing.T) { // KF-14, PROC-69
	ctx := guard(t)
	pool := ipc.NewPool(nestedFunc, 2)
	got, err := pool.Map(ctx, []int{1, 2, 3})
	if err != nil || !slices.Equal(got, []int{5, 13, 25}) {
		t.Errorf("Map() = %v, %v", got, err)
	}
	finish(t, pool)
}

func TestPoolBigItems(t *testing.T) {
	ctx := guard(t)
	pool := ipc.NewPool(misbehaveFunc, 2)
	in := []string{strings.Repeat("a", 4<<20), strings.Repeat("b", 4<<20)}
	if got, err := pool.Map(ctx, in); err != nil || !slices.Equal(got, in) {
		t.Errorf("Map() = %d results, %v", len(got), err)
	}
	finish(t, pool)
}

func TestPoolRefusesBadNumbers(t *testing.T) { // FUT-19, KF-11
	for _, f := range []func(){
		func() { ipc.NewPool(squareFunc, 0) },
		func() { ipc.NewPool(squareFunc, -1) },
		func() {
			p := ipc.NewPool(squareFunc, 1)
			p.ChunkSize = -1
			_, _ = p.Map(context.Background(), []int{1})
		},
	} {
		func() {
			defer func() {
				if v := recover(); !strings.HasPrefix(fmt.Sprint(v), "ipc: ") {
					t.Errorf("recovered %v", v)
				}
			}()
			f()
			t.Error("no panic")
		}()
	}
}
