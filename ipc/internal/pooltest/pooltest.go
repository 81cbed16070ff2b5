// Package pooltest checks that a pool keeps the promises of [ipc.Pool], wherever
// it has its tasks done: on this machine, or on others.
//
// The functions that the tasks run are variables of this package. So a test
// binary that runs the checks has them also where it is started again as a
// worker, or as a host.
package pooltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// A Backend is where pools have their tasks done. All of it must be on this
// machine, as tasks and checks talk by files, see [board].
type Backend struct {
	// Workers is how many tasks a pool has under way at the same time, at
	// least 2: what ipc.NewPool is given, or what all hosts have room for.
	Workers int

	// Attach is called with each new *ipc.Pool[A, R] before its first use, and
	// has its tasks done elsewhere. It is nil for the machine itself. With it,
	// errors of tasks name a host, and a Setup can't have shared objects: they
	// are memory of one machine.
	Attach func(pool any)

	// Late says that workers may end, and what they write come, a little after
	// Join has returned: who waits for other machines must give up some time.
	Late bool
}

// Run runs all checks.
func Run(t *testing.T, b Backend) {
	if b.Workers < 2 {
		t.Fatalf("%d workers; the checks need 2", b.Workers)
	}
	for _, one := range checks {
		t.Run(one.name, func(t *testing.T) {
			one.f(&check{t, b, ipctest.Deadline(t, limit), board(t.TempDir())})
		})
	}
}

// limit is for how long a check may take: a hang is a failure, with all stacks.
const limit = time.Minute

// checks are all there are.
var checks = []struct {
	name string
	f    func(*check)
}{
	{"map in order", mapInOrder},
	{"map of nothing", mapOfNothing},
	{"maps at once", mapsAtOnce},
	{"pools at once", poolsAtOnce},
	{"pools in workers", poolsInWorkers},
	{"apply", apply},
	{"bad settings", badSettings},
	{"as many as there are workers", asManyAsWorkers},

	{"values", values},
	{"long values", longValues},
	{"values that do not travel", strayValues},
	{"shared objects", sharedObjects},

	{"errors", taskErrors},
	{"errors keep their identity", errorIdentity},
	{"panics", panics},
	{"goroutine ends", goexits},

	{"worker dies", workerDies},
	{"worker dies among many tasks", workerDiesAmongMany},
	{"tried again", triedAgain},
	{"quarantine", quarantine},
	{"death without policy", deathWithoutPolicy},
	{"panic of Retry", panicOfRetry},

	{"timeout heeded", timeoutHeeded},
	{"timeout not heeded", timeoutNotHeeded},
	{"context has ended", contextHasEnded},
	{"context ends in map", contextEndsInMap},
	{"context ends behind results", contextEndsBehindResults},
	{"context ends in imap", contextEndsInImap},

	{"imap in order", imapInOrder},
	{"imap of errors", imapOfErrors},
	{"imap unordered", imapUnordered},
	{"quick one first", quickOnesFirst},
	{"slow one first", slowOneFirst},
	{"input fails", inputFails},
	{"input panics", inputPanics},
	{"imap is left", imapIsLeft},
	{"window", window},

	{"results", results},
	{"results fail", resultsFail},
	{"as completed", asCompleted},
	{"cancel", cancelMany},

	{"setup", setup},
	{"setup fails", setupFails},
	{"workers wear out", workersWearOut},
	{"lines of workers", linesOfWorkers},
	{"progress", progress},
	{"insights", insights},

	{"close", closePool},
	{"close lets tasks end", closeLetsTasksEnd},
	{"join before close", joinBeforeClose},
	{"terminate", terminate},
	{"terminate many", terminateMany},
}

// A check is what each of them has.
type check struct {
	*testing.T
	Backend
	ctx context.Context // ends if the check takes too long
	at  board
}

// newPool makes a pool, which ends with the check.
func newPool[A, R any](c *check, f ipc.Func[A, R]) *ipc.Pool[A, R] {
	c.Helper()
	pool := ipc.NewPool(f, c.Workers)
	if c.Attach != nil {
		c.Attach(pool)
	}
	c.Cleanup(func() {
		if c.Failed() {
			pool.Terminate() // the others are to end by themselves
		}
		finish(c, pool)
	})
	return pool
}

// newActPool makes a pool for acts, each of which is handed out by itself.
func newActPool(c *check) *ipc.Pool[act, outcome] {
	c.Helper()
	pool := newPool(c, playFunc)
	pool.ChunkSize = 1
	return pool
}

// finish closes a pool and waits for its end.
func finish[A, R any](c *check, pool *ipc.Pool[A, R]) {
	c.Helper()
	pool.Close()
	if err := pool.Join(context.Background()); err != nil {
		c.Errorf("Join() = %v", err)
	}
}

// acts are n of a kind.
func (c *check) acts(what string, n int) []act {
	all := make([]act, n)
	for i := range all {
		all[i] = act{what, i, c.at}
	}
	return all
}

// hear waits until there are n words that begin so, and returns them.
func (c *check) hear(begin string, n int) []string {
	c.Helper()
	words, err := c.at.wait(c.ctx, begin, n)
	if err != nil {
		c.Fatalf("%d of %d say %q: %v", len(words), n, begin, err)
	}
	return words
}

// say says something to the tasks.
func (c *check) say(word string) {
	c.Helper()
	if err := c.at.say(word); err != nil {
		c.Fatal(err)
	}
}

// until waits for what has to come, or has to be there if that is not so.
func (c *check) until(mayTakeTime bool, what string, cond func() bool) {
	c.Helper()
	for !cond() {
		if !mayTakeTime || c.ctx.Err() != nil {
			c.Fatalf("not so: %s", what)
		}
		time.Sleep(pause)
	}
}

// failed are the tasks of a Map that failed. Whatever else err is, is an error,
// and so is a task error that does not say what it should.
func (c *check) failed(err error) ipc.TaskErrors {
	c.Helper()
	all, isTasks := err.(ipc.TaskErrors)
	if err != nil && !isTasks {
		c.Fatalf("the error is %v; want those of tasks", err)
	}
	for i, e := range all {
		if i > 0 && e.Index <= all[i-1].Index {
			c.Errorf("the errors are not in the order of their tasks: %v", all)
		}
		if elsewhere := c.Attach != nil; e.Host != "" && !elsewhere || e.Host == "" && elsewhere && e.Pid != 0 {
			c.Errorf("%v was in process %d of host %q", e, e.Pid, e.Host)
		}
	}
	return all
}

// failure is the error of the one task that err is about.
func (c *check) failure(err error) *ipc.TaskError {
	c.Helper()
	e, isTask := errors.AsType[*ipc.TaskError](err)
	if all, several := err.(ipc.TaskErrors); several && len(all) != 1 || !isTask {
		c.Fatalf("the error is %v; want that of one task", err)
	}
	c.failed(ipc.TaskErrors{e})
	return e
}

// recovered is what f panics with.
func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// over is a context that has ended, for what is there already.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// numbers are 0 to n-1, and squares theirs.
func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func squares(n int) []int {
	all := numbers(n)
	for i := range all {
		all[i] *= i
	}
	return all
}
