package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func noop(context.Context, ipc.None) error { return nil }

func sleepForever(ctx context.Context, _ ipc.None) error {
	<-ctx.Done()
	return ctx.Err()
}

func exitWith(_ context.Context, code int) error { os.Exit(code); return nil }

// killSelf becomes a shell, since Go programs do not die of every signal. That
// also closes the lifeline long before the end.
func killSelf(_ context.Context, sig syscall.Signal) error {
	kill := fmt.Sprintf("kill -%d $$; sleep 1000", sig)
	return syscall.Exec("/bin/sh", []string{"sh", "-c", kill}, os.Environ())
}

func failWith(_ context.Context, text string) error { return errors.New(text) }

func panicWith(_ context.Context, text string) error { panic(text) }

func goexit(context.Context, ipc.None) error { runtime.Goexit(); return nil }

var (
	noopTarget     = ipc.NewTarget(noop)
	sleepTarget    = ipc.NewTarget(sleepForever)
	exitTarget     = ipc.NewTarget(exitWith)
	killTarget     = ipc.NewTarget(killSelf)
	failTarget     = ipc.NewTarget(failWith)
	panicTarget    = ipc.NewTarget(panicWith)
	goexitTarget   = ipc.NewTarget(goexit)
	identifyTarget = ipc.NewTarget(identify)
)

// identity is what a child knows of itself.
type identity struct {
	Name, ParentName string
	Pid, ParentPid   int
	Ppid             int
	Daemon           bool
	ParentAlive      bool
	Env, Dir         string
	Stdin            int // bytes that could be read from it
}

func identify(ctx context.Context, s *ipc.Sender[identity]) error {
	self, parent := ipc.CurrentProcess(), ipc.ParentProcess()
	dir, _ := os.Getwd()
	n, _ := os.Stdin.Read(make([]byte, 1))
	return s.Send(ctx, identity{
		Name: self.Name, Pid: self.Pid(), Daemon: self.Daemon, Ppid: os.Getppid(),
		ParentName: parent.Name, ParentPid: parent.Pid(), ParentAlive: parent.IsAlive(),
		Env: os.Getenv("IPC_TEST"), Dir: dir, Stdin: n,
	})
}

func TestProcessBeforeStart(t *testing.T) { // PROC-01, PROC-18, PROC-22
	ctx := guard(t)
	p := ipc.NewProcess(noopTarget, ipc.None{})
	if _, ended := p.ExitCode(); p.IsAlive() || ended || p.Pid() != 0 || len(ipc.ActiveChildren()) != 0 {
		t.Errorf("%v looks started", p)
	}
	for what, err := range map[string]error{
		"Join": p.Join(ctx), "Terminate": p.Terminate(), "Kill": p.Kill(),
	} {
		if err != ipc.ErrNotStarted {
			t.Errorf("%s = %v; want ErrNotStarted", what, err)
		}
	}
	if !strings.Contains(p.String(), " initial>") {
		t.Errorf("String() = %s", p)
	}
}

