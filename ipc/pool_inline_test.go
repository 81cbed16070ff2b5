package ipc_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// Desk is what a worker's setup gives to its tasks.
type deskConfig struct {
	Begun, Ended *ipc.Value[int]
	Factor       int
}

func openDesk(_ context.Context, c deskConfig) (deskConfig, error) {
	if c.Factor == 0 {
		return c, errors.New("no factor")
	}
	c.Begun.Add(1)
	return c, nil
}

func closeDesk(_ context.Context, c deskConfig) error {
	c.Ended.Add(1)
	return nil
}

func magnify(ctx context.Context, n int) (answer, error) {
	return answer{ipc.State[deskConfig](ctx).Factor * n, os.Getpid()}, nil
}

var (
	deskSetup   = ipc.NewSetup(openDesk, closeDesk)
	magnifyFunc = ipc.NewFunc(magnify)
)

func TestPoolSetupInProcessesAndInline(t *testing.T) {
	for _, inline := range []bool{false, true} {
		ctx := guard(t)
		c := deskConfig{Factor: 3}
		for _, v := range []**ipc.Value[int]{&c.Begun, &c.Ended} {
			*v = ok(ipc.NewValue(0))(t)
		}
		pool := ipc.NewPool(magnifyFunc, 2)
		pool.Setup, pool.Inline = deskSetup.With(c), inline
		got := ok(pool.Map(ctx, numbers(100)))(t)
		for i, r := range got {
			if r.N != 3*i || (r.Pid == os.Getpid()) != inline {
				t.Errorf("inline %v: result %d is %+v", inline, i, r)
			}
		}
		finish(t, pool)
		if b, e := c.Begun.Load(), c.Ended.Load(); b < 1 || b > 2 || e != b {
			t.Errorf("inline %v: %d workers were set up, %d torn down", inline, b, e)
		}
		c.Begun.Close()
		c.Ended.Close()
	}
}

func TestPoolInlineTasksFail(t *testing.T) {
	ctx := guard(t)
	t.Setenv("IPC_INLINE", "1")
	pool := ipc.NewPool(misbehaveFunc, 2)
	got, err := pool.Map(ctx, []string{"a", "panic", "error", "d"})
	var causes []ipc.Cause
	if failed, ok := errors.AsType[ipc.TaskErrors](err); ok {
		for _, e := range failed {
			causes = append(causes, e.Cause)
		}
	}
	if !slices.Equal(causes, []ipc.Cause{ipc.CausePanic, ipc.CauseError}) || !slices.Equal(got, []string{"a", "", "", "d"}) {
		t.Errorf("Map() = %q, %v", got, err)
	}
	over, cancel := context.WithCancel(ctx)
	wait := mustBlock(t, "Map", func() { _, err = pool.Map(over, []string{"hang"}) })
	cancel()
	wait()
	if err != context.Canceled {
		t.Errorf("Map() = %v", err)
	}
	finish(t, pool)
}
