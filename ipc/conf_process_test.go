package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// isClosed reports whether a channel is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// over is a context that has ended.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// notBefore checks that f, given a context of that time, does not return
// before it is over, and returns what f does.
func notBefore(t *testing.T, d time.Duration, f func(context.Context) error) error {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	err := f(ctx)
	if took := time.Since(began); took < d-10*time.Millisecond {
		t.Errorf("it returned %v after %v; want not before %v", err, took, d)
	}
	return err
}

// A process at each stage of its life.
func TestProcessFromStartToClose(t *testing.T) { // PROC-02, PROC-13 to PROC-15, PROC-43, PROC-44, PROC-46, PROC-47
	ctx := guard(t)
	e := newEvent(t)
	r, s := channel[bool](t)
	p := ipc.NewProcess(eventTarget, eventArgs{E: e, Ready: s})
	sentinel := p.Sentinel()
	if isClosed(sentinel) {
		t.Error("the sentinel of a process that was not started is closed")
	}
	start(t, p)
	ok(r.Recv(ctx))(t)
	alive := func(after string) {
		t.Helper()
		if _, ended := p.ExitCode(); !p.IsAlive() || ended || p.Pid() <= 0 || p.Pid() == os.Getpid() ||
			isClosed(sentinel) || !slices.Equal(ipc.ActiveChildren(), []*ipc.Process{p}) {
			t.Errorf("after %s: %v, ActiveChildren() = %v", after, p, ipc.ActiveChildren())
		}
	}
	alive("Start")
	if err := p.Join(over()); err != context.Canceled {
		t.Errorf("Join() = %v; want context.Canceled", err)
	}
	alive("a Join that had no time")
	if err := p.Close(); err != ipc.ErrRunning {
		t.Errorf("Close() = %v; want ErrRunning", err)
	}
	alive("Close")
	e.Set()
	for range 2 {
		join(t, p)
		if code, ended := p.ExitCode(); code != 0 || !ended || p.IsAlive() || !isClosed(sentinel) ||
			len(ipc.ActiveChildren()) != 0 {
			t.Errorf("after Join: %v, ActiveChildren() = %v", p, ipc.ActiveChildren())
		}
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Errorf("Close() = %v", err)
	}
	for what, err := range map[string]error{"Join": p.Join(ctx), "Terminate": p.Terminate(), "Kill": p.Kill()} {
		if err != ipc.ErrClosed {
			t.Errorf("%s after Close = %v; want ErrClosed", what, err)
		}
	}
	if p.IsAlive() {
		t.Error("it is alive after Close")
	}
}

func TestJoinWaitsForItsTime(t *testing.T) { // PROC-17
	ctx := guard(t)
	p := ipc.NewProcess(sleepTarget, ipc.None{})
	start(t, p)
	if err := notBefore(t, 200*time.Millisecond, p.Join); err != context.DeadlineExceeded || !p.IsAlive() {
		t.Errorf("Join() = %v, %v", err, p)
	}
	_ = p.Kill()
	_ = p.Join(ctx)
}

func TestTerminateAndKillEndASleeper(t *testing.T) { // PROC-20, PROC-21
	ctx := guard(t)
	for want, end := range map[int]func(*ipc.Process) error{-15: (*ipc.Process).Terminate, -9: (*ipc.Process).Kill} {
		p := ipc.NewProcess(sleepTarget, ipc.None{})
		start(t, p)
		if err := end(p); err != nil {
			t.Error(err)
		}
		err := p.Join(ctx)
		ee, isExit := errors.AsType[*ipc.ExitError](err)
		if code, ended := p.ExitCode(); !isExit || ee.Code != want || code != want || !ended || p.IsAlive() ||
			len(ipc.ActiveChildren()) != 0 {
			t.Errorf("Join() = %v, %v; want exit code %d", err, p, want)
		}
	}
}

func TestMainProcessDescribesItself(t *testing.T) { // PROC-07
	guard(t)
	p := ipc.CurrentProcess()
	if code, ended := p.ExitCode(); p.Name != "MainProcess" || p.Pid() != os.Getpid() || !p.IsAlive() ||
		p.Daemon || code != 0 || ended || ipc.ParentProcess() != nil {
		t.Errorf("%v, ParentProcess() = %v", p, ipc.ParentProcess())
	}
}

