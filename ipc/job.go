package ipc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A job is what one call has given to a pool: tasks, which are numbered from 0.
type job struct {
	load
	id     uint64 // in its pool
	base   int    // the number that its first task has where it comes from
	policy *policy
	wake   func() // tells the pool that there is something to hand out
	poke   func() // tells those who are at it that it was stopped
	report func() // tells how far it is, before what it tells of can end the job
	onEnd  func()
	then   func() // may be nil

	mu       sync.Mutex
	next     int          // the first task that was never handed out
	end      int          // how many there are
	more     bool         // there may come more
	again    []int        // tasks to be handed out again, before others
	alone    map[int]bool // those of them that nothing is to be handed out with
	tries    map[int]try
	out      int           // how many are handed out
	over     error         // why no more are handed out, nil if they are
	panicked any           // see panics
	done     chan struct{} // closed when none is out, and none will be
	ended    bool

	listed bool // among the jobs of the crew; guarded by its lock

	failed int // how many tasks have failed for good
	good   int
	began  time.Time
}

// A load is the part of a job that knows its types.
type load interface {
	// encode appends up to n tasks from number i on to b. It returns how many,
	// and with fewer than n perhaps the error of the next one.
	encode(b []byte, i, n int) (out []byte, done int, err error)
	// keep takes the results of n tasks from number i on, and returns how many
	// it has taken, and with fewer the error of the next one.
	keep(b []byte, i, n int) (done int, err error)
	// fail is told of a task that has failed for good. Lost says that its worker
	// ended with it.
	fail(e *TaskError, lost bool)
}

// A try is what is known of a task that has failed before.
type try struct{ failures, deaths int }

// A policy says what is done about a task that fails.
type policy struct {
	retry  func(*TaskError) bool
	deaths int // how many workers a task may kill
}

func newJob(l load, end int, more bool) *job {
	return &job{load: l, end: end, more: more, done: make(chan struct{}), began: time.Now()}
}

// left is how many tasks could be handed out now.
func (j *job) left() int {
	if j.over != nil {
		return 0
	}
	return len(j.again) + j.end - j.next
}

// waits reports whether there is a task to hand out.
func (j *job) waits() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.left() > 0
}

// claim hands out up to n tasks in a row.
func (j *job) claim(n int) (first, count int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n = min(n, j.left()); n <= 0 {
		return 0, 0
	}
	if len(j.again) > 0 {
		first, count = j.again[0], 1
		for count < min(n, len(j.again)) && j.again[count] == first+count && !j.alone[first] && !j.alone[first+count] {
			count++
		}
		j.again = j.again[count:]
	} else {
		first, count = j.next, n
		j.next += n
	}
	j.out += count
	return first, count
}

// change changes the job, and ends it if nothing of it is out then, and nothing
// will be.
func (j *job) change(f func()) {
	j.mu.Lock()
	f()
	end := j.out == 0 && !j.ended && (j.over != nil || !j.more && j.left() == 0)
	j.ended = j.ended || end
	j.mu.Unlock()
	if end {
		if j.good+j.failed < j.end || j.over != nil {
			j.report()
		}
		j.onEnd()
		if j.then != nil {
			j.then()
		}
		// Nobody asks them any more, and slots and results may know the job for
		// long: the items are not theirs to keep.
		j.load, j.then = nil, nil
		close(j.done)
	}
}

// add adds n tasks.
func (j *job) add(n int) {
	j.change(func() { j.end += n })
	j.wake()
}

// seal says that no more are added.
func (j *job) seal() { j.change(func() { j.more = false }) }

// giveBack takes n tasks back that were handed out and not begun.
func (j *job) giveBack(first, n int) {
	if n == 0 {
		return
	}
	j.change(func() {
		j.out -= n
		if first+n == j.next && !j.alone[first] {
			j.next = first
			return
		}
		for i := range n {
			j.again = append(j.again, first+i)
		}
	})
	j.wake()
}

