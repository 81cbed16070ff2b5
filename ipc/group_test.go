package ipc_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// leader runs a program that has its output, and ends as How says.
type leader struct {
	How   string
	Child bool // start one more leader, whose program belongs to nobody's group but its own
	Pids  *ipc.Sender[int]
}

func (l leader) Run(ctx context.Context) error {
	if l.How == "deaf" {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM) // or the program would inherit that it is ignored
	}
	cmd := exec.Command("sleep", "1000")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if l.Child {
		p := ipc.NewProcess(leaderTarget, leader{"wait", false, l.Pids})
		p.Group = true
		if err := p.Start(); err != nil {
			return err
		}
	}
	if err := errors.Join(l.Pids.Send(ctx, os.Getpid()), l.Pids.Send(ctx, cmd.Process.Pid)); err != nil {
		return err
	}
	switch l.How {
	case "wait":
		<-ctx.Done()
		return nil
	case "deaf":
		select {}
	}
	return die(l.How)
}

var leaderTarget = ipc.TargetOf[leader]()

// startLeader starts the leader of a group and gives the pid of its program.
func startLeader(t *testing.T, how string, grace time.Duration) (p *ipc.Process, program int) {
	t.Helper()
	r, s := channel[int](t)
	p = ipc.NewProcess(leaderTarget, leader{how, false, s})
	p.Stdout = new(bytes.Buffer)
	p.Stderr = p.Stdout
	p.Group, p.Grace = true, grace
	start(t, p)
	ok(r.Recv(context.Background()))(t)
	return p, ok(r.Recv(context.Background()))(t)
}

func mustGo(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		until(func() bool { return gone(pid) }, func() {
			t.Errorf("process %d is still there", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		})
	}
}

// In whatever way a process of a group ends, what it has started is gone.
func TestGroupEndsWithItsLeader(t *testing.T) { // users.md test 4
	for _, w := range ways {
		if w == orphaned {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			ctx := guard(t)
			p, program := startLeader(t, w.name, limit)
			_ = p.Join(ctx)
			if code, _ := p.ExitCode(); code != w.code {
				t.Errorf("%v; want exit code %d", p, w.code)
			}
			mustGo(t, program)
		})
	}
}

func TestGroupIsSignalledAsAWhole(t *testing.T) { // ROB-39
	tests := []struct {
		name, how string
		grace     time.Duration
		end       func(p *ipc.Process) error
		code      int
	}{
		{"Terminate", "wait", limit, (*ipc.Process).Terminate, -15},
		{"Kill", "wait", limit, (*ipc.Process).Kill, -9},
		{"Stop", "wait", limit, func(p *ipc.Process) error { return p.Stop(context.Background()) }, 0},
		{"Stop of a deaf one", "deaf", 10 * time.Millisecond, func(p *ipc.Process) error { return p.Stop(context.Background()) }, -9},
		{"Cancel", "wait", limit, (*ipc.Process).Cancel, 0},
		{"SIGKILL", "wait", limit, func(p *ipc.Process) error { return syscall.Kill(p.Pid(), syscall.SIGKILL) }, -9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := guard(t)
			p, program := startLeader(t, tt.how, tt.grace)
			if pgid, err := syscall.Getpgid(program); pgid != p.Pid() {
				t.Errorf("the program is in group %d, %v; want %d", pgid, err, p.Pid())
			}
			if err := tt.end(p); err != nil {
				t.Error(err)
			}
			_ = p.Join(ctx)
			if code, _ := p.ExitCode(); code != tt.code {
				t.Errorf("%v; want exit code %d", p, tt.code)
			}
			mustGo(t, program)
			if err := errors.Join(p.Terminate(), p.Kill(), p.Stop(ctx)); err != nil {
				t.Errorf("signals to a group that is gone: %v", err)
			}
		})
	}
}

// SIGTERM reaches the program while the leader that does not heed it lives.
func TestTerminateReachesTheGroup(t *testing.T) {
	ctx := guard(t)
	p, program := startLeader(t, "deaf", limit)
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	mustGo(t, program)
	if !p.IsAlive() {
		t.Errorf("%v has ended", p)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	_ = p.Join(ctx)
}

func TestTimeoutEndsAGroup(t *testing.T) { // users.md test 4
	guard(t)
	r, s := channel[int](t)
	p := ipc.NewProcess(leaderTarget, leader{"deaf", false, s})
	var out bytes.Buffer
	p.Stdout, p.Stderr = &out, &out
	p.Group, p.Timeout, p.Grace = true, 200*time.Millisecond, 10*time.Millisecond
	start(t, p)
	s.Close()
	if e := exitOf(t, p); e.Cause != ipc.CauseTimeout {
		t.Errorf("Join() = %v, cause %v", e, e.Cause)
	}
	for pid, err := range r.All(context.Background()) {
		if err != nil {
			t.Error(err)
		}
		mustGo(t, pid)
	}
}

func TestStoppedGroupEnds(t *testing.T) {
	ctx := guard(t)
	p, program := startLeader(t, "wait", 10*time.Millisecond)
	if err := syscall.Kill(-p.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	sigstop(t, p)
	if err := p.Stop(ctx); err != nil {
		t.Errorf("Stop() = %v", err)
	}
	if e := exitOf(t, p); e.Code != -9 {
		t.Errorf("Join() = %v", e)
	}
	mustGo(t, program)
}

// Where the kernel reaps children by itself, the number of the group is all
// that is left of them.
func TestGroupEndsThatTheKernelReaps(t *testing.T) { // KF-45
	if partOf() == "" {
		guard(t)
		if out, err := asProgram(t, os.Args[0], "ignore SIGCHLD"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	ctx := guard(t)
	signal.Ignore(syscall.SIGCHLD)
	p, program := startLeader(t, "exit", limit)
	if err := p.Join(ctx); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("Join() = %v", err)
	}
	mustGo(t, program)
}

// A killed program leaves neither its children nor their programs.
func TestGroupsEndWithAKilledParent(t *testing.T) { // users.md test 3, ROB-35
	if partOf() != "" {
		time.AfterFunc(limit, func() { os.Exit(3) })
		r, s := channel[int](t)
		p := ipc.NewProcess(leaderTarget, leader{"wait", true, s})
		p.Daemon, p.Group = true, true
		start(t, p)
		for range 4 {
			fmt.Println("pid", ok(r.Recv(context.Background()))(t))
		}
		fmt.Println("ready")
		select {}
	}
	guard(t)
	cmd := programOf(t, os.Args[0], "parent")
	out := ok(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), "pid %d", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if len(pids) != 4 {
		t.Fatalf("the pids are %v; want 4", pids)
	}
	mustGo(t, pids...)
}
