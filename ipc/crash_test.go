package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// victim is a process that dies as How says, with handles for whose holders
// others may wait.
type victim struct {
	How      string
	Where    string
	Lock     *ipc.Lock
	Queue    *ipc.Queue[int]
	Sender   *ipc.Sender[[]byte]
	Receiver *ipc.Receiver[[]byte]
	Barrier  *ipc.Barrier
	Ready    *ipc.Sender[bool]
}

func (v victim) Run(ctx context.Context) error {
	if v.Where == "holding the lock" {
		if err := v.Lock.Acquire(ctx); err != nil {
			return err
		}
	}
	if err := v.Ready.Send(ctx, true); err != nil {
		return err
	}
	return die(v.How)
}

var victimTarget = ipc.TargetOf[victim]()

// family is a process with children of its own, for its own death.
type family struct {
	Daemon bool
	Alive  *ipc.Sender[int] // held by the grandchild until it ends
	Ready  *ipc.Sender[int]
}

func startFamily(ctx context.Context, f family) error {
	p := ipc.NewProcess(holdAliveTarget, f)
	p.Daemon = f.Daemon
	if err := p.Start(); err != nil {
		return err
	}
	f.Alive.Close()
	<-ctx.Done()
	return nil
}

func holdAlive(ctx context.Context, f family) error {
	if err := f.Ready.Send(ctx, os.Getpid()); err != nil {
		return err
	}
	select {
	case <-ipc.ParentProcess().Sentinel():
		return f.Alive.Send(ctx, 1) // only one who outlives its parent comes here
	case <-ctx.Done():
		return nil
	}
}

var (
	familyTarget    = ipc.NewTarget(startFamily)
	holdAliveTarget = ipc.NewTarget(holdAlive)
)

func TestDaemonDiesWithKilledParent(t *testing.T) { // KF-42, ROB-35, PROC-60
	for _, daemon := range []bool{true, false} {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			t.Run(map[bool]string{true: "daemon", false: "other"}[daemon]+"/"+sig.String(), func(t *testing.T) {
				ctx := guard(t)
				alive, a := channel[int](t)
				ready, r := channel[int](t)
				p := ipc.NewProcess(familyTarget, family{daemon, a, r})
				start(t, p)
				a.Close()
				pid := ok(ready.Recv(ctx))(t)
				if err := syscall.Kill(p.Pid(), sig); err != nil {
					t.Fatal(err)
				}
				n, err := alive.Recv(ctx)
				if daemon && err != io.EOF || !daemon && n != 1 {
					t.Errorf("the grandchild said %d, %v", n, err)
				}
				_ = p.Join(ctx)
				// The grandchild is init's to reap, or whoever's stands in for it.
				until(func() bool { return gone(pid) }, func() { t.Errorf("process %d is still there", pid) })
			})
		}
	}
}

// gone reports whether a process that is not ours has ended.
func gone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == syscall.ESRCH || os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}

// TestStartWithoutMain runs this test binary as a program that has forgotten
// to call Main: Start must refuse, or the program would multiply.
func TestStartWithoutMain(t *testing.T) { // PROC-75, users.md test 11
	if os.Getenv("IPC_TEST_NO_MAIN") != "" {
		err := ipc.NewProcess(noopTarget, ipc.None{}).Start()
		if err != ipc.ErrNoMain || !strings.Contains(err.Error(), "ipc.Main(") {
			t.Errorf("Start() = %v", err)
		}
		return
	}
	guard(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestStartWithoutMain$")
	cmd.Env = append(os.Environ(), "IPC_TEST_NO_MAIN=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestMarkerAloneMakesNoChild gives a program the environment of a child, and
// something else as descriptor 3.
func TestMarkerAloneMakesNoChild(t *testing.T) { // users.md section 4.1, CTX-08
	guard(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, files := range [][]*os.File{nil, {r}} {
		cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.v")
		cmd.Env = append(os.Environ(), "GO_IPC_CHILD="+strings.Repeat("ab", 16))
		cmd.ExtraFiles = files
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("PASS")) {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// inherited is what another program gets from this process.
func inherited() (string, error) {
	out, err := exec.Command("sh", "-c", "env | grep -c GO_IPC; ls /proc/self/fd").CombinedOutput()
	return string(out), err
}

func showInherited(ctx context.Context, s *ipc.Sender[string]) error {
	got, err := inherited()
	return errors.Join(err, s.Send(ctx, got))
}

var showInheritedTarget = ipc.NewTarget(showInherited)

func TestOtherProgramsInheritNothing(t *testing.T) { // CTX-08, PROC-54, PROC-76
	ctx := guard(t)
	// A descriptor that would survive an exec, as none of Go's own do.
	const high = 60
	if err := dup(2, high); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(high)
	r, s := channel[string](t)
	p := ipc.NewProcess(showInheritedTarget, s)
	start(t, p)
	got := ok(r.Recv(ctx))(t)
	join(t, p)
	// No marker; 0 to 2, and the folder that ls reads.
	if want := "0\n0\n1\n2\n3\n"; got != want {
		t.Errorf("a program of the child's inherits %q; want %q", got, want)
	}
}

// dup duplicates a descriptor to the lowest free one from to on, without
// close-on-exec.
func dup(from, to int) error {
	_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(from), syscall.F_DUPFD, uintptr(to))
	if errno != 0 {
		return errno
	}
	return nil
}
