package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// relatives is what a child sees of itself and of its parent.
type relatives struct {
	Name, ParentName string
	Pid, ParentPid   int
	Thread           string // of the kernel's: /proc/PID/task/TID
	CPUs             int
}

func thread() string {
	name, _ := os.Readlink("/proc/thread-self")
	return name
}

func describeRelatives(ctx context.Context, s *ipc.Sender[relatives]) error {
	self, parent := ipc.CurrentProcess(), ipc.ParentProcess()
	return s.Send(ctx, relatives{self.Name, parent.Name, os.Getpid(), parent.Pid(), thread(), runtime.NumCPU()})
}

var describeRelativesTarget = ipc.NewTarget(describeRelatives)

func TestChildKnowsItselfAndItsParent(t *testing.T) { // PROC-06, PROC-12, PROC-59, PROC-64, PROC-65
	ctx := guard(t)
	r, s := channel[relatives](t)
	p := ipc.NewProcess(describeRelativesTarget, s)
	p.Name = "SomeProcess"
	start(t, p)
	got := ok(r.Recv(ctx))(t)
	join(t, p)
	if runtime.GOOS == "linux" && (got.Thread == thread() || !strings.HasPrefix(got.Thread, fmt.Sprint(p.Pid(), "/task/"))) {
		t.Errorf("the child runs in thread %s, the parent in %s", got.Thread, thread())
	}
	got.Thread = ""
	want := relatives{"SomeProcess", "MainProcess", p.Pid(), os.Getpid(), "", runtime.NumCPU()}
	if got != want || p.Name != "SomeProcess" || got.CPUs < 1 || got.Pid == os.Getpid() {
		t.Errorf("the child says %+v; want %+v", got, want)
	}
}

// twoTrees starts two of itself one after the other, down to a depth of two.
type twoTrees struct {
	Path  []int
	Paths *ipc.Sender[[]int]
}

func (a twoTrees) Run(ctx context.Context) error {
	if err := a.Paths.Send(ctx, a.Path); err != nil || len(a.Path) == 2 {
		return err
	}
	for i := range 2 {
		p := ipc.NewProcess(twoTreesTarget, twoTrees{append(slices.Clone(a.Path), i), a.Paths})
		if err := errors.Join(p.Start(), p.Join(ctx)); err != nil {
			return err
		}
	}
	return nil
}

var twoTreesTarget = ipc.TargetOf[twoTrees]()

func TestRecursionComesInOrder(t *testing.T) { // PROC-52
	ctx := guard(t)
	r, s := channel[[]int](t)
	p := ipc.NewProcess(twoTreesTarget, twoTrees{Paths: s})
	start(t, p)
	s.Close()
	var got []string
	for path, err := range r.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(path))
	}
	join(t, p)
	if want := "[] [0] [0 0] [0 1] [1] [1 0] [1 1]"; strings.Join(got, " ") != want {
		t.Errorf("the order is %s; want %s", got, want)
	}
}

// heir starts a child, for which Own is false, and waits to be terminated.
type heir struct {
	Own  bool
	Says *ipc.Sender[heirSays]
}

type heirSays struct {
	Pid, ParentPid int
	ParentAlive    bool
	Refused        bool // the parent can't be ended by its child
	Joined         string
}

func (h heir) Run(ctx context.Context) error {
	if !h.Own {
		if err := ipc.NewProcess(heirTarget, heir{true, h.Says}).Start(); err != nil {
			return err
		}
		<-ctx.Done()
	}
	parent := ipc.ParentProcess()
	say := func(joined error) error {
		return h.Says.Send(ctx, heirSays{
			Pid: os.Getpid(), ParentPid: parent.Pid(), ParentAlive: parent.IsAlive(),
			Refused: parent.Terminate() == ipc.ErrNotChild && parent.Kill() == ipc.ErrNotChild,
			Joined:  fmt.Sprint(joined),
		})
	}
	return errors.Join(say(parent.Join(over())), say(parent.Join(ctx)))
}

var heirTarget = ipc.TargetOf[heir]()

// Terminate ends the one process. Its child is an orphan then, and knows it.
func TestGrandchildOutlivesTerminatedParent(t *testing.T) { // PROC-60, PROC-62, PROC-80
	ctx := guard(t)
	r, s := channel[heirSays](t)
	p := ipc.NewProcess(heirTarget, heir{false, s})
	start(t, p)
	s.Close()
	first := ok(r.Recv(ctx))(t)
	want := heirSays{first.Pid, p.Pid(), true, true, context.Canceled.Error()}
	if first != want || !p.IsAlive() {
		t.Errorf("before: %+v; want %+v", first, want)
	}
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	second := ok(r.Recv(ctx))(t)
	want.ParentAlive, want.Joined = false, "<nil>"
	if second != want {
		t.Errorf("after: %+v; want %+v", second, want)
	}
	_ = p.Join(ctx)
	if code, _ := p.ExitCode(); code != -15 {
		t.Errorf("%v", p)
	}
	until(func() bool { return gone(first.Pid) }, func() { t.Errorf("process %d is still there", first.Pid) })
}

func pollQueue(_ context.Context, q *ipc.Queue[int]) error {
	if _, err := q.TryGet(); err != ipc.ErrWouldBlock {
		return fmt.Errorf("TryGet() = %w; want ErrWouldBlock", err)
	}
	return nil
}

