package ipc_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// A child is its parent process's, whichever thread has started it.
func TestChildOutlivesTheThreadThatStartedIt(t *testing.T) { // users.md test 16
	ctx := guard(t)
	for _, group := range []bool{false, true} {
		p := ipc.NewProcess(sleepTarget, ipc.None{})
		p.Group, p.Daemon = group, group
		thread := make(chan int)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			if err := p.Start(); err != nil {
				t.Error(err)
			}
			thread <- syscall.Gettid()
		}()
		dir := fmt.Sprintf("/proc/self/task/%d", <-thread)
		if !strings.HasSuffix(dir, fmt.Sprint("/", os.Getpid())) { // the main thread stays
			until(func() bool { _, err := os.Stat(dir); return err != nil }, func() { t.Error("the thread does not end") })
		}
		if s, err := p.Stacks(ctx); err != nil || !p.IsAlive() {
			t.Errorf("Stacks() = %q, %v", s, err)
		}
		if err := p.Stop(ctx); err != nil {
			t.Error(err)
		}
		_ = p.Join(ctx)
	}
}
