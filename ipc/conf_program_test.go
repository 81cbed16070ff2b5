package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// programOf is the calling test once more as a program of its own, where
// partOf gives part.
func programOf(t *testing.T, exe, part string) *exec.Cmd {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(exe, "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), "IPC_TEST_PART="+part)
	return cmd
}

func TestNamesBeginWithOne(t *testing.T) { // PROC-08
	if partOf() == "" {
		guard(t)
		if out, err := asProgram(t, os.Args[0], "fresh"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	ctx := guard(t)
	r, s := channel[relatives](t)
	first := ipc.NewProcess(noopTarget, ipc.None{}) // never started
	second := ipc.NewProcess(describeRelativesTarget, s)
	start(t, second)
	got := ok(r.Recv(ctx))(t)
	join(t, second)
	if first.Name != "Process-1" || second.Name != "Process-2" || got.Name != "Process-2" {
		t.Errorf("names %s and %s, in the child %s", first.Name, second.Name, got.Name)
	}
}

// endless is a daemon and its child, which would both go on for ever.
type endless struct {
	Leaf bool
	Pids *ipc.Sender[int]
}

func (e endless) Run(ctx context.Context) error {
	if err := e.Pids.Send(ctx, os.Getpid()); err != nil {
		return err
	}
	if !e.Leaf {
		if err := ipc.NewProcess(endlessTarget, endless{true, e.Pids}).Start(); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

var endlessTarget = ipc.TargetOf[endless]()

// A daemon may have children. When the program is done both are ended, and the
// output of the program is at its end.
func TestDaemonsEndWithTheProgram(t *testing.T) { // PROC-36, PROC-37
	if partOf() != "" {
		ctx, cancel := context.WithTimeout(context.Background(), limit/2) // in place of a guard
		defer cancel()
		r, s := channel[int](t)
		p := ipc.NewProcess(endlessTarget, endless{false, s})
		p.Daemon = true
		start(t, p)
		for range 2 {
			fmt.Println("pid", ok(r.Recv(ctx))(t))
		}
		return
	}
	guard(t)
	out, err := asProgram(t, os.Args[0], "leave")
	if err != nil || strings.Count(out, "pid ") != 2 {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		var pid int
		if n, _ := fmt.Sscanf(line, "pid %d", &pid); n == 1 {
			until(func() bool { return gone(pid) }, func() { t.Errorf("process %d is still there", pid) })
		}
	}
}

func TestChildHasNoInput(t *testing.T) { // PROC-67
	if partOf() == "" {
		guard(t)
		cmd := programOf(t, os.Args[0], "reader")
		cmd.Stdin = strings.NewReader("for the parent")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	ctx := guard(t)
	r, s := channel[identity](t)
	p := ipc.NewProcess(identifyTarget, s)
	start(t, p)
	if got := ok(r.Recv(ctx))(t); got.Stdin != 0 {
		t.Errorf("the child could read %d bytes", got.Stdin)
	}
	join(t, p)
	if text := ok(io.ReadAll(os.Stdin))(t); string(text) != "for the parent" {
		t.Errorf("the parent reads %q", text)
	}
}

// settings are what the environment says to the runtime.
type settings struct {
	Procs, GC int
	Debug     string
}

func mySettings() settings {
	percent := debug.SetGCPercent(-1)
	debug.SetGCPercent(percent)
	return settings{runtime.GOMAXPROCS(0), percent, os.Getenv("GODEBUG")}
}

type settingsArgs struct {
	Last bool
	Out  *ipc.Sender[settings]
}

func (a settingsArgs) Run(ctx context.Context) error {
	if err := a.Out.Send(ctx, mySettings()); err != nil || a.Last {
		return err
	}
	p := ipc.NewProcess(settingsTarget, settingsArgs{true, a.Out})
	return errors.Join(p.Start(), p.Join(ctx))
}

var settingsTarget = ipc.TargetOf[settingsArgs]()

func TestSettingsOfTheRuntimeAreInherited(t *testing.T) { // PROC-74
	want := settings{3, 77, "madvdontneed=1"}
	if partOf() == "" {
		guard(t)
		cmd := programOf(t, os.Args[0], "set")
		cmd.Env = append(cmd.Env, "GOMAXPROCS=3", "GOGC=77", "GODEBUG=madvdontneed=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	ctx := guard(t)
	r, s := channel[settings](t)
	p := ipc.NewProcess(settingsTarget, settingsArgs{false, s})
	start(t, p)
	for _, got := range []settings{mySettings(), ok(r.Recv(ctx))(t), ok(r.Recv(ctx))(t)} {
		if got != want {
			t.Errorf("%+v; want %+v", got, want)
		}
	}
	join(t, p)
}

// early is what a queue gave that was made when the program began. Children of
// the program come by here too, before they are told what to run.
var early = func() int {
	if partOf() != "early" {
		return 0
	}
	q, err := ipc.NewQueue[int](0)
	if err != nil {
		panic(err)
	}
	defer q.Close()
	ctx := context.Background()
	if err := q.Put(ctx, 3); err != nil {
		panic(err)
	}
	n, err := q.Get(ctx)
	if err != nil {
		panic(err)
	}
	return n
}()

func tellEarly(ctx context.Context, s *ipc.Sender[int]) error { return s.Send(ctx, early) }

var tellEarlyTarget = ipc.NewTarget(tellEarly)

func TestQueueInPackageInitialisation(t *testing.T) { // QUE-22
	if partOf() == "" {
		guard(t)
		if out, err := asProgram(t, os.Args[0], "early"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	ctx := guard(t)
	r, s := channel[int](t)
	p := ipc.NewProcess(tellEarlyTarget, s)
	start(t, p)
	if theirs := ok(r.Recv(ctx))(t); theirs != 3 || early != 3 {
		t.Errorf("the queue gave %d here and %d in the child; want 3", early, theirs)
	}
	join(t, p)
}
