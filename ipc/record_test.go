package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/timeline"
)

// recorded runs the calling test as a program that keeps an event log, and
// reads that.
func recorded(t *testing.T, part string) *timeline.Log {
	t.Helper()
	name := filepath.Join(t.TempDir(), "log")
	cmd := programOf(t, os.Args[0], part)
	cmd.Env = append(cmd.Env, "IPC_LOG="+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return readLog(t, name)
}

func readLog(t *testing.T, name string) *timeline.Log {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := timeline.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// processCalled is the one process of that name.
func processCalled(t *testing.T, l *timeline.Log, name string) int {
	t.Helper()
	found := -1
	for i, p := range l.Processes {
		if p.Name == name && found >= 0 {
			t.Fatalf("two processes are called %s", name)
		}
		if p.Name == name {
			found = i
		}
	}
	if found < 0 {
		t.Fatalf("no process is called %s: %+v", name, l.Processes)
	}
	return found
}

// scenes are what the children of playStory take part in.
type scenes struct {
	Out     *ipc.Sender[int]
	Lock    *ipc.Lock
	Barrier *ipc.Barrier
}

func (s scenes) Run(ctx context.Context) error {
	for i := range 3 {
		if err := s.Out.Send(ctx, i); err != nil {
			return err
		}
	}
	if _, err := s.Barrier.Wait(ctx); err != nil {
		return err
	}
	if err := s.Lock.Acquire(ctx); err != nil {
		return err
	}
	s.Lock.Release()
	return nil
}

var scenesTarget = ipc.TargetOf[scenes]()

func playStory(t *testing.T) {
	ctx := context.Background()
	r, s := channel[int](t)
	lock, err1 := ipc.NewLock()
	barrier, err2 := ipc.NewBarrier(2)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	p := ipc.NewProcess(scenesTarget, scenes{s, lock, barrier})
	p.Name = "scenes"
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := barrier.Wait(ctx); err != nil {
		t.Error(err)
	}
	for _, err := range r.All(ctx) {
		if err != nil {
			t.Error(err)
		}
	}
	if err := p.Join(ctx); err != nil {
		t.Error(err)
	}
}

func TestRecordTellsWhatHappened(t *testing.T) {
	if partOf() != "" {
		playStory(t)
		return
	}
	guard(t)
	l := recorded(t, "story")
	child := processCalled(t, l, "scenes")
	if p := l.Processes[child]; p.Parent != 0 || p.Code != 0 || p.Ready < p.Start || p.End < p.Ready {
		t.Errorf("the child's life is %+v", p)
	}
	if p := l.Processes[0]; p.Name != "MainProcess" || p.Parent != -1 || p.End < l.Processes[child].End {
		t.Errorf("the main process's life is %+v", p)
	}
	sent, received := map[int]timeline.Event{}, 0
	parties, held := map[int]bool{}, 0
	for _, e := range l.Events {
		switch e.Kind {
		case timeline.Send:
			sent[e.First] = e
		case timeline.Recv:
			if from, ok := sent[e.First]; !ok || e.Process != 0 || from.Process != child || from.At > e.At {
				t.Errorf("received %+v, sent %+v", e, from)
			}
			received += e.Count
		case timeline.Hold:
			if e.Process != child || e.Until < e.At || l.Objects[e.Object].String() != "lock" {
				t.Errorf("%v was held: %+v", l.Objects[e.Object], e)
			}
			held++
		case timeline.Wait:
			if e.For == timeline.ForParties && e.Until >= e.At && !e.Failed {
				parties[e.Process] = true
			}
		}
	}
	if len(sent) != 3 || received != 3 || held != 1 || !parties[0] || !parties[child] || l.Lost != 0 {
		t.Errorf("%d sent, %d received, %d times held, at the barrier %v, %d lost",
			len(sent), received, held, parties, l.Lost)
	}
}

// lastSends sends many values, and is killed by its own hand right after.
func lastSends(ctx context.Context, s *ipc.Sender[int]) error {
	for i := range manySends {
		if err := s.Send(ctx, i); err != nil {
			return err
		}
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

const manySends = 1000

var lastSendsTarget = ipc.NewTarget(lastSends)

func TestRecordIsCompleteUpToTheDeath(t *testing.T) {
	if partOf() != "" {
		r, s := channel[int](t)
		p := ipc.NewProcess(lastSendsTarget, s)
		p.Name = "victim"
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		s.Close()
		for range r.All(context.Background()) {
		}
		_ = p.Join(context.Background())
		return
	}
	guard(t)
	l := recorded(t, "victim")
	victim := processCalled(t, l, "victim")
	p := l.Processes[victim]
	if p.Code != -int(syscall.SIGKILL) {
		t.Errorf("exit code %d", p.Code)
	}
	sent := 0
	for _, e := range l.Events {
		if e.Process == victim && e.Kind == timeline.Send {
			sent += e.Count
		}
		if e.Process == victim && e.At > p.End {
			t.Errorf("%+v came after the end at %v", e, p.End)
		}
	}
	if sent != manySends {
		t.Errorf("%d of %d sends are in the log", sent, manySends)
	}
}

func TestRecordHasEachTaskOnce(t *testing.T) {
	const tasks = 40
	if partOf() != "" {
		pool := ipc.NewPool(squareFunc, 3)
		if _, err := pool.Map(context.Background(), make([]int, tasks)); err != nil {
			t.Fatal(err)
		}
		pool.Close()
		if err := pool.Join(context.Background()); err != nil {
			t.Fatal(err)
		}
		return
	}
	guard(t)
	done := map[int]int{}
	for _, e := range recorded(t, "pool").Events {
		if e.Kind == timeline.Task && e.Until >= e.At && !e.Failed {
			done[e.Task]++
		}
		if e.Object >= 0 {
			t.Errorf("an object of the pool's own is in the log: %+v", e)
		}
	}
	for i := range tasks {
		if done[i] != 1 {
			t.Errorf("task %d was done %d times, says the log", i, done[i])
		}
	}
}

// recordsToo says whether a child of a program that keeps a log may begin one.
func recordsToo(ctx context.Context, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := ipc.Record(f); !errors.Is(err, ipc.ErrRecording) {
		return fmt.Errorf("Record() = %v", err)
	}
	return nil
}

var recordsTooTarget = ipc.NewTarget(recordsToo)

func TestRecordOnce(t *testing.T) {
	if partOf() != "" {
		f, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		if err := ipc.Record(f); err != nil {
			t.Fatal(err)
		}
		if err := ipc.Record(f); err != ipc.ErrRecording {
			t.Errorf("Record() = %v", err)
		}
		p := ipc.NewProcess(recordsTooTarget, filepath.Join(t.TempDir(), "other"))
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if err := p.Join(context.Background()); err != nil {
			t.Error(err)
		}
		f.Close()
		l := readLog(t, f.Name())
		if len(l.Processes) != 2 {
			t.Errorf("%d processes are in the log", len(l.Processes))
		}
		return
	}
	guard(t)
	if out, err := asProgram(t, os.Args[0], "twice"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRecordAsked(t *testing.T) {
	if partOf() != "" {
		fmt.Println(os.LookupEnv("IPC_LOG"))
		_ = exec.Command("true").Run()
		return
	}
	guard(t)
	for name, wants := range map[string]string{
		filepath.Join(t.TempDir(), "log"):       "",
		filepath.Join(t.TempDir(), "no", "dir"): "ipc: IPC_LOG: open ",
		"":                                      "",
		"/dev/null":                             "ipc: IPC_LOG: ",
	} {
		cmd := programOf(t, os.Args[0], "asked")
		cmd.Env = append(cmd.Env, "IPC_LOG="+name)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("IPC_LOG=%s: %v", name, err)
		}
		if !strings.Contains(string(out), " false\n") {
			t.Errorf("IPC_LOG=%s: programs that this one runs would have it too:\n%s", name, out)
		}
		if got := strings.Contains(string(out), "ipc: IPC_LOG"); got != (wants != "") || !strings.Contains(string(out), wants) {
			t.Errorf("IPC_LOG=%s: want %q in\n%s", name, wants, out)
		}
	}
}
