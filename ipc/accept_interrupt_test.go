package ipc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// toil tells its pid and that of a program that it starts, and goes on until
// its context ends, or for ever.
func toil(ctx context.Context, deaf bool) (int, error) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	fmt.Printf("pid %d\npid %d\n", os.Getpid(), cmd.Process.Pid)
	if deaf {
		select {}
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

var toilFunc = ipc.NewFunc(toil)

// heedInterrupts is a program as it should be: the first interrupt ends the work,
// the second one the program.
func heedInterrupts(t *testing.T, deaf bool) {
	time.AfterFunc(limit, func() { os.Exit(3) })
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	context.AfterFunc(ctx, func() {
		stop()
		fmt.Println("stopping")
	})
	pool := ipc.NewPool(toilFunc, 2)
	pool.ChunkSize = 1
	if deaf {
		pool.Grace = 10 * limit
	}
	if _, err := pool.Map(ctx, []bool{deaf, deaf}); !errors.Is(err, context.Canceled) {
		t.Errorf("Map() = %v", err)
	}
	pool.Terminate()
	if err := pool.Join(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAcceptInterrupt(t *testing.T) { // users.md 10, test 5
	if part := partOf(); part != "" {
		heedInterrupts(t, part == "twice")
		return
	}
	for _, how := range []string{"parent", "group", "twice"} {
		t.Run(how, func(t *testing.T) {
			guard(t)
			cmd := programOf(t, os.Args[0], how)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out := ok(cmd.StdoutPipe())(t)
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			var pids []int
			for len(pids) < 4 && lines.Scan() {
				var pid int
				if _, err := fmt.Sscanf(lines.Text(), "pid %d", &pid); err == nil {
					pids = append(pids, pid)
				}
			}
			to := cmd.Process.Pid
			if how == "group" {
				to = -to
			}
			if err := syscall.Kill(to, syscall.SIGINT); err != nil {
				t.Error(err)
			}
			for lines.Scan() && lines.Text() != "stopping" {
			}
			if how == "twice" {
				_ = syscall.Kill(to, syscall.SIGINT)
			}
			for lines.Scan() {
			}
			err := cmd.Wait()
			ws, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if killed := ws.Signaled() && ws.Signal() == syscall.SIGINT; killed != (how == "twice") || err != nil && !killed {
				t.Errorf("the program ended with %v", err)
			}
			if len(pids) != 4 {
				t.Errorf("the pids are %v; want 4", pids)
			}
			mustGo(t, pids...)
		})
	}
}
