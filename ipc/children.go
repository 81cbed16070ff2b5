package ipc

import (
	"context"
	"slices"
	"sync"
	"time"
)

// children are the children of this process that have not ended.
var children table

type table struct {
	sync.Mutex
	all    []*Process
	closed bool // the program is ending
}

// add lists p unless the program is ending: its end would never come if its
// goroutines went on starting children.
func (t *table) add(p *Process) error {
	t.Lock()
	defer t.Unlock()
	if t.closed {
		return ErrEnding
	}
	t.all = append(t.all, p)
	return nil
}

func (t *table) remove(p *Process) {
	t.Lock()
	defer t.Unlock()
	t.all = slices.DeleteFunc(t.all, func(q *Process) bool { return q == p })
}

// close lets no more in.
func (t *table) close() {
	t.Lock()
	defer t.Unlock()
	t.closed = true
}

// ActiveChildren lists the children of this process that are alive, in the
// order in which they were started. In Python: active_children.
func ActiveChildren() []*Process {
	children.Lock()
	all := slices.Clone(children.all)
	children.Unlock()
	// One that is just being started is listed already, and may yet fail.
	return slices.DeleteFunc(all, func(p *Process) bool { return !p.IsAlive() })
}

// daemonGrace is how long a daemon has after SIGTERM at the end of its parent.
const daemonGrace = 500 * time.Millisecond

// endChildren ends the daemons and waits for the others.
func endChildren() {
	children.close()
	all := ActiveChildren()
	for _, p := range all {
		if p.daemon {
			_ = p.Terminate()
		}
	}
	grace, cancel := context.WithTimeout(context.Background(), daemonGrace)
	defer cancel()
	for _, p := range all {
		if !p.daemon {
			continue
		}
		select {
		case <-p.ended:
		case <-grace.Done():
			_ = p.Kill()
		}
	}
	for _, p := range all {
		<-p.ended
		awaitOutput(p)
	}
}

// awaitOutput waits for the output of an ended child, but not for a writer
// that never takes it.
func awaitOutput(p *Process) {
	select {
	case <-p.copied:
	case <-time.After(5 * time.Second):
	}
}
