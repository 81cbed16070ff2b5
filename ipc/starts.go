package ipc

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// mayStart reports whether one more worker may be started now.
func (c *crew) mayStart() bool { return c.starting < max(1, min(CPUs(), c.arrived)) }

// setStarting notes whether s is starting a worker. The caller holds mu.
func (c *crew) setStarting(s *slot, so bool) {
	if s.starts != so {
		s.starts = so
		if c.starting--; so {
			c.starting += 2
		}
	}
}

// A start that fails counts failedItself if it was the worker's own doing, and
// wasKilled if somebody has killed it. With mostFailures in a row there is no
// use in trying again.
const (
	failedItself = 10
	wasKilled    = 1
	mostFailures = 3 * failedItself

	longestPause = time.Second // between starts, as long as other workers are there
)

// noStart takes note that the worker of s could not be started, or was never
// ready, and returns how long to wait before the next.
func (c *crew) noStart(s *slot, err error) time.Duration {
	c.mu.Lock()
	c.setStarting(s, false)
	if x, ok := errors.AsType[*ExitError](err); ok && x.Cause == CauseKilled {
		c.failures += wasKilled
	} else {
		c.failures += failedItself
	}
	if c.broken == nil && c.up == 0 && (c.failures >= mostFailures || hopeless(err)) {
		c.broken = fmt.Errorf("ipc: pool: %w", err)
	}
	broken, n := c.broken, c.failures
	c.mu.Unlock()
	if broken != nil {
		c.stopAll(broken)
	}
	return min(time.Duration(n)*time.Millisecond, longestPause)
}

// hopeless reports whether a worker will never start.
func hopeless(err error) bool {
	return errors.Is(err, ErrNoMain) || errors.Is(err, ErrDepth) || errors.Is(err, ErrEnding) || errors.Is(err, errors.ErrUnsupported)
}

// more takes note that the process of s is there, and calls for more if that is
// worth it: slow says that it is, whatever tasks have taken before.
func (c *crew) more(s *slot, slow bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.starts {
		c.arrived++
	}
	c.setStarting(s, false)
	const twice = 2 // as many, each time
	for range twice {
		if !c.hasTask() || !slow && c.nearlyDone() || !c.call() {
			break
		}
	}
}

// nearlyDone reports whether the tasks that are left will be done before another
// worker is there. The caller holds mu.
func (c *crew) nearlyDone() bool {
	const start = 5 * time.Millisecond // that takes twice as long and more
	left := 0
	for _, j := range c.jobs[:min(len(c.jobs), fewJobs)] {
		j.mu.Lock()
		left += j.left()
		if j.more {
			left = math.MaxInt32
		}
		j.mu.Unlock()
	}
	pace := math.Float64frombits(c.pace.Load())
	return pace > 0 && float64(left)*pace < float64(start)
}

// fewJobs is how many of the jobs are looked at for an estimate.
const fewJobs = 100

// ready takes note that the worker of s is set up.
func (c *crew) ready(s *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up++
	c.failures = 0
}

// down takes note that a worker that was ready has ended.
func (c *crew) down() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up--
}
