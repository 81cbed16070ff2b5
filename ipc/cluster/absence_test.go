package cluster_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// TestHostsEndInOrder has each of several hosts end in order with a task in its
// hands: the next one does it.
func TestHostsEndInOrder(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	m.Workers = 1
	_, pool := openPool(t, ctx, m.config(), m.URL, actFunc)
	dir := t.TempDir()
	result := pool.ApplyAsync(deed{What: "hold", N: 3, Dir: dir})
	for i := range 4 {
		host := startHost(t, m.at("host"))
		if !until(ctx, func() bool { return len(marks(dir, "began")) == i+1 || result.Ready() }) || result.Ready() {
			break
		}
		_ = host.Cancel()
		_ = host.Join(ctx)
	}
	letGo(t, dir)
	startHost(t, m.at("last"))
	r, err := result.Get(ctx)
	if err != nil || r.N != 9 {
		t.Errorf("Get() = %+v, %v after %d beginnings", r, err, len(marks(dir, "began")))
	}
}

func letGo(t testing.TB, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Error(err)
	}
}

// TestInnocentBesideKiller has a task be beside one that kills its hosts, each a
// chunk of its own.
func TestInnocentBesideKiller(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	dir := t.TempDir()
	keepHosts(t, m, func() {
		if len(marks(dir, "began-1")) == 2 {
			letGo(t, dir)
		}
	})
	_, pool := openPool(t, ctx, m.config(), m.URL, actFunc)
	pool.MaxDeaths, pool.ChunkSize = 2, 1
	got, err := pool.Map(ctx, []deed{{What: "hold", N: 4, Dir: dir}, {What: "kill the host", N: 1, Dir: dir}})
	failed, _ := errors.AsType[ipc.TaskErrors](err)
	if len(failed) != 1 || failed[0].Index != 1 || got[0].N != 16 {
		t.Errorf("Map() = %v, %v; want only the killer in quarantine", got, err)
	}
}

// A held caller maps tasks that end when they may.
type heldCaller struct {
	Caller    callerOf
	MaxDeaths int
}

func mapHeld(ctx context.Context, h heldCaller) error {
	m := h.Caller
	c, err := m.Membership.config().Open(ctx, m.Membership.URL)
	if err != nil {
		return err
	}
	pool := cluster.NewPool(c, actFunc)
	pool.ChunkSize, pool.MaxDeaths = 1, h.MaxDeaths
	_, err = pool.Map(ctx, deeds("hold", m.Dir, 4))
	pool.Terminate()
	_ = pool.Join(ctx)
	if e := c.Close(); err == nil {
		err = e
	}
	return err
}

var heldTarget = ipc.NewTarget(mapHeld)

// TestCallerSleeps has a caller be stopped for some leases, and go on.
func TestCallerSleeps(t *testing.T) { stopCaller(t, 0, 2, 4*time.Second) }

// TestCallerNaps has a caller that forgives no death be stopped for a little more
// than its lease and the time in which that is noticed.
func TestCallerNaps(t *testing.T) { stopCaller(t, 1, 3, 2200*time.Millisecond) }

// stopCaller stops a caller with a lease of a second some times, for as long each
// time; its tasks are done all the same.
func stopCaller(t *testing.T, maxDeaths, times int, long time.Duration) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	startHost(t, m.at("host"))
	dir := t.TempDir()
	p := ipc.NewProcess(heldTarget, heldCaller{callerOf{m, dir}, maxDeaths})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	until(ctx, func() bool { return len(marks(dir, "began")) == m.Workers })
	for range times {
		_ = syscall.Kill(p.Pid(), syscall.SIGSTOP)
		time.Sleep(long) // this is what the test is about
		_ = syscall.Kill(p.Pid(), syscall.SIGCONT)
		n := len(marks(dir, "began"))
		until(ctx, func() bool { return !p.IsAlive() || len(marks(dir, "began")) > n })
	}
	letGo(t, dir)
	if err := p.Join(ctx); err != nil {
		t.Errorf("the caller has ended with %v", err)
	}
}

// TestHostComesDuringOrder has a host come while another one, which is stopped,
// has not answered an order.
func TestHostComesDuringOrder(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	m.Lease = 3 * time.Second
	first := startHost(t, m.at("first"))
	c, err := m.config().Open(ctx, m.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	pool := cluster.NewPool(c, actFunc)
	if _, err := pool.Map(ctx, deeds("", "", 4)); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(first.Pid(), syscall.SIGSTOP)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_ = pool.Insights()
	}()
	startHost(t, m.at("second"))
	until(ctx, func() bool { return len(c.Hosts()) == 2 })
	_ = syscall.Kill(first.Pid(), syscall.SIGCONT)
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	select {
	case <-asked:
	case <-wait.Done():
		t.Error("Insights() waits for a host that was not asked")
	}
}
