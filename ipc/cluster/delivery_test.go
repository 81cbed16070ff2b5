package cluster_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

const deadline = 2 * time.Minute

// aServer is a server on loopback, and a membership of its cluster.
func aServer(t testing.TB) (*server, *spy, membership) {
	t.Helper()
	s := newServer(t, freeAddr(t), "testdata/loopback.conf")
	s.start()
	return s, newSpy(t, s, "nothing", nil), membership{URL: s.url(), Name: "delivery", Host: "caller", Lease: time.Second, Workers: 2}
}

func (m membership) at(host string) membership {
	m.Host = host
	return m
}

// checkOnce checks that each result of deeds is there.
func checkOnce(t testing.TB, got []done, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("Map() = %v", err)
	}
	for i, r := range got {
		if r.N != i*i {
			t.Fatalf("result %d is %+v", i, r)
		}
	}
}

func TestHostDies(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	first := startHost(t, m.at("first"))
	startHost(t, m.at("second"))
	c, pool := openPool(t, ctx, m.config(), m.URL, actFunc)
	until(ctx, func() bool { return len(c.Hosts()) == 2 })
	var got []done
	workers := map[int]bool{} // of the first host
	for r, err := range pool.Imap(ctx, slices.Values(deeds("slow", "", 400))) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Host == first.Pid() {
			workers[r.Pid] = true
		}
		if got = append(got, r); len(got) == 100 {
			_ = first.Kill()
		}
	}
	checkOnce(t, got, nil)
	if len(got) != 400 || len(workers) == 0 {
		t.Errorf("%d results; the first host has worked with %v", len(got), workers)
	}
	for pid := range workers {
		until(ctx, func() bool { return gone(pid) })
	}
	_ = first.Join(ctx)
	until(ctx, func() bool { return len(c.Hosts()) == 1 })
}

// TestTaskEndsItsHosts has one task of several kill each host that begins it.
func TestTaskEndsItsHosts(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	dir := t.TempDir()
	keepHosts(t, m, func() {})
	_, pool := openPool(t, ctx, m.config(), m.URL, actFunc)
	pool.MaxDeaths, pool.ChunkSize = 2, 5
	in := deeds("slow", dir, 20)
	const killer = 7
	in[killer].What = "kill the host"
	got, err := pool.Map(ctx, in)
	failed, _ := errors.AsType[ipc.TaskErrors](err)
	if len(failed) != 1 || failed[0].Index != killer || !errors.Is(err, ipc.ErrQuarantined) || failed[0].Attempts != 2 {
		t.Fatalf("Map() = %v; want only the killer in quarantine", err)
	}
	for i, r := range got {
		if i != killer && r.N != i*i {
			t.Errorf("result %d is %+v", i, r)
		}
	}
	if n := len(marks(dir, "began")); n != 4 {
		t.Errorf("the killer was begun %d times; want twice among others, and twice alone", n)
	}
}

// beCaller maps tasks that never end.
func beCaller(ctx context.Context, m callerOf) error {
	c, err := m.Membership.config().Open(ctx, m.Membership.URL)
	if err != nil {
		return err
	}
	pool := cluster.NewPool(c, actFunc)
	in := deeds("wait", m.Dir, 10)
	in[0].Load = make([]byte, 3<<20) // it is too large for a message
	_, err = pool.Map(ctx, in)
	return err
}

type callerOf struct {
	Membership membership
	Dir        string
}

var callerTarget = ipc.NewTarget(beCaller)

func TestCallerDies(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, y, m := aServer(t)
	startHost(t, m.at("host"))
	dir := t.TempDir()
	p := ipc.NewProcess(callerTarget, callerOf{m, dir})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	until(ctx, func() bool {
		_, buckets := kept(ctx, y)
		return len(marks(dir, "began")) == m.Workers && buckets == 1
	})
	_ = p.Kill()
	_ = p.Join(ctx)
	for _, pid := range marks(dir, "began") {
		until(ctx, func() bool { return gone(pid) })
	}
	until(ctx, func() bool {
		messages, buckets := kept(ctx, y)
		return messages == 0 && buckets == 0
	})
	if n := len(marks(dir, "began")); n != m.Workers {
		t.Errorf("%d tasks were begun; the caller died with %d", n, m.Workers)
	}
}

func TestCancelReachesHosts(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, y, m := aServer(t)
	startHost(t, m.at("host"))
	_, pool := openPool(t, ctx, m.config(), m.URL, actFunc)
	pool.Grace = time.Minute
	dir := t.TempDir()
	mapping, cancel := context.WithCancel(ctx)
	go func() {
		until(ctx, func() bool { return len(marks(dir, "began")) == m.Workers })
		cancel()
	}()
	if _, err := pool.Map(mapping, deeds("wait", dir, 100)); err != context.Canceled {
		t.Errorf("Map() = %v", err)
	}
	if began, ended := len(marks(dir, "began")), len(marks(dir, "ended")); began != m.Workers || ended != began {
		t.Errorf("%d tasks were begun, and %d have seen the end of their context", began, ended)
	}
	until(ctx, func() bool { messages, _ := kept(ctx, y); return messages == 0 })
	got, err := pool.Map(ctx, deeds("", "", 50))
	checkOnce(t, got, err)
}