func TestTwoProcessesOfOneName(t *testing.T) { // PROC-10
	ctx := guard(t)
	a, b := ipc.NewProcess(sleepTarget, ipc.None{}), ipc.NewProcess(sleepTarget, ipc.None{})
	a.Name, b.Name = "w", "w"
	start(t, a, b)
	if got := ipc.ActiveChildren(); !slices.Equal(got, []*ipc.Process{a, b}) {
		t.Errorf("ActiveChildren() = %v", got)
	}
	for _, p := range []*ipc.Process{a, b} {
		_ = p.Kill()
		_ = p.Join(ctx)
	}
}

// sentBack is an argument and where it goes back to.
type sentBack[T any] struct {
	V  T
	To *ipc.Sender[T]
}

// callByName is what positional and named arguments are in a struct.
type callByName struct {
	Args  [2]int
	Named map[string]float64
}

func sendInt(ctx context.Context, a sentBack[int]) error         { return a.To.Send(ctx, a.V) }
func sendText(ctx context.Context, a sentBack[string]) error     { return a.To.Send(ctx, a.V) }
func sendList(ctx context.Context, a sentBack[[]int]) error      { return a.To.Send(ctx, a.V) }
func sendCall(ctx context.Context, a sentBack[callByName]) error { return a.To.Send(ctx, a.V) }

var (
	sendIntTarget  = ipc.NewTarget(sendInt)
	sendTextTarget = ipc.NewTarget(sendText)
	sendListTarget = ipc.NewTarget(sendList)
	sendCallTarget = ipc.NewTarget(sendCall)
)

func TestArgumentsOfAnyTypeArrive(t *testing.T) { // PROC-03, PROC-04
	guard(t)
	comesBack(t, sendIntTarget, 1)
	comesBack(t, sendTextTarget, "str")
	comesBack(t, sendListTarget, []int{1})
	comesBack(t, sendCallTarget, callByName{[2]int{1, 2}, map[string]float64{"hello": 23, "bye": 2.54}})
}

func comesBack[T any](t *testing.T, target ipc.Target[sentBack[T]], v T) {
	t.Helper()
	r, s := channel[T](t)
	p := ipc.NewProcess(target, sentBack[T]{v, s})
	start(t, p)
	if got := ok(r.Recv(context.Background()))(t); !reflect.DeepEqual(got, v) {
		t.Errorf("%v came back as %v", v, got)
	}
	join(t, p)
}

// reciprocal writes a lot, and then divides by its argument.
func reciprocal(_ context.Context, n int) error {
	for range 2000 {
		fmt.Fprintln(os.Stderr, "about to divide")
	}
	fmt.Fprintln(os.Stderr, 1/n)
	return nil
}

var reciprocalTarget = ipc.NewTarget(reciprocal)

func TestFailureIsOnStderrWhole(t *testing.T) { // PROC-29, PROC-30, ROB-42
	ctx := guard(t)
	name := filepath.Join(t.TempDir(), "stderr")
	f := ok(os.Create(name))(t)
	defer f.Close()
	p := ipc.NewProcess(reciprocalTarget, 0)
	p.Name, p.Stderr = "Divider", f
	start(t, p)
	err := p.Join(ctx)
	if code, _ := p.ExitCode(); code != 1 {
		t.Errorf("exit code %d; want 1", code)
	}
	got := string(ok(os.ReadFile(name))(t))
	lines := strings.Repeat("about to divide\n", 2000)
	report, whole := strings.CutPrefix(got, lines)
	if !whole {
		t.Fatalf("stderr has %d bytes and does not begin with all that the child wrote", len(got))
	}
	head := "Process Divider: panic: runtime error: integer divide by zero\n"
	if !strings.HasPrefix(report, head) || !strings.Contains(report, "conf_process_test.go:") {
		t.Errorf("the report is\n%s\nwant %s, and the line", report, head)
	}
	re, isRemote := errors.AsType[*ipc.RemoteError](err)
	if !isRemote || !strings.Contains(re.Msg, "integer divide by zero") || !strings.Contains(re.Stack, "conf_process_test.go:") {
		t.Errorf("Join() = %#v", err)
	}
}

