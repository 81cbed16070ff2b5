package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// partOf returns the part that asProgram wants the test to play, if any.
func partOf() string { return os.Getenv("IPC_TEST_PART") }

// asProgram runs the calling test once more as a program of its own, where
// partOf gives part, and returns its output when nobody holds that any more.
func asProgram(t *testing.T, exe, part string) (string, error) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(exe, "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), "IPC_TEST_PART="+part)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// lastWords waits until nobody is left that could send.
func lastWords(ctx context.Context, r *ipc.Receiver[bool]) error {
	for range r.All(ctx) {
	}
	fmt.Println("last words")
	return nil
}

var lastWordsTarget = ipc.NewTarget(lastWords)

// Main ends the daemons and then waits for the other children. What the
// program's goroutines start in the meantime would never be ended.
func TestMainEndsWhileGoroutinesStartChildren(t *testing.T) { // PROC-37, PROC-38
	if part := partOf(); part != "" {
		playEnding(t, part)
		return
	}
	for _, part := range []string{"supervisor", "supervisor of one that ignores SIGTERM", "pool"} {
		t.Run(part, func(t *testing.T) {
			guard(t)
			out, err := asProgram(t, os.Args[0], part)
			refused := strings.Index(out, ipc.ErrEnding.Error())
			if err != nil || refused < 0 || strings.Index(out, "last words") < refused {
				t.Errorf("%v; want the text of ErrEnding, then last words\n%s", err, out)
			}
		})
	}
}

// playEnding leaves it to Main to end a daemon, while a goroutine replaces
// that, and another child, which goes on until the goroutine is refused. It
// has no guard, as the children are to outlive the test.
func playEnding(t *testing.T, part string) {
	time.AfterFunc(limit-5*time.Second, func() {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "Main hangs\n%s\n", buf[:runtime.Stack(buf, true)])
		os.Exit(3)
	})
	ctx := context.Background()
	r, s, err := ipc.OneWay[bool]()
	if err != nil {
		t.Fatal(err)
	}
	start(t, ipc.NewProcess(lastWordsTarget, r))
	if part == "pool" {
		pool := ipc.NewPool(squareFunc, 2)
		ok(pool.Map(ctx, numbers(2)))(t)
		go func() {
			for err == nil || !errors.Is(err, ipc.ErrEnding) {
				_, err = pool.Map(ctx, numbers(100))
			}
			fmt.Println(err)
			s.Close()
		}()
		return
	}
	daemon := ipc.NewProcess(sleepTarget, ipc.None{})
	if part != "supervisor" {
		ready, rs := channel[bool](t)
		daemon = ipc.NewProcess(ignoreTermTarget, rs)
		defer func() { ok(ready.Recv(ctx))(t) }()
	}
	daemon.Daemon = true
	start(t, daemon)
	go func() {
		<-daemon.Sentinel() // Main has ended it
		next := ipc.NewProcess(sleepTarget, ipc.None{})
		next.Daemon = true
		fmt.Println(next.Start())
		s.Close()
	}()
}
