package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

const (
	labTasks   = 10_000
	labWorkers = 2 // of a host

	killAt    = 1_500 // results: then the first host is killed,
	cutAt     = 3_500 // the second one cut off,
	cutFor    = 10 * time.Second
	restartAt = 6_000 // and the server ended and started again.
	holdAt    = 8_500 // Behind this task no more come until all that was done.
)

// TestThreeHosts gives ten thousand tasks to three hosts, of which one is killed
// and one cut off from the network for a while, and has the server started again
// from its files meanwhile.
func TestThreeHosts(t *testing.T) {
	ipctest.NoLeaks(t)
	l := newLab(t, "server", "first", "second", "third", "caller")
	ctx := ipctest.Deadline(t, 4*time.Minute)
	ca := newAuthority(t)
	who := newAccounts(t, ca)
	s := newServer(t, l.addr("server")+":4222", "deploy/one.conf", append(who.env, ca.server("one", l.addr("server"))...)...)
	s.run = l.line("server")
	s.start()
	hosts := map[string]*member{}
	for _, name := range []string{"first", "second", "third"} {
		hosts[name] = startMember(t, l, name, "host", s, ca)
	}
	caller := startMember(t, l, "caller", "caller", s, ca)
	r := newRecord(t, caller)

	r.await(ctx, killAt)
	killHost(t, ctx, r, l, hosts["first"])

	r.await(ctx, cutAt)
	t.Logf("%d results: the second host is cut off", r.count())
	l.unplug("second")
	time.Sleep(cutFor) // not for something to happen: it is what happens
	l.plug("second")
	back := time.Now()
	t.Logf("%d results: the second host is connected again", r.count())

	r.await(ctx, restartAt)
	t.Logf("%d results: SIGTERM to the server", r.count())
	s.stop()
	s.start()
	t.Logf("%d results: the server is there again, with its files", r.count())
	caller.say("go on")

	r.await(ctx, labTasks)
	caller.end()
	r.check(ctx, back)
	for _, name := range []string{"second", "third"} {
		hosts[name].signal(syscall.SIGTERM)
		hosts[name].end()
		if pids := l.pids(name); len(pids) > 0 {
			t.Errorf("the processes %v of the %s host are left", pids, name)
		}
	}
}

// killHost kills a host, with which its workers must go.
func killHost(t *testing.T, ctx context.Context, r *record, l *lab, host *member) {
	t.Helper()
	pids := l.pids(host.name)
	if len(pids) < 2 {
		t.Errorf("the processes of the %s host are %v; want it and its workers", host.name, pids)
	}
	t.Logf("%d results: SIGKILL to the %s host, pid %d; its processes are %v", r.count(), host.name, host.cmd.Process.Pid, pids)
	host.signal(syscall.SIGKILL)
	if !until(ctx, func() bool { return len(l.pids(host.name)) == 0 }) {
		t.Errorf("the processes %v of the %s host are still there", l.pids(host.name), host.name)
	}
}

// A member is a process of this test binary on a host of a lab.
type member struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd
	gone chan struct{}
	in   *os.File // what it reads
	out  *os.File // what it writes
}

func startMember(t testing.TB, l *lab, name, role string, s *server, ca *authority) *member {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirIn.Close()
	defer theirOut.Close()
	m := &member{t: t, name: name, cmd: l.command(name, self), in: in, out: out}
	m.cmd.Stdin, m.cmd.Stdout, m.cmd.Stderr = theirIn, theirOut, os.Stderr
	m.cmd.Env = append(os.Environ(), roleVar+"="+role, "LAB_URL=tls://"+s.addr, "LAB_CA="+ca.file(), "LAB_HOST="+name)
	if m.gone, err = startBound(m.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.signal(syscall.SIGKILL)
		in.Close()
		out.Close()
	})
	return m
}

func (m *member) signal(sig syscall.Signal) {
	_ = m.cmd.Process.Signal(sig) // it may have ended
	<-m.gone
}

func (m *member) say(line string) {
	if _, err := fmt.Fprintln(m.in, line); err != nil {
		m.t.Errorf("to %s: %v", m.name, err)
	}
}

