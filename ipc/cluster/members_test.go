package cluster_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
)

// A membership is the part of a Config that a test chooses.
type membership struct {
	URL, Name, Host string
	Lease           time.Duration
	Workers         int
}

func (m membership) config() cluster.Config {
	return cluster.Config{Name: m.Name, Host: m.Host, Lease: m.Lease, Workers: m.Workers, Patience: time.Minute}
}

func beHost(ctx context.Context, m membership) error { return m.config().Serve(ctx, m.URL) }

var hostTarget = ipc.NewTarget(beHost)

// startHost starts a host in a process of its own, which ends when the test does.
func startHost(t testing.TB, m membership) *ipc.Process {
	t.Helper()
	p := ipc.NewProcess(hostTarget, m)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.IsAlive() {
			_ = p.Cancel()
			if err := p.Join(context.Background()); err != nil {
				t.Errorf("%s: %v", m.Host, err)
			}
		}
	})
	return p
}

// keepHosts starts a host again each time it dies, until the test ends, and calls
// died before.
func keepHosts(t testing.TB, m membership, died func()) {
	t.Helper()
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			p := ipc.NewProcess(hostTarget, m.at(fmt.Sprint("host ", i)))
			if err := p.Start(); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-p.Sentinel():
			case <-over:
				_ = p.Cancel()
				_ = p.Join(context.Background())
				return
			}
			_ = p.Join(context.Background())
			died()
		}
	}()
	t.Cleanup(func() { close(over); <-ended })
}

// A deed is what a task of these tests is to do.
type deed struct {
	What string
	N    int
	Dir  string // where it leaves its marks
	Load []byte
}

// A done deed says who has done it.
type done struct{ N, Pid, Host int }

func act(ctx context.Context, d deed) (done, error) {
	r := done{d.N * d.N, os.Getpid(), os.Getppid()}
	switch d.What {
	case "slow":
		time.Sleep(5 * time.Millisecond) // work that takes a while, for which nobody waits
	case "wait": // until it is told to end
		mark(d, "began")
		<-ctx.Done()
		mark(d, "ended")
		return r, ctx.Err()
	case "hold": // until the file is there
		mark(d, "began")
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(d.Dir, "go")); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "kill the host":
		mark(d, "began")
		_ = syscall.Kill(os.Getppid(), syscall.SIGKILL)
		<-ctx.Done()
	}
	return r, nil
}

var actFunc = ipc.NewFunc(act)

// mark leaves a file behind that says what happened to a task, and in whom.
func mark(d deed, what string) {
	f, err := os.CreateTemp(d.Dir, fmt.Sprintf("%s-%d-*", what, d.N))
	if err == nil {
		_, _ = f.WriteString(strconv.Itoa(os.Getpid()))
		_ = f.Close()
	}
}

// marks are the processes that have left a mark.
func marks(dir, what string) (pids []int) {
	names, _ := filepath.Glob(filepath.Join(dir, what+"-*"))
	for _, name := range names {
		b, _ := os.ReadFile(name)
		if pid, err := strconv.Atoi(string(b)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func deeds(what, dir string, n int) []deed {
	all := make([]deed, n)
	for i := range all {
		all[i] = deed{What: what, N: i, Dir: dir}
	}
	return all
}

// gone reports whether no such process is there, nor its zombie.
func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

// kept is what the server keeps: messages of tasks and results, and buckets.
func kept(ctx context.Context, y *spy) (messages, buckets int) {
	for name, n := range y.stored(ctx) {
		if strings.HasPrefix(name, "OBJ_") {
			buckets++
		} else {
			messages += int(n)
		}
	}
	return messages, buckets
}
