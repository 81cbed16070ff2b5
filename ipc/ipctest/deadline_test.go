package ipctest_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// hang hangs, and has a child that does.
func hang(_ context.Context, to *ipc.Sender[bool]) error {
	if err := ipc.NewProcess(hangBelowTarget, to).Start(); err != nil {
		return err
	}
	go sayHung(to)
	select {}
}

func hangBelow(_ context.Context, to *ipc.Sender[bool]) error {
	// Without its parent nothing could wake it, which the runtime takes for a
	// deadlock, unless there is a timer.
	defer time.AfterFunc(time.Hour, func() {}).Stop()
	go sayHung(to)
	select {}
}

// sayHung sends when a goroutine of this process hangs: the stack of one that
// still runs on another thread can't be shown.
func sayHung(to *ipc.Sender[bool]) {
	b := make([]byte, 1<<20)
	for !bytes.Contains(b[:runtime.Stack(b, true)], []byte("[select (no cases)]")) {
		time.Sleep(time.Millisecond)
	}
	if err := to.Send(context.Background(), true); err != nil {
		fmt.Println(err)
	}
}

var (
	hangTarget      = ipc.NewTarget(hang)
	hangBelowTarget = ipc.NewTarget(hangBelow)
)

// TestDeadlineShowsAllStacks has tests that hang in three ways: the first
// comes to its end with its children, the second with its context, and the
// third never.
func TestDeadlineShowsAllStacks(t *testing.T) {
	if part() != "" {
		playHanging(t)
		return
	}
	for _, tt := range []struct {
		name string
		code int
		want []string
	}{
		{"join", 1, []string{"--- FAIL", "takes longer than", "Join() = ipc: process"}},
		{"context", 1, []string{"--- FAIL", "Recv() = context canceled", "cause: context deadline exceeded"}},
		{"forever", 2, []string{"does not end", "[select (no cases)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ipctest.NoLeaks(t)
			out, code := play(t, tt.name)
			if code != tt.code {
				t.Errorf("exit code %d; want %d\n%s", code, tt.code, out)
			}
			wants(t, out, append(tt.want, "ipctest_test.playHanging(", "ipctest_test.hang(", "SIGQUIT to process")...)
			if runtime.GOOS == "linux" {
				wants(t, out, "ipctest_test.hangBelow(")
			}
		})
	}
}

func playHanging(t *testing.T) {
	r, s, err := ipc.OneWay[bool]()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := ipc.NewProcess(hangTarget, s)
	start(t, p)
	for range 2 {
		if _, err := r.Recv(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx := ipctest.Deadline(t, time.Millisecond)
	switch part() {
	case "join":
		t.Logf("Join() = %v", p.Join(context.Background()))
	case "context":
		_, err = r.Recv(ctx) // we could still send
		t.Logf("Recv() = %v, cause: %v", err, context.Cause(ctx))
	default:
		select {}
	}
}

// TestDeadlineLetsOthersBe: a test that is done in time has nothing of it.
func TestDeadlineLetsOthersBe(t *testing.T) {
	ipctest.NoLeaks(t)
	r := &recorder{T: t}
	ctx := ipctest.Deadline(r, time.Hour)
	if err := ctx.Err(); err != nil {
		t.Errorf("Err() = %v within the time", err)
	}
	if got := r.end(); got != "" {
		t.Error(got)
	}
	if context.Cause(ctx) != context.Canceled {
		t.Errorf("Cause() = %v after the test; want Canceled", context.Cause(ctx))
	}
}

// TestMainListsWhatIsLeft plays packages whose tests pass.
func TestMainListsWhatIsLeft(t *testing.T) {
	if part() != "" {
		playLeaving(t)
		return
	}
	for _, tt := range []struct {
		name string
		code int
		want []string
	}{
		{"nothing", 0, []string{"PASS"}},
		{"daemon", 0, []string{"PASS"}},
		{"process", 1, []string{"PASS", "left behind:\n\tprocess ", ": Process-1, <Process", "started in TestMainListsWhatIsLeft"}},
		{"orphan", 1, []string{"PASS", "left behind:\n\tprocess ", "sleep " + orphanSeconds, "started in TestMainListsWhatIsLeft"}},
		{"zombie", 1, []string{"PASS", "left behind:\n\tzombie ", "true"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ipctest.NoLeaks(t) // Main has killed what it lists
			if runtime.GOOS != "linux" && tt.name == "orphan" {
				t.Skip("needs the environment of processes")
			}
			out, code := play(t, tt.name)
			if code != tt.code {
				t.Errorf("exit code %d; want %d\n%s", code, tt.code, out)
			}
			if runtime.GOOS == "linux" {
				wants(t, out, tt.want...)
			}
		})
	}
}

func playLeaving(t *testing.T) {
	ipctest.Impatient()
	r := &recorder{T: t} // it does not end, so nothing is cleaned up
	ipctest.NoLeaks(r)
	switch part() {
	case "daemon", "process":
		leaveProcess(r, part() == "daemon")
	case "orphan":
		leaveOrphan(r)
	case "zombie":
		leaveZombie(r)
	}
}