func lateFunction(context.Context, ipc.None) error { return nil }

// lateTarget is made when the program runs already, so no child knows it.
var lateTarget = sync.OnceValue(func() ipc.Target[ipc.None] { return ipc.NewTarget(lateFunction) })

func TestNoTargetNoChild(t *testing.T) { // PROC-31
	ctx := guard(t)
	mustPanic(t, "NewProcess() without a target", func() { ipc.NewProcess(ipc.Target[ipc.None]{}, ipc.None{}) })
	p := ipc.NewProcess(lateTarget(), ipc.None{})
	p.Stderr = io.Discard
	start(t, p)
	err := p.Join(ctx)
	if code, _ := p.ExitCode(); code != 1 || err == nil || !strings.Contains(err.Error(), "lateFunction") {
		t.Errorf("Join() = %v, exit code %d; want an error with the name of the target", err, code)
	}
}

type daemonArgs struct {
	E  *ipc.Event
	Is *ipc.Sender[bool]
}

func tellDaemon(ctx context.Context, a daemonArgs) error {
	if err := a.E.Wait(ctx); err != nil {
		return err
	}
	return a.Is.Send(ctx, ipc.CurrentProcess().Daemon)
}

var tellDaemonTarget = ipc.NewTarget(tellDaemon)

func TestDaemonIsDecidedAtStart(t *testing.T) { // PROC-33, PROC-35
	ctx := guard(t)
	for _, daemon := range []bool{true, false} {
		e := newEvent(t)
		r, s := channel[bool](t)
		p := ipc.NewProcess(tellDaemonTarget, daemonArgs{e, s})
		p.Daemon = daemon
		start(t, p)
		p.Daemon = !daemon
		e.Set()
		if got := ok(r.Recv(ctx))(t); got != daemon || strings.HasSuffix(p.String(), " daemon>") != daemon {
			t.Errorf("a child that was started with Daemon = %v says %v; here it is %v", daemon, got, p)
		}
		join(t, p)
	}
}

func TestActiveChildrenLeavesNoZombies(t *testing.T) { // PROC-40
	guard(t)
	var ps []*ipc.Process
	for range 5 {
		p := ipc.NewProcess(noopTarget, ipc.None{})
		start(t, p)
		ps = append(ps, p)
	}
	until(func() bool { return len(ipc.ActiveChildren()) == 0 }, func() { t.Errorf("%v", ipc.ActiveChildren()) })
	for _, p := range ps {
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid())); err == nil {
			t.Errorf("the ended child is still there: %s", stat)
		}
	}
}

func TestFiftyCyclesLeaveNoDescriptor(t *testing.T) { // PROC-50
	guard(t)
	before := census()
	for range 50 {
		p := ipc.NewProcess(noopTarget, ipc.None{})
		start(t, p)
		join(t, p)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	until(func() bool { return census() == before }, func() { t.Errorf("%s; before: %s", census(), before) })
}

// shouter is a process with a connection in it.
type shouter struct{ C *ipc.Conn[*string] }

// Run gives back in capitals what it is asked, until it is asked nothing.
func (s shouter) Run(ctx context.Context) error {
	for {
		word, err := s.C.Recv(ctx)
		if err != nil || word == nil {
			return err
		}
		loud := strings.ToUpper(*word)
		if err := s.C.Send(ctx, &loud); err != nil {
			return err
		}
	}
}

var shouterTarget = ipc.TargetOf[shouter]()

func TestTypeWithAConnectionIsAProcess(t *testing.T) { // PROC-32
	ctx := guard(t)
	ours, theirs, err := ipc.Pipe[*string]()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	p := ipc.NewProcess(shouterTarget, shouter{theirs})
	start(t, p)
	theirs.Close()
	for word, want := range map[string]string{"hello": "HELLO", "world": "WORLD"} {
		if err := ours.Send(ctx, &word); err != nil {
			t.Fatal(err)
		}
		if got := ok(ours.Recv(ctx))(t); *got != want {
			t.Errorf("%s came back as %s", word, *got)
		}
	}
	if err := ours.Send(ctx, nil); err != nil {
		t.Fatal(err)
	}
	join(t, p)
}
