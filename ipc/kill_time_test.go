package ipc_test

import (
	"slices"
	"testing"
	"time"
)

// TestDeathIsNoticed logs how long it takes from SIGKILL until one who waits
// for the victim goes on: IPC_REPEATS=50 go test -v -run TestDeathIsNoticed.
// With a parent that lives, the reaper tells the others; an orphan's death is
// found by who waits, at the end of a nap.
func TestDeathIsNoticed(t *testing.T) {
	for _, name := range []string{
		"Lock, holding it", "RLock, holding it twice", "Semaphore, holding permits",
		"Barrier, before `Wait`", "Conn, idle", "Conn, not receiving, the pipe being full",
		"Queue, after `Put`, the last one who could", "Queue, with a task, before `TaskDone`",
	} {
		for _, w := range []way{outside, orphaned} {
			var took []time.Duration
			for range repeats(1) {
				t.Run(name+"/"+w.name, func(t *testing.T) {
					took = append(took, placeNamed(name).noticed(t, w))
				})
			}
			slices.Sort(took)
			t.Logf("%-45s %-8s p50 %8v  max %8v  of %d", name, w.name,
				took[len(took)/2].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond), len(took))
		}
	}
}

// noticed kills one whom another one waits for, and says how long that went on.
func (p place) noticed(t *testing.T, w way) time.Duration {
	ctx := guard(t)
	ours, theirs := p.set(t)
	c := p.raise(t, w, theirs)
	theirs.closeBut(ours)
	others := make(chan error, 1)
	go func() { others <- survive(ctx, p, ours, w) }()
	if !sleeps("ipc_test.survive", others) {
		t.Fatal("the other one does not wait")
	}
	begin := time.Now()
	if w == orphaned {
		c.let.Close()
	} else {
		_ = c.proc.Kill()
	}
	err := <-others
	took := time.Since(begin)
	if err != nil {
		t.Error(err)
	}
	c.fall(t)
	return took
}
