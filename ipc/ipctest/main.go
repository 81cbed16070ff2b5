package ipctest

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// Main is the whole of a TestMain:
//
//	func TestMain(m *testing.M) { ipctest.Main(m) }
//
// It runs the tests as ipc.Main does and exits. When they are done and
// processes are left, it waits a few seconds for them to end, lists them on
// standard error, kills them, and exits with code 1. Daemons of ipc that the
// tests leave to ipc.Main, as the workers of a pool that several tests share,
// are no failure; what they in turn leave is.
func Main(m *testing.M) {
	var before processes
	code := ipc.Main(func() int {
		adopt()
		before = list()
		return leftAs(m.Run(), &before, spareDaemons)
	})
	os.Exit(leftAs(code, &before, nil))
}

// leftAs is the exit code of tests that ended with code: it is a failure if
// processes are left, which it lists, kills, and adds to those it knew before.
func leftAs(code int, before *processes, spare func(processes) processes) int {
	var left processes
	gone := poll(func() bool {
		left = list().without(*before)
		if spare != nil {
			left = spare(left)
		}
		return len(left) == 0
	})
	if gone {
		return code
	}
	fmt.Fprintln(os.Stderr, "ipctest: the tests have left behind:")
	for _, p := range left {
		fmt.Fprintf(os.Stderr, "\t%s\n", p)
	}
	kill(left)
	*before = append(*before, left...)
	return max(code, 1)
}

// spareDaemons leaves out the daemons of this process, and what is below them.
func spareDaemons(all processes) processes {
	spared := map[int]bool{}
	for _, p := range ipc.ActiveChildren() {
		spared[p.Pid()] = p.Daemon
	}
	return slices.DeleteFunc(slices.Clone(all), func(p process) bool {
		return slices.ContainsFunc(all.line(p), func(q process) bool { return spared[q.pid] })
	})
}

// patience is how long what is just ending may take.
var patience = 5 * time.Second

// poll asks for a condition until it holds, and reports whether it ever did.
func poll(cond func() bool) bool {
	pause := time.Millisecond
	for end := time.Now().Add(patience); !cond(); time.Sleep(pause) {
		if time.Now().After(end) {
			return false
		}
		pause = min(2*pause, 50*time.Millisecond)
	}
	return true
}

// kill ends processes, those that they have started meanwhile not included.
func kill(all processes) {
	for _, p := range all {
		if p.zombie {
			continue // its parent's matter
		}
		if c := active(p.pid); c != nil {
			_ = c.Kill()
		} else if list().has(p) { // the number is still its
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	for _, p := range all {
		if c := active(p.pid); c != nil {
			select {
			case <-c.Sentinel():
			case <-time.After(patience):
			}
		}
	}
}

// active is ipc's child with that pid, if there is one.
func active(pid int) *ipc.Process {
	for _, c := range ipc.ActiveChildren() {
		if c.Pid() == pid {
			return c
		}
	}
	return nil
}
