package ipctest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Deadline fails the test if it takes longer than d. The stacks of all
// goroutines of this process go to standard error, then those of ipc's
// children at every depth, each to its own, by SIGQUIT; a child that has
// asked for that signal shows none. Then all processes that descend from this
// one are killed, those of other tests too, and the context that Deadline has
// returned ends, with the cause context.DeadlineExceeded. That makes most
// tests come to their end. If the test does not within a few seconds, the
// test binary exits with code 2, so that nothing waits for what never comes.
//
// Except for that, the context is t.Context().
func Deadline(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	adopt()
	ctx, cancel := context.WithCancelCause(t.Context())
	w := &watchdog{t: t, d: d, cancel: cancel, over: make(chan struct{}), done: make(chan struct{})}
	timer := time.AfterFunc(d, w.bark)
	t.Cleanup(func() {
		cancel(context.Canceled)
		w.mu.Lock()
		close(w.over)
		w.mu.Unlock()
		if !timer.Stop() {
			<-w.done // else the next test's processes would be killed
		}
	})
	return ctx
}

// A watchdog watches one test.
type watchdog struct {
	t      testing.TB
	d      time.Duration
	cancel context.CancelCauseFunc

	mu   sync.Mutex
	over chan struct{} // closed when the test has ended
	done chan struct{} // closed when bark has done its work
}

func (w *watchdog) isOver() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

func (w *watchdog) bark() {
	defer close(w.done)
	if !w.fail() {
		return
	}
	last := time.AfterFunc(time.Minute, func() { os.Exit(2) }) // if the hang is in what follows
	defer last.Stop()
	fmt.Fprintf(os.Stderr, "ipctest: %s takes longer than %v\n%s\n", w.t.Name(), w.d, stacks())
	showChildren()
	killAll()
	w.cancel(context.DeadlineExceeded)
	select {
	case <-w.over:
	case <-time.After(patience):
		fmt.Fprintf(os.Stderr, "ipctest: %s does not end\n", w.t.Name())
		killAll()
		os.Exit(2)
	}
}

// fail marks the test as failed, if it has not just ended.
func (w *watchdog) fail() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isOver() {
		return false
	}
	w.t.Errorf("takes longer than %v: the stacks are on standard error", w.d)
	return true
}

// stacks are those of all goroutines.
func stacks() []byte {
	const most = 64 << 20
	for size := 1 << 20; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size || size >= most {
			return b[:n]
		}
	}
}

// showChildren has ipc's children write their stacks, which ends them. They
// take turns, as their lines would mix otherwise, and are stopped until then:
// the end of one is news for others, that would take them from where they hang.
func showChildren() {
	children := slices.DeleteFunc(list(), func(p process) bool { return !p.isChild || p.zombie })
	for _, p := range children {
		_ = syscall.Kill(p.pid, syscall.SIGSTOP)
	}
	begin := time.Now()
	for _, p := range children {
		if time.Since(begin) > 4*patience {
			break // many have asked for the signal
		}
		fmt.Fprintf(os.Stderr, "ipctest: SIGQUIT to %s\n", p)
		_ = syscall.Kill(p.pid, syscall.SIGQUIT)
		_ = syscall.Kill(p.pid, syscall.SIGCONT)
		poll(func() bool {
			now := list()
			i := slices.IndexFunc(now, func(q process) bool { return q.pid == p.pid && q.since == p.since })
			return i < 0 || now[i].zombie
		})
	}
}

// killAll kills the descendants of this process, and what they start while it
// does.
func killAll() {
	poll(func() bool {
		left := slices.DeleteFunc(list(), func(p process) bool { return p.zombie })
		kill(left)
		return len(left) == 0
	})
}
