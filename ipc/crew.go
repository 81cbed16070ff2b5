package ipc

import (
	"context"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A crew is a pool without its types: the workers, and the jobs that wait for
// them.
//
//	job ──claim──► slot 1 ── pipe ──► worker process 1
//	  ▲  └──claim──► slot 2 ── pipe ──► worker process 2
//	  └── results ◄── slots ◄── pipe ──┘
//
// A slot is the goroutine that feeds one worker, and starts the next one when
// that has ended. There are as many as there was work for, up to size.
type crew struct {
	entry         *entry
	size          int
	args, results strip
	options
	ctx       context.Context // ends with Terminate
	terminate context.CancelFunc
	ended     chan struct{} // closed when all slots have ended, after close

	mu        sync.Mutex
	jobs      []*job // that may have tasks to hand out
	all       map[*job]bool
	slots     []*slot
	idle      []*slot // without a task, those that were busy last at the end
	closed    bool
	left      bool          // nobody of it is there, and will be
	broken    error         // why no worker can be started
	failures  int           // counts the starts that failed since one that did not, see failedItself
	starting  int           // workers that are on their way
	arrived   int           // workers that have come, not counting those that took the place of others
	up        int           // workers that are ready
	pace      atomic.Uint64 // math.Float64bits of the nanoseconds that a task takes, 0 if not known
	reports   sync.Mutex
	ledger    ledger
	numbers   uint64    // of the jobs
	elsewhere elsewhere // has the tasks done; nil for the slots; set before there are jobs
}

func newCrew(e *entry, size int, args, results strip) *crew {
	c := &crew{entry: e, size: size, args: args, results: results, ended: make(chan struct{}), all: map[*job]bool{}}
	c.ctx, c.terminate = context.WithCancel(context.Background())
	return c
}

// submit gives a job to the workers.
func (c *crew) submit(j *job) error {
	j.policy = &c.policy
	j.wake = func() { c.offer(j) }
	j.poke = c.poke
	j.report = func() { c.report(j) }
	j.onEnd = func() { c.retire(j) }
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.broken != nil {
		c.mu.Unlock()
		return c.broken
	}
	c.all[j] = true
	c.numbers++
	j.id = c.numbers
	c.mu.Unlock()
	j.change(func() {}) // one without tasks is over
	c.offer(j)
	return nil
}

// retire forgets a job that has ended.
func (c *crew) retire(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, j)
	c.hasTask() // it may be that which is to be unlisted
	c.endIfDone()
}

// offer lists a job that has tasks, and calls slots to them.
func (c *crew) offer(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j.mu.Lock()
	n := j.left()
	j.mu.Unlock()
	if n == 0 || !c.all[j] {
		return
	}
	if !j.listed {
		j.listed = true
		c.jobs = append(c.jobs, j)
	}
	if c.elsewhere != nil {
		c.elsewhere.Wake()
		return
	}
	for range min(n, c.size) {
		if !c.call() {
			return
		}
	}
}

// call calls one more slot to work. Workers are started one by one at first, then
// as many at a time as there are already, up to one for each processor: who
// has come and done something calls for more if there is enough left. Short tasks
// are all done by the first one, and long ones wait for a few starts at most.
func (c *crew) call() bool {
	for i := len(c.idle) - 1; i >= 0; i-- {
		if s := c.idle[i]; s.worker != nil || c.mayStart() {
			c.idle = slices.Delete(c.idle, i, i+1)
			c.setStarting(s, s.worker == nil)
			s.called <- struct{}{}
			return true
		}
	}
	if len(c.slots) == c.size || !c.mayStart() {
		return false
	}
	s := newSlot(c)
	c.slots = append(c.slots, s)
	c.setStarting(s, true)
	go s.run()
	return true
}

// claim hands tasks to a slot, how many of which want says for so many that
// could be had. Jobs take turns.
func (c *crew) claim(want func(left int) int) (j *job, first, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.jobs) > 0 {
		j := c.jobs[0]
		j.mu.Lock()
		left := j.left()
		j.mu.Unlock()
		n := 0
		if left > 0 {
			if n = want(left); n == 0 {
				break
			}
		}
		first, n := j.claim(n)
		c.jobs = c.jobs[1:]
		if j.listed = n < left; j.listed {
			c.jobs = append(c.jobs, j)
		}
		if n > 0 {
			return j, first, n
		}
	}
	return nil, 0, 0
}

