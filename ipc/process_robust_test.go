package ipc_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// gateVar names a FIFO for which a child waits before it is in touch with its
// parent, as one does whose init functions take their time.
const gateVar = "IPC_TEST_GATE"

func init() {
	if fifo := os.Getenv(gateVar); fifo != "" {
		if f, err := os.Open(fifo); err == nil {
			f.Close()
		}
	}
}

// heldBack makes an environment for a child that begins with release.
func heldBack(t *testing.T) (env []string, release func()) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), gateVar+"="+fifo), func() {
		// Open in both directions, it does not wait for the other side.
		f := ok(os.OpenFile(fifo, os.O_RDWR, 0))(t)
		t.Cleanup(func() { f.Close() })
	}
}

type parcel struct{ B []byte }

func takeParcel(context.Context, *parcel) error { return nil }

var parcelTarget = ipc.NewTarget(takeParcel)

// Start waits until a child has taken long arguments. All else must go on.
func TestProcessCanBeKilledWhileItsArgumentsAreNotRead(t *testing.T) {
	guard(t)
	env, release := heldBack(t)
	p := ipc.NewProcess(parcelTarget, &parcel{make([]byte, 4<<20)})
	p.Env = env
	var serr error
	wait := mustBlock(t, "Start", func() { serr = p.Start() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		until(func() bool { return slices.Contains(ipc.ActiveChildren(), p) },
			func() { t.Error("the process is not listed") })
		if !p.IsAlive() || !strings.HasSuffix(p.String(), " started>") {
			t.Errorf("%v does not look started", p)
		}
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if err := p.Join(over); err != context.Canceled {
			t.Errorf("Join() = %v", err)
		}
		if err := p.Kill(); err != nil {
			t.Errorf("Kill() = %v", err)
		}
	}()
	until(func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}, func() { t.Error("Start blocks the use of the process"); release() })
	wait()
	<-done
	err := p.Join(context.Background())
	if code, _ := p.ExitCode(); serr != nil || code != -9 {
		t.Errorf("Start() = %v, Join() = %v", serr, err)
	}
}

// badError is an error that can't say what it is: its usual form is nil.
type badError struct{ text string }

func (e *badError) Error() string { return e.text }

func failBadly(context.Context, ipc.None) error { return (*badError)(nil) }

var failBadlyTarget = ipc.NewTarget(failBadly)

func TestProcessReportsErrorWhoseTextPanics(t *testing.T) { // PROC-28, ROB-42
	ctx := guard(t)
	p := ipc.NewProcess(failBadlyTarget, ipc.None{})
	p.Stderr = io.Discard
	start(t, p)
	err := p.Join(ctx)
	re, isRemote := errors.AsType[*ipc.RemoteError](err)
	if code, _ := p.ExitCode(); code != 1 || !isRemote || !strings.Contains(re.Msg, "nil pointer") {
		t.Errorf("Join() = %#v, exit code %d", err, code)
	}
}

type orphan struct {
	Got  *ipc.Sender[string]
	Left bool // runs in the grandchild
}

// Run tries to end its parent before and after it has ended by itself.
func (o orphan) Run(ctx context.Context) error {
	if !o.Left {
		p := ipc.NewProcess(orphanTarget, orphan{o.Got, true})
		err := p.Start()
		os.Exit(map[bool]int{true: 0, false: 1}[err == nil])
	}
	parent := ipc.ParentProcess()
	<-parent.Sentinel()
	for _, err := range []error{parent.Terminate(), parent.Kill(), ipc.CurrentProcess().Join(ctx)} {
		if err := o.Got.Send(ctx, err.Error()); err != nil {
			return err
		}
	}
	return nil
}

var orphanTarget = ipc.TargetOf[orphan]()

func TestProcessIsNotItsOwnChild(t *testing.T) { // PROC-62
	ctx := guard(t)
	if err := ipc.CurrentProcess().Join(ctx); err != ipc.ErrNotChild {
		t.Errorf("CurrentProcess().Join() = %v", err)
	}
	r, s := channel[string](t)
	p := ipc.NewProcess(orphanTarget, orphan{Got: s})
	start(t, p)
	s.Close()
	join(t, p)
	n := 0
	for got, err := range r.All(ctx) {
		if n++; err != nil || got != ipc.ErrNotChild.Error() {
			t.Errorf("an orphan's try %d = %s, %v; want ErrNotChild", n, got, err)
		}
	}
	if n != 3 {
		t.Errorf("the orphan tried %d times", n)
	}
}

func TestProcessFreesItsArguments(t *testing.T) { // POOL-23
	guard(t)
	args := &parcel{make([]byte, 1<<20)}
	freed := make(chan struct{})
	runtime.AddCleanup(args, func(c chan struct{}) { close(c) }, freed)
	p := ipc.NewProcess(parcelTarget, args)
	start(t, p)
	join(t, p)
	until(func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	}, func() { t.Error("the ended process keeps its arguments") })
	runtime.KeepAlive(p)
}

// Where the kernel reaps children by itself, nobody knows how they ended. The
// program that says so is another one, since that can't be taken back.
func TestProcessEndsThatTheKernelReaps(t *testing.T) { // KF-45
	if partOf() == "" {
		guard(t)
		if out, err := asProgram(t, os.Args[0], "ignore SIGCHLD"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	ctx := guard(t)
	signal.Ignore(syscall.SIGCHLD)
	p := ipc.NewProcess(exitTarget, 4)
	start(t, p)
	err := p.Join(ctx)
	ee, isExit := errors.AsType[*ipc.ExitError](err)
	if !isExit || ee.Code != 255 || !errors.Is(err, syscall.ECHILD) || p.IsAlive() || len(ipc.ActiveChildren()) != 0 {
		t.Errorf("Join() = %v, %v", err, p)
	}
}