func shareQueue(ctx context.Context, _ ipc.None) error {
	q, err := ipc.NewQueue[int](0)
	if err != nil {
		return err
	}
	p := ipc.NewProcess(pollQueueTarget, q)
	return errors.Join(p.Start(), p.Join(ctx))
}

func poolInChild(ctx context.Context, _ ipc.None) error {
	pool := ipc.NewPool(squareFunc, 4)
	got, err := pool.Map(ctx, []int{1, 2, 3, 4, 5, 6, 7})
	pool.Close()
	if err := errors.Join(err, pool.Join(ctx)); err != nil {
		return err
	}
	for i, a := range got {
		if a.N != (i+1)*(i+1) {
			return fmt.Errorf("result %d is %d", i, a.N)
		}
	}
	return nil
}

var (
	pollQueueTarget   = ipc.NewTarget(pollQueue)
	shareQueueTarget  = ipc.NewTarget(shareQueue)
	poolInChildTarget = ipc.NewTarget(poolInChild)
)

func TestChildHasQueueAndPoolOfItsOwn(t *testing.T) { // PROC-68, PROC-69
	guard(t)
	for _, target := range []ipc.Target[ipc.None]{shareQueueTarget, poolInChildTarget} {
		p := ipc.NewProcess(target, ipc.None{})
		start(t, p)
		join(t, p)
	}
}

// baggage is what a process has been given, at some depth.
type baggage struct{ Depth, Descriptors, Variables int }

type descent struct {
	Depth int
	Out   *ipc.Sender[baggage]
}

func (d descent) Run(ctx context.Context) error {
	fds, err := filepath.Glob("/dev/fd/*")
	if err != nil {
		return err
	}
	if err := d.Out.Send(ctx, baggage{d.Depth, len(fds), len(os.Environ())}); err != nil || d.Depth == 5 {
		return err
	}
	p := ipc.NewProcess(descentTarget, descent{d.Depth + 1, d.Out})
	return errors.Join(p.Start(), p.Join(ctx))
}

var descentTarget = ipc.TargetOf[descent]()

func TestDescendantsCarryNoMoreThanChildren(t *testing.T) { // PROC-76
	ctx := guard(t)
	r, s := channel[baggage](t)
	p := ipc.NewProcess(descentTarget, descent{1, s})
	start(t, p)
	s.Close()
	first := ok(r.Recv(ctx))(t)
	last := first
	for b, err := range r.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		last = b
	}
	join(t, p)
	if first.Descriptors < 4 || last.Depth != 5 || last.Descriptors > first.Descriptors || last.Variables > first.Variables {
		t.Errorf("at the end %+v; at first %+v", last, first)
	}
}

// isOpen tells whether a descriptor is there.
func isOpen(_ context.Context, fd int) error {
	_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	if errno != syscall.EBADF {
		return fmt.Errorf("descriptor %d: %v; want EBADF", fd, errno)
	}
	return nil
}

var isOpenTarget = ipc.NewTarget(isOpen)

func TestSocketsStayWithTheParent(t *testing.T) { // PROC-54
	guard(t)
	l := ok(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	f := ok(l.(*net.TCPListener).File())(t)
	defer f.Close()
	const high = 200
	if err := dup(int(f.Fd()), high); err != nil { // and inheritable, as none of Go's own are
		t.Fatal(err)
	}
	defer syscall.Close(high)
	p := ipc.NewProcess(isOpenTarget, high)
	start(t, p)
	join(t, p)
}

type backgroundArgs struct {
	Go  *ipc.Receiver[bool]
	Set *ipc.Event
}

// background ends with two goroutines at work, of which it waits for one.
func background(ctx context.Context, a backgroundArgs) error {
	go func() { select {} }()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if _, err := a.Go.Recv(ctx); err == nil {
			a.Set.Set()
		}
	})
	return nil
}

var backgroundTarget = ipc.NewTarget(background)

func TestTargetWaitsForTheGoroutinesItNames(t *testing.T) { // PROC-55
	ctx := guard(t)
	r, s := channel[bool](t)
	e := newEvent(t)
	p := ipc.NewProcess(backgroundTarget, backgroundArgs{r, e})
	start(t, p)
	wait := mustBlock(t, "Join", func() { join(t, p) })
	if err := s.Send(ctx, true); err != nil {
		t.Fatal(err)
	}
	wait()
	if !e.IsSet() {
		t.Error("the child has ended without its goroutine")
	}
}

// Whatever becomes of the parent's own output, children work.
func TestChildWorksWhateverTheOutputIs(t *testing.T) { // PROC-56
	ctx := guard(t)
	stdout, stderr := os.Stdout, os.Stderr
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	closed := ok(os.Open(os.DevNull))(t)
	closed.Close()
	for _, files := range [][2]*os.File{{nil, stderr}, {stdout, nil}, {closed, stderr}, {stdout, closed}} {
		os.Stdout, os.Stderr = files[0], files[1]
		e := newEvent(t)
		p := ipc.NewProcess(eventTarget, eventArgs{E: e, Set: true})
		start(t, p)
		if err := e.Wait(ctx); err != nil {
			t.Error(err)
		}
		join(t, p)
	}
}