// end waits for its end, which must be a good one.
func (m *member) end() {
	m.t.Helper()
	<-m.gone
	if !m.cmd.ProcessState.Success() {
		m.t.Errorf("%s has ended with %v", m.name, m.cmd.ProcessState)
	}
}

// An entry is a line that the caller writes: of a result, or at the end of what
// it has seen.
type entry struct {
	Index  int // of the task, in the order in which the results came
	Square square
	Err    string

	Last  bool
	Hosts []cluster.Host
	Left  map[string]uint64 // messages in each stream when the cluster was closed
}

// A square is the result of a task: also who has done it, and when it was begun.
type square struct {
	Of, Is int
	Host   string
	Pid    int
	Began  time.Time
}

// A record keeps what the caller writes, in a file.
type record struct {
	t    *testing.T
	file string
	done chan struct{} // closed when no more comes

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when n has changed
	n       int
}

func newRecord(t *testing.T, caller *member) *record {
	t.Helper()
	r := &record{t: t, file: filepath.Join(t.ArtifactDir(), "results.jsonl"), done: make(chan struct{}), changed: make(chan struct{})}
	f, err := os.Create(r.file)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		defer f.Close()
		for in := bufio.NewScanner(caller.out); in.Scan(); {
			if _, err := fmt.Fprintf(f, "%s\n", in.Bytes()); err != nil {
				t.Error(err)
			}
			r.mu.Lock()
			r.n++
			close(r.changed)
			r.changed = make(chan struct{})
			r.mu.Unlock()
		}
	}()
	return r
}

func (r *record) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// await waits for the n-th result.
func (r *record) await(ctx context.Context, n int) {
	r.t.Helper()
	for {
		r.mu.Lock()
		have, changed := r.n, r.changed
		r.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-changed:
		case <-r.done:
			r.t.Fatalf("the caller has ended after %d results", r.count())
		case <-ctx.Done():
			r.t.Fatalf("%d results: %v", have, context.Cause(ctx))
		}
	}
}

// check reads the file: each result must be there once, and right. The host that
// was cut off until back must have done tasks since.
func (r *record) check(ctx context.Context, back time.Time) {
	r.t.Helper()
	<-r.done
	f, err := os.Open(r.file)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	seen := make([]int, labTasks)
	by, again := map[string]int{}, 0
	var last *entry
	for in := json.NewDecoder(f); in.More(); {
		var e entry
		if err := in.Decode(&e); err != nil {
			r.t.Fatal(err)
		}
		if e.Last {
			last = &e
			continue
		}
		if s := e.Square; e.Err != "" || s.Of != e.Index || s.Is != e.Index*e.Index || e.Index < 0 || e.Index >= labTasks {
			r.t.Errorf("result %d is %+v, error %q", e.Index, s, e.Err)
			continue
		}
		seen[e.Index]++
		by[e.Square.Host]++
		if e.Square.Host == "second" && e.Square.Began.After(back) {
			again++
		}
	}
	for i, n := range seen {
		if n != 1 {
			r.t.Errorf("the result of task %d was there %d times", i, n)
		}
	}
	r.t.Logf("results by host: %v; %d by the second one after it was back", by, again)
	if by["first"] == 0 || by["second"] == 0 || by["third"] == 0 || again == 0 {
		r.t.Error("not all hosts have done their part")
	}
	r.checkLast(last)
}

// checkLast checks what the caller has seen at the end.
func (r *record) checkLast(last *entry) {
	r.t.Helper()
	if last == nil {
		r.t.Error("the caller has not written its last line")
		return
	}
	var names []string
	for _, h := range last.Hosts {
		names = append(names, h.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"second", "third"}) {
		r.t.Errorf("the caller knows the hosts %v at the end; want the second and the third", last.Hosts)
	}
	r.t.Logf("hosts at the end: %+v; messages left in streams: %v", last.Hosts, last.Left)
}

func labConfig() cluster.Config {
	return cluster.Config{
		Name: "render", Workers: labWorkers, Host: os.Getenv("LAB_HOST"),
		Options: []nats.Option{nats.RootCAs(os.Getenv("LAB_CA")), nats.UserInfo("render", renderPassword)},
	}
}
