package ipc_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/timeline"
)

// failsSomehow is a task that can end in other ways than to return.
func failsSomehow(_ context.Context, n int) (int, error) {
	switch n % 4 {
	case 1:
		return 0, errors.New("failed")
	case 2:
		panic("failed")
	case 3:
		runtime.Goexit()
	}
	return n, nil
}

var failsSomehowFunc = ipc.NewFunc(failsSomehow)

func TestRecordOfFailedTasks(t *testing.T) {
	const tasks = 16
	if partOf() != "" {
		pool := ipc.NewPool(failsSomehowFunc, 2)
		var results []*ipc.Result[int]
		for n := range tasks {
			results = append(results, pool.ApplyAsync(n))
		}
		for _, r := range results {
			_, _ = r.Get(context.Background())
		}
		pool.Terminate()
		return
	}
	guard(t)
	failed, done := 0, 0
	for _, e := range recorded(t, "pool").Events {
		switch {
		case e.Kind != timeline.Task:
		case e.Until < e.At:
			t.Errorf("a task has no end: %+v", e)
		case e.Failed:
			failed++
		default:
			done++
		}
	}
	if failed != tasks/4*3 || done != tasks/4 {
		t.Errorf("%d tasks failed, %d did not", failed, done)
	}
}

// echoes sends back what it receives, and leaves what it holds to Close.
type echoes struct {
	In   *ipc.Receiver[int]
	Out  *ipc.Sender[int]
	Lock *ipc.Lock
	Name string // of a log to begin
}

func (e echoes) Run(ctx context.Context) error {
	if e.Name != "" {
		f, err := os.Create(e.Name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := ipc.Record(f); err != nil {
			return err
		}
	}
	for n, err := range e.In.All(ctx) {
		if err := errors.Join(err, e.Out.Send(ctx, n)); err != nil {
			return err
		}
	}
	return inTurn(func() error { return e.Lock.Acquire(ctx) }, e.Lock.Close)
}

var echoesTarget = ipc.TargetOf[echoes]()

// converse has an echo called echo say three things.
func converse(t *testing.T, during func(), logName string) {
	t.Helper()
	ctx := context.Background()
	in, toIt := channel[int](t)
	fromIt, out := channel[int](t)
	lock, err := ipc.NewLock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	during()
	p := ipc.NewProcess(echoesTarget, echoes{in, out, lock, logName})
	p.Name = "echo"
	start(t, p)
	in.Close()
	out.Close()
	for i := range 3 {
		if err := toIt.Send(ctx, i); err != nil {
			t.Error(err)
		}
	}
	toIt.Close()
	for _, err := range fromIt.All(ctx) {
		if err != nil {
			t.Error(err)
		}
	}
	join(t, p)
}

// A log that tells of a value received but not of its sender would be a riddle.
func TestRecordLeavesOutOlderObjects(t *testing.T) {
	if partOf() == "" {
		guard(t)
		if out, err := asProgram(t, os.Args[0], "older"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	converse(t, func() {
		if err := ipc.Record(f); err != nil {
			t.Fatal(err)
		}
	}, "")
	l := readLog(t, f.Name())
	if len(l.Processes) != 2 || len(l.Objects) > 0 {
		t.Errorf("of %d processes the log has %v: %+v", len(l.Processes), l.Objects, l.Events)
	}
	converse(t, func() {}, "")
	if l := readLog(t, f.Name()); len(l.Objects) != 3 {
		t.Errorf("of what was made later the log has %v", l.Objects)
	}
}

func TestRecordOfGivingUp(t *testing.T) {
	if partOf() != "" {
		converse(t, func() {}, "")
		return
	}
	guard(t)
	for _, e := range recorded(t, "echo").Events {
		if e.Kind == timeline.Hold && e.Until < e.At {
			t.Errorf("a lock is held after Close: %+v", e)
		}
	}
}

func TestRecordInAChild(t *testing.T) {
	guard(t)
	name := filepath.Join(t.TempDir(), "log")
	converse(t, func() {}, name)
	l := readLog(t, name)
	if len(l.Processes) != 1 || l.Processes[0].Name != "echo" || l.Processes[0].End <= 0 {
		t.Errorf("the log is of %+v", l.Processes)
	}
}

// Two programs that write into one file at a time would be the end of both.
func TestRecordOneFileForTwoPrograms(t *testing.T) {
	if part := partOf(); part != "" {
		if part == "first" {
			_, _ = os.Stdout.WriteString("runs\n")
			_, _ = io.ReadAll(os.Stdin)
		}
		converse(t, func() {}, "")
		return
	}
	guard(t)
	name := filepath.Join(t.TempDir(), "log")
	first := programOf(t, os.Args[0], "first")
	first.Env = append(first.Env, "IPC_LOG="+name)
	stdin, err1 := first.StdinPipe()
	stdout, err2 := first.StdoutPipe()
	if err := errors.Join(err1, err2, first.Start()); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); line != "runs\n" {
		t.Fatalf("%q, %v", line, err)
	}
	second := programOf(t, os.Args[0], "second")
	second.Env = append(second.Env, "IPC_LOG="+name)
	if out, err := second.CombinedOutput(); err != nil || !strings.Contains(string(out), "ipc: IPC_LOG: ") {
		t.Errorf("the second: %v\n%s", err, out)
	}
	stdin.Close()
	rest, _ := io.ReadAll(out)
	if err := first.Wait(); err != nil {
		t.Errorf("the first: %v\n%s", err, rest)
	}
	if l := readLog(t, name); len(l.Processes) != 2 || l.Processes[0].Pid != first.Process.Pid || l.Processes[0].End < 0 {
		t.Errorf("the log is of %+v", l.Processes)
	}
}