func TestProcessRunsAndEnds(t *testing.T) { // PROC-02, PROC-12 to PROC-15, PROC-47
	ctx := guard(t)
	r, s := channel[identity](t)
	p := ipc.NewProcess(identifyTarget, s)
	p.Name, p.Dir, p.Env = "SomeProcess", "/", append(os.Environ(), "IPC_TEST=yes")
	start(t, p)
	if c := ipc.ActiveChildren(); len(c) != 1 || c[0] != p {
		t.Errorf("ActiveChildren() = %v", c)
	}
	got := ok(r.Recv(ctx))(t)
	join(t, p)
	join(t, p)
	want := identity{Name: "SomeProcess", ParentName: "MainProcess", Pid: p.Pid(),
		ParentPid: os.Getpid(), Ppid: os.Getpid(), ParentAlive: true, Env: "yes", Dir: "/"}
	if got != want || p.Pid() == os.Getpid() {
		t.Errorf("child says %+v; want %+v", got, want)
	}
	if code, ended := p.ExitCode(); code != 0 || !ended || p.IsAlive() || len(ipc.ActiveChildren()) != 0 {
		t.Errorf("after Join: %v", p)
	}
	if err := p.Terminate(); err != nil {
		t.Errorf("Terminate() of an ended process = %v", err)
	}
	if err := p.Start(); err != ipc.ErrStarted {
		t.Errorf("second Start() = %v", err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if err := p.Join(ctx); err != ipc.ErrClosed {
		t.Errorf("Join() after Close = %v", err)
	}
}

func TestProcessExitCodes(t *testing.T) { // PROC-20, PROC-21, PROC-24, PROC-26, PROC-28, PROC-29
	ctx := guard(t)
	tests := []struct {
		name string
		p    *ipc.Process
		code int
		err  string // in ExitError.Err
	}{
		{"exit 0", ipc.NewProcess(exitTarget, 0), 0, ""},
		{"exit 8", ipc.NewProcess(exitTarget, 8), 8, ""},
		{"SIGKILL", ipc.NewProcess(killTarget, syscall.SIGKILL), -9, ""},
		{"SIGSEGV", ipc.NewProcess(killTarget, syscall.SIGSEGV), -11, ""},
		{"SIGUSR1", ipc.NewProcess(killTarget, syscall.SIGUSR1), -10, ""},
		{"SIGTERM", ipc.NewProcess(killTarget, syscall.SIGTERM), -15, ""},
		{"error", ipc.NewProcess(failTarget, "no luck"), 1, "no luck"},
		{"panic", ipc.NewProcess(panicTarget, "ouch"), 1, "panic: ouch"},
		{"goexit", ipc.NewProcess(goexitTarget, ipc.None{}), 1, "Goexit"},
		{"long error", ipc.NewProcess(failTarget, strings.Repeat("x", 1<<20)), 1, "xxx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			tt.p.Stderr = &stderr
			start(t, tt.p)
			err := tt.p.Join(ctx)
			if code, ended := tt.p.ExitCode(); code != tt.code || !ended {
				t.Errorf("ExitCode() = %d, %t; want %d", code, ended, tt.code)
			}
			if tt.code == 0 {
				if err != nil {
					t.Errorf("Join() = %v", err)
				}
				return
			}
			ee, isExit := errors.AsType[*ipc.ExitError](err)
			if !isExit || ee.Code != tt.code || ee.Pid != tt.p.Pid() || ee.Name != tt.p.Name {
				t.Fatalf("Join() = %#v", err)
			}
			if tt.err == "" {
				if ee.Err != nil {
					t.Errorf("ExitError.Err = %v", ee.Err)
				}
				return
			}
			re, isRemote := errors.AsType[*ipc.RemoteError](err)
			if !isRemote || !strings.Contains(re.Msg, tt.err) {
				t.Errorf("ExitError.Err = %#v; want %s", ee.Err, tt.err)
			}
			if !strings.Contains(stderr.String(), "Process "+tt.p.Name+": ") ||
				!strings.Contains(stderr.String(), tt.err) {
				t.Errorf("stderr = %.200q", stderr.String())
			}
			if tt.name == "panic" && !strings.Contains(re.Stack, "panicWith") {
				t.Errorf("stack = %q", re.Stack)
			}
		})
	}
}

func TestJoinHonoursItsContext(t *testing.T) { // PROC-15, PROC-17
	guard(t)
	p := ipc.NewProcess(sleepTarget, ipc.None{})
	start(t, p)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := p.Join(ctx); err != context.DeadlineExceeded {
		t.Errorf("Join() = %v", err)
	}
	if _, ended := p.ExitCode(); !p.IsAlive() || ended {
		t.Errorf("%v has ended by a Join that was given up", p)
	}
	if err := p.Close(); err != ipc.ErrRunning { // PROC-46
		t.Errorf("Close() = %v", err)
	}
	select {
	case <-p.Sentinel():
		t.Error("the sentinel is closed")
	default:
	}
	if err := p.Terminate(); err != nil {
		t.Error(err)
	}
	<-p.Sentinel()
	if code, _ := p.ExitCode(); code != -15 || !strings.Contains(p.String(), "stopped exitcode=-SIGTERM") {
		t.Errorf("after Terminate: %v", p)
	}
}

func TestNamesCountProcesses(t *testing.T) { // PROC-08, PROC-10
	a := ipc.NewProcess(noopTarget, ipc.None{})
	b := ipc.NewProcess(noopTarget, ipc.None{})
	if i, j := number(t, a), number(t, b); j != i+1 {
		t.Errorf("names %q and %q", a.Name, b.Name)
	}
}

func number(t *testing.T, p *ipc.Process) (n int) {
	t.Helper()
	if _, err := fmt.Sscanf(p.Name, "Process-%d", &n); err != nil {
		t.Errorf("name %q", p.Name)
	}
	return n
}

type countTo struct {
	Depth int
	Ends  *ipc.Sender[string]
}

// Run starts a process of its own until the depth is reached.
func (c countTo) Run(ctx context.Context) error {
	if err := c.Ends.Send(ctx, ipc.CurrentProcess().Name); err != nil {
		return err
	}
	if c.Depth == 0 {
		return nil
	}
	p := ipc.NewProcess(countToTarget, countTo{c.Depth - 1, c.Ends})
	if err := p.Start(); err != nil {
		return err
	}
	return p.Join(ctx)
}

var countToTarget = ipc.TargetOf[countTo]()

func TestProcessesNest(t *testing.T) { // PROC-52, PROC-76, QUE-23
	ctx := guard(t)
	r, s := channel[string](t)
	p := ipc.NewProcess(countToTarget, countTo{3, s})
	first := p.Name
	start(t, p)
	s.Close()
	var names []string
	for name, err := range r.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	join(t, p)
	want := first + " " + first + ":1 " + first + ":1:1 " + first + ":1:1:1"
	if got := strings.Join(names, " "); got != want || !strings.HasPrefix(first, "countTo-") {
		t.Errorf("names %s; want %s", got, want)
	}
}

func TestDepthIsLimited(t *testing.T) {
	ctx := guard(t)
	_, s := channel[string](t)
	p := ipc.NewProcess(countToTarget, countTo{ipc.MaxDepth, s})
	p.Stderr = new(bytes.Buffer)
	start(t, p)
	err := p.Join(ctx)
	if err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("Join() = %v; want ErrDepth's text", err)
	}
}