// giveBackAlone is giveBack for tasks each of which is to be handed out by itself.
func (j *job) giveBackAlone(first, n int) {
	j.change(func() {
		j.out -= n
		if j.alone == nil {
			j.alone = map[int]bool{}
		}
		for i := first; i < first+n; i++ {
			j.again = append(j.again, i)
			j.alone[i] = true
		}
	})
	j.wake()
}

// succeeded takes note of n tasks that are done.
func (j *job) succeeded(n int) {
	if n == 0 {
		return
	}
	j.mu.Lock()
	j.good += n
	j.mu.Unlock()
	j.report()
	j.change(func() { j.out -= n })
}

// fails takes note of a task that has failed, and will be tried again if the
// policy says so. Lost says that its worker died.
func (j *job) fails(e *TaskError, lost bool) {
	j.mu.Lock()
	t := j.tries[e.Index]
	if t.failures++; lost {
		t.deaths++
	}
	e.Attempts = t.failures
	stopped := j.over != nil
	j.mu.Unlock()

	quarantined := lost && t.deaths >= j.policy.deaths
	again := !stopped && !quarantined && j.mayRetry(e)
	if quarantined && j.policy.retry != nil {
		e.Err = &endedError{ErrQuarantined, e.Err}
	}
	if !again {
		j.endTask(e, lost)
		return
	}
	j.change(func() {
		j.out--
		if j.tries == nil {
			j.tries = map[int]try{}
		}
		j.tries[e.Index] = t
		j.again = append(j.again, e.Index)
	})
	j.wake()
}

// endTask takes note of a task that has failed for good.
func (j *job) endTask(e *TaskError, lost bool) {
	j.load.fail(e, lost)
	j.mu.Lock()
	j.failed++
	j.mu.Unlock()
	j.report()
	j.change(func() { j.out-- })
}

// mayRetry asks the policy.
func (j *job) mayRetry(e *TaskError) (again bool) {
	if j.policy.retry == nil {
		return false
	}
	defer func() {
		if v := recover(); v != nil {
			j.panics(v)
		}
	}()
	return j.policy.retry(e)
}

// stop ends the job: what is not handed out will not be.
func (j *job) stop(why error) {
	j.change(func() {
		if j.over == nil {
			j.over = why
		}
	})
}

// stopped is why the job was stopped.
func (j *job) stopped() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.over
}

// panics stops the job with the panic of a method of its values, of its input,
// or of a function in the pool's settings, which is to come out of the call.
func (j *job) panics(v any) {
	j.mu.Lock()
	if j.panicked == nil {
		j.panicked = v
	}
	j.mu.Unlock()
	j.stop(fmt.Errorf("%w: %v", errPanicked, v))
	j.poke()
}

// errPanicked is what a job is stopped with that nobody waits for who could be
// given the panic itself.
var errPanicked = errors.New("ipc: a method of a value, or a function of the pool, has panicked")

// wait waits for the end of the job, and stops it when ctx ends.
func (j *job) wait(ctx context.Context, c *crew) {
	select {
	case <-j.done:
	case <-ctx.Done():
		j.stop(ctx.Err())
		c.poke()
		<-j.done
	}
	j.repanic()
}

// repanic panics where the caller can recover, see panics.
func (j *job) repanic() {
	if j.panicked != nil {
		panic(j.panicked)
	}
}

// cancel stops the job, and reports whether nothing of it was ever handed out.
func (j *job) cancel() (unbegun bool) {
	j.change(func() {
		unbegun = j.next == 0 && (!j.ended || j.over == ErrCancelled)
		if j.over == nil && !j.ended {
			j.over = ErrCancelled
		}
	})
	return unbegun
}

// progress is how far the job is.
func (j *job) progress() Progress {
	j.mu.Lock()
	defer j.mu.Unlock()
	total := j.end
	if j.more {
		total = -1
	}
	p := progressOf(j.good, j.failed, total, time.Since(j.began))
	p.Over = j.ended
	return p
}
