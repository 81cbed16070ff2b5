package ipc_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// marked is what a process of some depth knows of being a child.
type marked struct {
	Child     bool
	Marker    string
	Inherited string // by another program that it starts
}

type markedArgs struct {
	Depth int
	Out   *ipc.Sender[marked]
}

func (a markedArgs) Run(ctx context.Context) error {
	got, err := inherited()
	if err != nil {
		return err
	}
	m := marked{ipc.ParentProcess() != nil, os.Getenv("GO_IPC_CHILD"), got}
	if err := a.Out.Send(ctx, m); err != nil || a.Depth == 1 {
		return err
	}
	p := ipc.NewProcess(markedTarget, markedArgs{a.Depth - 1, a.Out})
	return errors.Join(p.Start(), p.Join(ctx))
}

var markedTarget = ipc.TargetOf[markedArgs]()

func TestEachGenerationIsMarkedOnce(t *testing.T) { // CTX-08
	ctx := guard(t)
	r, s := channel[marked](t)
	p := ipc.NewProcess(markedTarget, markedArgs{3, s})
	start(t, p)
	s.Close()
	generations := 0
	for got, err := range r.All(ctx) {
		// A program of theirs has 0 to 2, and the folder that ls reads.
		if want := (marked{true, "", "0\n0\n1\n2\n3\n"}); err != nil || got != want {
			t.Errorf("generation %d: %+v, %v; want %+v", generations, got, err, want)
		}
		generations++
	}
	join(t, p)
	if generations != 3 {
		t.Errorf("%d generations; want 3", generations)
	}
}

func TestProgramStartsInManyWays(t *testing.T) { // CTX-09
	if partOf() != "" {
		ctx := guard(t)
		pool := ipc.NewPool(squareFunc, 2)
		got := ok(pool.Map(ctx, []int{1, 2, 3}))(t)
		fmt.Println("squares", got[0].N, got[1].N, got[2].N)
		finish(t, pool)
		return
	}
	exe := ok(os.Executable())(t)
	dir := t.TempDir()
	if err := errors.Join(os.Symlink(exe, filepath.Join(dir, "link")), os.Symlink("link", filepath.Join(dir, "other"))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for how, name := range map[string]string{
		"absolute": exe, "relative": "./" + filepath.Base(exe), "link": filepath.Join(dir, "link"),
		"link to a link": "./other", "PATH": "link",
	} {
		t.Run(how, func(t *testing.T) {
			guard(t)
			cmd := programOf(t, name, "square")
			switch how {
			case "relative":
				cmd.Dir = filepath.Dir(exe)
			case "link to a link":
				cmd.Dir = dir
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("squares 1 4 9\n")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// The library has no log: what is wrong is in the errors it returns.
func TestNothingIsPrintedUnasked(t *testing.T) { // SHM-14, FIN-04
	if partOf() == "" {
		guard(t)
		cmd := programOf(t, os.Args[0], "quiet")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil || !strings.HasPrefix(stdout.String(), "PASS\n") || stderr.Len() > 0 {
			t.Errorf("%v, stdout %q, stderr %q", err, &stdout, &stderr)
		}
		return
	}
	ctx := guard(t)
	l, q, b := newLock(t), newQueue[int](t, 1), newBarrier(t, 2)
	r, s := channel[bool](t)
	v := victim{How: "kill", Where: "holding the lock", Lock: l, Queue: q, Barrier: b, Ready: s}
	v.Receiver, v.Sender = channel[[]byte](t)
	p := ipc.NewProcess(victimTarget, v)
	start(t, p)
	s.Close()
	ok(r.Recv(ctx))(t)
	if err := l.Acquire(ctx); err != ipc.ErrOwnerDied {
		t.Errorf("Acquire() = %v", err)
	}
	l.Release()
	if _, err := r.Recv(ctx); err != io.EOF {
		t.Errorf("Recv() = %v", err)
	}
	if err := q.TryPut(1); err != nil {
		t.Errorf("TryPut() = %v", err)
	}
	if err := p.Join(ctx); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Join() = %v", err)
	}
}

// Ctrl-C gives up the wait for a child that would go on.
func TestInterruptEndsAJoin(t *testing.T) { // ROB-46
	if partOf() != "" {
		guard(t)
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
		defer stop()
		p := ipc.NewProcess(sleepTarget, ipc.None{})
		start(t, p)
		fmt.Println("joining")
		err := p.Join(ctx)
		fmt.Println(err == context.Canceled, p.IsAlive())
		_ = p.Terminate()
		_ = p.Join(context.Background())
		return
	}
	interruptWhen(t, "joining", "true true")
}

// interruptWhen runs this test as a program of its own, interrupts it when it has
// printed the line ready, and wants the line that it prints then.
func interruptWhen(t *testing.T, ready, want string) {
	t.Helper()
	guard(t)
	cmd := programOf(t, os.Args[0], "interrupted")
	out := ok(cmd.StdoutPipe())(t)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != ready {
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if !lines.Scan() || lines.Text() != want {
		t.Errorf("after the interrupt: %q; want %q", lines.Text(), want)
	}
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
