package ipctest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// leaks are what a test may leave. Each returns what the report must say of
// it, line by line.
var leaks = []struct {
	name      string
	leave     func(t testing.TB) []string
	linuxOnly bool
}{
	{"process", func(t testing.TB) []string { return leaveProcess(t, false) }, false},
	{"daemon", func(t testing.TB) []string { return leaveProcess(t, true) }, false},
	{"zombie", leaveZombie, false},
	{"orphan", leaveOrphan, true},
	{"orphan of a process that has ended", leaveIPCOrphan, true},
	{"descriptor", leaveDescriptor, false},
	{"pipe", leavePipe, false},
	{"handle", leaveHandle, false},
	{"file", leaveFile, false},
}

func TestNoLeaksFindsWhatIsLeft(t *testing.T) {
	ipctest.Impatient()
	t.Cleanup(ipctest.Patient)
	for _, tt := range leaks {
		t.Run(tt.name, func(t *testing.T) {
			if tt.linuxOnly && runtime.GOOS != "linux" {
				t.Skip("needs the environment of processes")
			}
			t.Setenv("TMPDIR", t.TempDir()) // else the file would be that of others' tests
			r := &recorder{T: t}
			ipctest.NoLeaks(r)
			want := tt.leave(t)
			got := r.end()
			wants(t, got, want...)
			if n := strings.Count(got, "\n"); n != len(want) {
				t.Errorf("NoLeaks reports %d things; want %d\n%s", n, len(want), got)
			}
		})
	}
}

func leaveProcess(t testing.TB, daemon bool) []string {
	p := ipc.NewProcess(sleepTarget, ipc.None{})
	p.Daemon = daemon
	start(t, p)
	t.Cleanup(func() {
		if p.IsAlive() {
			t.Errorf("%v was not killed", p)
			_ = p.Kill()
		}
	})
	return []string{fmt.Sprintf("process %d: %s: %s, %v, started in %s", p.Pid(), filepath.Base(os.Args[0]), p.Name, p, t.Name())}
}

// leaveZombie leaves a child that was never waited for.
func leaveZombie(t testing.TB) []string {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	if runtime.GOOS != "linux" {
		return []string{fmt.Sprintf(" %d: ", cmd.Process.Pid)}
	}
	// A child that has not ended is a leak as well, but another one.
	for s := "R"; s != "Z"; {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		s = strings.Fields(string(stat))[2]
		time.Sleep(time.Millisecond)
	}
	want := []string{fmt.Sprintf("zombie %d: [true]", cmd.Process.Pid)}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		for _, fd := range fds { // what Go has of it, if the kernel has such a thing
			if what, _ := os.Readlink("/proc/self/fd/" + fd.Name()); what == "anon_inode:[pidfd]" {
				want = append(want, "descriptor "+fd.Name()+": "+what)
			}
		}
	}
	return want
}

const orphanSeconds = "86397"

// leaveOrphan leaves a process whose parent has ended.
func leaveOrphan(t testing.TB) []string {
	out, err := exec.Command("sh", "-c", "sleep "+orphanSeconds+" >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	fmt.Sscan(string(out), &pid)
	t.Cleanup(func() { mustEnd(t, pid) })
	return []string{fmt.Sprintf("process %d: sleep %s, parent ", pid, orphanSeconds)}
}

// leaveChild starts a child that the process itself does not wait for.
func leaveChild(_ context.Context, to *ipc.Sender[int]) error {
	p := ipc.NewProcess(sleepTarget, ipc.None{})
	if err := p.Start(); err != nil {
		return err
	}
	if err := to.Send(context.Background(), p.Pid()); err != nil {
		return err
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

var leaveChildTarget = ipc.NewTarget(leaveChild)

func leaveIPCOrphan(t testing.TB) []string {
	ctx := t.Context()
	r, s, err := ipc.OneWay[int]()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer s.Close()
	p := ipc.NewProcess(leaveChildTarget, s)
	start(t, p)
	pid, err := r.Recv(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Join(ctx); err == nil {
		t.Error("Join() = nil; want SIGKILL")
	}
	t.Cleanup(func() { mustEnd(t, pid) })
	return []string{fmt.Sprintf("process %d: ", pid)}
}

// mustEnd waits for the end of a process that is not our child.
func mustEnd(t testing.TB, pid int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if _, rest, _ := strings.Cut(string(stat), ") "); err != nil || strings.HasPrefix(rest, "Z") {
			return
		}
		if time.Now().After(end) {
			t.Errorf("process %d was not killed", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return
		}
	}
}

func leaveDescriptor(t testing.TB) []string {
	f, err := os.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	want := []string{fmt.Sprintf("descriptor %d: ", f.Fd())}
	if runtime.GOOS == "linux" {
		dir, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		want[0] += dir
	}
	return want
}

func leavePipe(t testing.TB) []string {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return []string{fmt.Sprintf("descriptor %d: pipe:", r.Fd()), fmt.Sprintf("descriptor %d: pipe:", w.Fd())}
}

func leaveHandle(t testing.TB) []string {
	l, err := ipc.NewLock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return []string{"1 handles of ipc"}
}

func leaveFile(t testing.TB) []string {
	f, err := os.CreateTemp("", "ipc-")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return []string{"file " + f.Name()}
}

func square(_ context.Context, n int) (int, error) { return n * n, nil }

var squareFunc = ipc.NewFunc(square)

// TestNoLeaksPassesCleanTests does much that ends just when the test does.
func TestNoLeaksPassesCleanTests(t *testing.T) {
	r := &recorder{T: t}
	ipctest.NoLeaks(r)
	ctx := ipctest.Deadline(t, time.Minute)
	// More locks than a segment has room for, so that ipc keeps another one.
	var locks []*ipc.Lock
	for range 2000 {
		l, err := ipc.NewLock()
		if err != nil {
			t.Fatal(err)
		}
		locks = append(locks, l)
	}
	for _, l := range locks {
		l.Close()
	}
	pool := ipc.NewPool(squareFunc, 2)
	if got, err := pool.Map(ctx, []int{1, 2, 3}); err != nil || fmt.Sprint(got) != "[1 4 9]" {
		t.Errorf("Map() = %v, %v", got, err)
	}
	pool.Terminate()
	p := ipc.NewProcess(sleepTarget, ipc.None{})
	start(t, p)
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	if err := exec.Command("sh", "-c", "true & true").Run(); err != nil {
		t.Error(err)
	}
	if got := r.end(); got != "" {
		t.Error(got)
	}
}

// TestNoLeaksIsNotForParallelTests: the processes of another test would be
// killed.
func TestNoLeaksIsNotForParallelTests(t *testing.T) {
	t.Run("group", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if v := recover(); v == nil {
				t.Error("NoLeaks in a parallel test does not panic")
			}
		}()
		ipctest.NoLeaks(t)
	})
}

// TestOtherSystemsSeeTheSame holds what other systems use against what Linux
// has.
func TestOtherSystemsSeeTheSame(t *testing.T) {
	if _, err := exec.LookPath("ps"); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("sleep", orphanSeconds)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	all, err := ipctest.FromPs()
	if got := fmt.Sprint(all); err != nil || !strings.Contains(got, fmt.Sprintf("process %d: sleep %s", cmd.Process.Pid, orphanSeconds)) {
		t.Errorf("fromPs() = %s, %v; want sleep", got, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if got := fmt.Sprint(ipctest.Numbered()); !strings.Contains(got, fmt.Sprintf("{%d pipe:", r.Fd())) {
		t.Errorf("numbered() = %s; want a pipe as %d", got, r.Fd())
	}
}
