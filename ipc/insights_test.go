package ipc_test

import (
	"context"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func TestInsights(t *testing.T) {
	ctx := guard(t)
	pool := ipc.NewPool(napFunc, 1)
	naps := []time.Duration{0, 30 * time.Millisecond, 0, 60 * time.Millisecond}
	ok(pool.Map(ctx, naps))(t)
	finish(t, pool)
	in := pool.Insights()
	if len(in.Workers) != 1 || len(in.Slowest) == 0 {
		t.Fatalf("Insights() = %+v", in)
	}
	w := in.Workers[0]
	if w.Tasks != len(naps) || !w.Ended || w.Start <= 0 || w.Pid == 0 || w.Working < 90*time.Millisecond {
		t.Errorf("the worker: %+v", w)
	}
	if s := in.Slowest[0]; s.Index != 3 || s.Took < 60*time.Millisecond || s.Pid != w.Pid {
		t.Errorf("the slowest task: %+v", s)
	}
}

func nap(_ context.Context, d time.Duration) (ipc.None, error) {
	time.Sleep(d)
	return ipc.None{}, nil
}

var napFunc = ipc.NewFunc(nap)

func TestProgressIsOverWhenMapIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(guard(t))
	pool := ipc.NewPool(napFunc, 1)
	var last ipc.Progress
	pool.Progress = func(p ipc.Progress) {
		last = p
		cancel() // after the first task
	}
	if _, err := pool.Map(ctx, []time.Duration{0, time.Hour, time.Hour}); err != context.Canceled {
		t.Errorf("Map() = %v", err)
	}
	if !last.Over || last.Done < 1 || last.Total != 3 {
		t.Errorf("the last call of Progress: %+v", last)
	}
	finish(t, pool)
}
