package cluster_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

func mapHeldOnce(ctx context.Context, m callerOf) error {
	c, err := m.Membership.config().Open(ctx, m.Membership.URL)
	if err != nil {
		return err
	}
	pool := cluster.NewPool(c, actFunc)
	pool.ChunkSize, pool.MaxDeaths = 1, 1
	_, err = pool.Map(ctx, deeds("hold", m.Dir, 4))
	pool.Terminate()
	_ = pool.Join(ctx)
	if e := c.Close(); err == nil {
		err = e
	}
	return err
}

var heldOnceTarget = ipc.NewTarget(mapHeldOnce)

// TestCallerNaps has a caller that forgives no death be stopped three
// times, for a little more than its lease.
func TestCallerNaps(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	startHost(t, m.at("host"))
	dir := t.TempDir()
	p := ipc.NewProcess(heldOnceTarget, callerOf{m, dir})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	until(ctx, func() bool { return len(marks(dir, "began")) == m.Workers })
	for range 3 {
		_ = syscall.Kill(p.Pid(), syscall.SIGSTOP)
		time.Sleep(2200 * time.Millisecond) // this is what the test is about
		_ = syscall.Kill(p.Pid(), syscall.SIGCONT)
		n := len(marks(dir, "began"))
		until(ctx, func() bool { return !p.IsAlive() || len(marks(dir, "began")) > n })
	}
	letGo(t, dir)
	if err := p.Join(ctx); err != nil {
		t.Errorf("the caller has ended with %v", err)
	}
}