func TestServerRestarts(t *testing.T) {
	for how, end := range map[string]func(*server){"in order": (*server).stop, "killed": (*server).kill} {
		t.Run(how, func(t *testing.T) {
			ipctest.NoLeaks(t)
			ctx := ipctest.Deadline(t, deadline)
			s, _, m := aServer(t)
			startHost(t, m.at("first"))
			startHost(t, m.at("second"))
			_, pool := openPool(t, ctx, m.config(), m.URL, actFunc)
			var got []done
			for r, err := range pool.Imap(ctx, slices.Values(deeds("slow", "", 500))) {
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, r); len(got) == 100 || len(got) == 300 {
					end(s)
					s.start()
				}
			}
			checkOnce(t, got, nil)
			if len(got) != 500 {
				t.Errorf("%d results", len(got))
			}
		})
	}
}

// TestServerLosesTasks takes the queue away, as a server does that comes back
// without its files.
func TestServerLosesTasks(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, y, m := aServer(t)
	_, pool := openPool(t, ctx, m.config(), m.URL, actFunc)
	result := pool.MapAsync(deeds("slow", "", 50))
	until(ctx, func() bool { n, _ := kept(ctx, y); return n > 0 })
	if err := y.ask(ctx, "STREAM.PURGE.IPC_"+m.Name, nil); err != nil {
		t.Fatal(err)
	}
	startHost(t, m.at("host"))
	got, err := result.Get(ctx)
	checkOnce(t, got, err)
}

func TestNobodyComes(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	config := m.config()
	config.Patience = 300 * time.Millisecond
	_, pool := openPool(t, ctx, config, m.URL, actFunc)
	if _, err := pool.Map(ctx, deeds("", "", 3)); !errors.Is(err, cluster.ErrNoHosts) {
		t.Errorf("Map() = %v", err)
	}
	if _, err := pool.Apply(ctx, deed{}); !errors.Is(err, cluster.ErrNoHosts) {
		t.Errorf("the next Apply() = %v", err)
	}
}

func TestServerIsGone(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	s, _, m := aServer(t)
	config := m.config()
	config.Patience = 300 * time.Millisecond
	c, err := config.Open(ctx, m.URL)
	if err != nil {
		t.Fatal(err)
	}
	pool := cluster.NewPool(c, actFunc)
	result := pool.MapAsync(deeds("wait", t.TempDir(), 3))
	s.stop()
	if _, err := result.Get(ctx); !errors.Is(err, cluster.ErrDisconnected) {
		t.Errorf("Map() = %v", err)
	}
	pool.Close()
	if err := pool.Join(ctx); err != nil {
		t.Errorf("Join() = %v", err)
	}
	if err := c.Close(); err == nil {
		t.Error("Close() = nil, though nothing could be removed")
	}
	if _, err := config.Open(ctx, m.URL); err == nil {
		t.Error("Open() = nil without a server")
	}
}

const strangerURL = "CLUSTER_TEST_STRANGER_URL"

func init() {
	stranger := func() membership {
		return membership{URL: os.Getenv(strangerURL), Name: "delivery", Host: "stranger", Lease: time.Second}
	}
	roles["stranger host"] = func() error { return beHost(context.Background(), stranger()) }
	roles["stranger caller"] = func() error {
		c, err := stranger().config().Open(context.Background(), stranger().URL)
		if err == nil {
			err = c.Close()
		}
		return err
	}
}

// TestOtherBuild has an executable whose bytes are not ours, though it does the
// same, come to the cluster.
func TestOtherBuild(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, _, m := aServer(t)
	_, pool := openPool(t, ctx, m.config(), m.URL, actFunc)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip("no executable to copy: ", err)
	}
	other := filepath.Join(t.TempDir(), "other.test")
	if err := os.WriteFile(other, append(self, 0), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"stranger host", "stranger caller"} {
		cmd := exec.CommandContext(ctx, other)
		cmd.Env = append(os.Environ(), roleVar+"="+role, strangerURL+"="+m.URL)
		out, _ := cmd.CombinedOutput()
		if !strings.Contains(string(out), `of "delivery", and caller on caller (pid `) {
			t.Errorf("the %s says %q", role, out)
		}
	}
	startHost(t, m.at("ours"))
	got, err := pool.Map(ctx, deeds("", "", 10))
	checkOnce(t, got, err)
}