// rest lists s as idle, unless there is a task to hand out. It reports false if
// s is to end.
func (c *crew) rest(s *slot) (work, stay bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hasTask() {
		return true, true
	}
	if s.worker == nil {
		c.setStarting(s, false)
	}
	if c.ctx.Err() != nil || c.closed && len(c.all) == 0 {
		return false, false
	}
	c.idle = append(c.idle, s)
	return false, true
}

// hasTasks reports whether there is a task to hand out.
func (c *crew) hasTasks() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasTask()
}

// hasTask is hasTasks for who holds mu. It unlists the jobs that have none, up to
// the first one that has: there may be very many that were cancelled.
func (c *crew) hasTask() bool {
	for len(c.jobs) > 0 {
		if c.jobs[0].waits() {
			return true
		}
		c.jobs[0].listed = false
		c.jobs[0] = nil
		c.jobs = c.jobs[1:]
	}
	return false
}

// leave takes s off the idle ones. It reports false if it was called meanwhile.
func (c *crew) leave(s *slot) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.idle, s)
	if i < 0 {
		return false
	}
	c.idle = slices.Delete(c.idle, i, i+1)
	return true
}

// gone takes note that s has ended.
func (c *crew) gone(s *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slots = slices.DeleteFunc(c.slots, func(o *slot) bool { return o == s })
	c.endIfDone()
}

// close lets no more jobs in. Those that are there will be done.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.endIfDone()
}

// endIfDone sends the slots home when there is nothing to come, and ends the
// crew when the last one has left. The caller holds mu.
func (c *crew) endIfDone() {
	if !c.closed || len(c.all) > 0 {
		return
	}
	for _, s := range c.idle {
		s.called <- struct{}{}
	}
	c.idle = nil
	if len(c.slots) > 0 || c.left {
		return
	}
	c.left = true
	c.terminate() // frees the context
	if c.elsewhere == nil {
		close(c.ended)
		return
	}
	go func() { // it talks to others, and may call us
		defer close(c.ended)
		c.elsewhere.Close()
	}()
}

// stopAll stops all jobs.
func (c *crew) stopAll(why error) {
	c.mu.Lock()
	var all []*job
	for j := range c.all {
		all = append(all, j)
	}
	c.mu.Unlock()
	for _, j := range all {
		j.stop(why)
	}
}

// killAll ends the workers, whatever they do.
func (c *crew) killAll() {
	c.terminate()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.elsewhere != nil {
		c.elsewhere.Terminate()
	}
}

// poke has all slots look at what has changed.
func (c *crew) poke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.slots {
		s.poke()
	}
	if c.elsewhere != nil {
		c.elsewhere.Wake()
	}
}

// ahead is how many tasks are to be there, done or not, for workers that are
// kept busy.
func (c *crew) ahead() int {
	if c.elsewhere != nil {
		return c.elsewhere.Ahead()
	}
	least := 2 * c.size * max(1, c.chunk)
	if pace := math.Float64frombits(c.pace.Load()); pace > 0 {
		return max(least, min(int(2*aheadTime/pace), mostAhead)*c.size)
	}
	return least
}

// report tells how far a job is.
func (c *crew) report(j *job) {
	if c.progress == nil {
		return
	}
	c.reports.Lock()
	defer c.reports.Unlock()
	defer func() {
		if v := recover(); v != nil {
			j.panics(v)
		}
	}()
	c.progress(j.progress())
}

// join waits until all slots have ended.
func (c *crew) join(ctx context.Context) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if !closed {
		return ErrNotClosed
	}
	select {
	case <-c.ended:
		return nil
	default:
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// options are the settings of a pool as they were with its first task.
type options struct {
	chunk          int
	lifetime       int
	idleTime       time.Duration
	timeout        time.Duration
	grace          time.Duration
	policy         policy
	setup          Setup
	inline         bool
	stdout, stderr io.Writer
	limits         Limits
	recycle        int64
	progress       func(Progress)
}
