package ipc_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func TestMain(m *testing.M) {
	if os.Getenv("IPC_TEST_NO_MAIN") != "" {
		os.Exit(m.Run())
	}
	// A shell starts what is to run in the background with SIGINT ignored, and
	// programs would inherit that from us.
	if signal.Ignored(syscall.SIGINT) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGINT)
	}
	os.Exit(ipc.Main(m.Run))
}

// limit is for how long a test may run: a hang is a failure with all stacks.
const limit = 20 * time.Second

// guard watches over a test that starts processes. It ends the run if the
// test hangs, and fails the test if it leaves a child, a zombie, a
// descriptor, a mapped segment or a file behind.
func guard(t *testing.T) context.Context {
	t.Helper()
	return guardFor(t, limit)
}

// guardFor is guard for a test that may take that long.
func guardFor(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	prime(t)
	before, had := census(), files()
	// The collector may be unmapping what earlier tests have closed just now.
	for again := census(); again != before; again = census() {
		before = again
	}
	watchdog := time.AfterFunc(limit, func() {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "%s hangs\n%s\n", t.Name(), buf[:runtime.Stack(buf, true)])
		time.AfterFunc(limit, func() { os.Exit(3) }) // if the hang is in what follows
		for _, p := range ipc.ActiveChildren() {
			_ = syscall.Kill(p.Pid(), syscall.SIGQUIT)
		}
		time.Sleep(time.Second) // for the stacks of the children
		os.Exit(3)
	})
	t.Cleanup(func() {
		defer watchdog.Stop()
		for _, p := range ipc.ActiveChildren() {
			_ = p.Kill()
			_ = p.Join(context.Background())
			if !t.Failed() {
				t.Errorf("%v was left running", p)
			}
		}
		// Watch goroutines close their descriptors after the tests saw the
		// end of the process; that is soon, or the watchdog's matter.
		until(func() bool { return t.Failed() || census() == before && len(added(had)) == 0 },
			func() { t.Errorf("left behind: %s, %v; before: %s", census(), added(had), before) })
	})
	return context.Background()
}

// prime makes what a process has once: a segment, the network poller.
func prime(t *testing.T) {
	t.Helper()
	l, err := ipc.NewLock()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
}

// until asks for a condition until it holds; after five seconds it is not
// going to.
func until(cond func() bool, otherwise func()) {
	for end := time.Now().Add(5 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			otherwise()
			return
		}
	}
}

// census counts what this process can leave behind. The memory of a closed
// lock stays mapped until the lock is garbage; when that is found is not a
// test's to say.
func census() string {
	fds, _ := filepath.Glob("/proc/self/fd/*")
	segments, lingering, handles := ipc.Usage()
	s := fmt.Sprintf("%d descriptors, %d segments, %d handles",
		len(fds)-lingering*ipc.SegmentDescriptors, segments, handles)
	maps, _ := os.ReadFile("/proc/self/maps")
	if n := strings.Count(string(maps), "/memfd:ipc") + strings.Count(string(maps), "/ipc-"); n != segments+lingering {
		s += fmt.Sprintf(", %d mappings", n)
	}
	var ws syscall.WaitStatus
	if pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil); err != syscall.ECHILD {
		s += fmt.Sprintf(", a child: %d %v", pid, err)
	}
	return s
}

// files lists what could be ours. Tests of other packages make such files at
// the same time, each for an instant.
func files() []string {
	shm, _ := filepath.Glob("/dev/shm/ipc-*")
	temp, _ := filepath.Glob(filepath.Join(os.TempDir(), "ipc-*"))
	return append(shm, temp...)
}

func added(had []string) []string {
	return slices.DeleteFunc(files(), func(f string) bool { return slices.Contains(had, f) })
}

// start starts processes and fails the test if one can't be.
func start(t *testing.T, ps ...*ipc.Process) {
	t.Helper()
	for _, p := range ps {
		if err := p.Start(); err != nil {
			t.Fatalf("Start() = %v", err)
		}
	}
}

// join joins processes that should end well.
func join(t *testing.T, ps ...*ipc.Process) {
	t.Helper()
	for _, p := range ps {
		if err := p.Join(context.Background()); err != nil {
			t.Errorf("Join() = %v", err)
		}
	}
}

// ok returns v if there is no error. It takes the results of one call.
func ok[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// channel is a one-way pipe for what the children of a test report.
func channel[T any](t *testing.T) (*ipc.Receiver[T], *ipc.Sender[T]) {
	t.Helper()
	r, s, err := ipc.OneWay[T]()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); s.Close() })
	return r, s
}

// mustBlock checks that f does not return within the time in which it would
// if it did not block, and returns a function that waits for it.
func mustBlock(t *testing.T, what string, f func()) (wait func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
		t.Fatalf("%s did not block", what)
	case <-time.After(10 * time.Millisecond):
	}
	return func() { <-done }
}
