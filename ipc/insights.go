package ipc

import (
	"slices"
	"sync"
	"time"
)

// Insights are what a pool has done so far.
type Insights struct {
	Workers []WorkerInsight // in the order of their starts, those that have ended too
	Slowest []SlowTask      // at most five, the slowest first
}

// A WorkerInsight says what a worker has spent its time with: from its start
// until it was ready, then in tasks, and the rest waiting for some.
type WorkerInsight struct {
	Name    string
	Pid     int
	Tasks   int // that it has done, or failed
	Start   time.Duration
	Working time.Duration
	Waiting time.Duration
	Ended   bool
}

// A SlowTask is a task that took long.
type SlowTask struct {
	Index int // of the item in its Map or Imap
	Pid   int
	Took  time.Duration
}

// Insights can be asked for at any time.
func (p *Pool[A, R]) Insights() Insights { return p.crew.insights() }

// insights are those of the workers, wherever they are.
func (c *crew) insights() Insights {
	c.mu.Lock()
	e := c.elsewhere
	c.mu.Unlock()
	if e != nil {
		return e.insights()
	}
	return c.ledger.insights()
}

// A ledger collects the insights of a pool.
type ledger struct {
	mu      sync.Mutex
	entries []*account
	slowest []SlowTask
}

// An account is a worker's entry in the ledger.
type account struct {
	WorkerInsight
	started, ready, ended time.Time
}

// maxAccounts bounds the ledger of a pool that replaces its workers all the
// time: the oldest that have ended go first.
const (
	maxAccounts = 1000
	mostSlow    = 5
)

func (l *ledger) open(name string, pid int) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == maxAccounts {
		i := max(0, slices.IndexFunc(l.entries, func(a *account) bool { return a.Ended }))
		l.entries = slices.Delete(l.entries, i, i+1)
	}
	a := &account{WorkerInsight: WorkerInsight{Name: name, Pid: pid}, started: time.Now()}
	l.entries = append(l.entries, a)
	return a
}

func (l *ledger) begin(a *account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.ready = time.Now()
	a.Start = a.ready.Sub(a.started)
}

func (l *ledger) end(a *account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.ended, a.Ended = time.Now(), true
}

// enter notes n tasks from number index on, which took that long together.
func (l *ledger) enter(a *account, index, n int, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.Tasks += n
	a.Working += took
	// Those of a run are quick: only a task by itself may be a slow one.
	if n != 1 || len(l.slowest) == mostSlow && took <= l.slowest[mostSlow-1].Took {
		return
	}
	l.slowest = append(l.slowest, SlowTask{index, a.Pid, took})
	slices.SortStableFunc(l.slowest, func(a, b SlowTask) int { return int(b.Took - a.Took) })
	l.slowest = l.slowest[:min(len(l.slowest), mostSlow)]
}

func (l *ledger) insights() Insights {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := Insights{Slowest: slices.Clone(l.slowest)}
	for _, a := range l.entries {
		w := a.WorkerInsight
		if !a.ready.IsZero() {
			until := time.Now()
			if w.Ended {
				until = a.ended
			}
			w.Waiting = max(0, until.Sub(a.ready)-w.Working)
		}
		in.Workers = append(in.Workers, w)
	}
	return in
}