func TestManyProcesses(t *testing.T) { // PROC-40, PROC-50, PROC-51
	guard(t)
	for _, kill := range []bool{false, true} {
		target, want := noopTarget, 0
		if kill {
			target, want = sleepTarget, -15
		}
		var ps []*ipc.Process
		for range 50 {
			p := ipc.NewProcess(target, ipc.None{})
			start(t, p)
			if kill {
				_ = p.Terminate()
			}
			ps = append(ps, p)
		}
		for _, p := range ps {
			_ = p.Join(context.Background())
			if code, _ := p.ExitCode(); code != want {
				t.Errorf("%v; want exit code %d", p, want)
			}
		}
	}
}

func TestChildrenAreReapedUnasked(t *testing.T) { // PROC-40
	guard(t)
	p := ipc.NewProcess(noopTarget, ipc.None{})
	start(t, p)
	<-p.Sentinel()
	if err := syscall.Kill(p.Pid(), 0); err != syscall.ESRCH {
		t.Errorf("the ended child is still there: %v", err)
	}
}

func ignoreTerm(ctx context.Context, ready *ipc.Sender[bool]) error {
	signal.Ignore(syscall.SIGTERM)
	if err := ready.Send(ctx, true); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

var ignoreTermTarget = ipc.NewTarget(ignoreTerm)

func TestKillEndsWhatIgnoresTerminate(t *testing.T) {
	ctx := guard(t)
	r, s := channel[bool](t)
	p := ipc.NewProcess(ignoreTermTarget, s)
	start(t, p)
	ok(r.Recv(ctx))(t)
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	wait := mustBlock(t, "Join", func() { _ = p.Join(ctx) })
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	wait()
	if code, _ := p.ExitCode(); code != -9 {
		t.Errorf("%v", p)
	}
}

func TestArgumentsAreCopiedAtStart(t *testing.T) { // PROC-03, PROC-04
	ctx := guard(t)
	r, s := channel[payload](t)
	args := payload{N: 1, S: "str", L: []int{1}, M: map[string]float64{"hello": 23, "bye": 2.54},
		P: &payload{S: "inner"}, T: time.Unix(1, 2).UTC(), Big: bytes.Repeat([]byte("x"), 5<<20)}
	p := ipc.NewProcess(echoTarget, echoArgs{args, s})
	start(t, p)
	args.L[0], args.Big[0] = 99, 'y'
	got := ok(r.Recv(ctx))(t)
	join(t, p)
	if got.L[0] != 1 || got.Big[0] != 'x' || len(got.Big) != 5<<20 || got.M["bye"] != 2.54 ||
		got.P.S != "inner" || !got.T.Equal(args.T) || got.S != "str" {
		t.Errorf("came back as %.200v", got)
	}
}

type payload struct {
	N   int
	S   string
	L   []int
	M   map[string]float64
	P   *payload
	T   time.Time
	Big []byte
}

type echoArgs struct {
	P payload
	S *ipc.Sender[payload]
}

func echo(ctx context.Context, a echoArgs) error { return a.S.Send(ctx, a.P) }

var echoTarget = ipc.NewTarget(echo)
