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
	all []*Process
}

func (t *table) add(p *Process) {
	t.Lock()
	defer t.Unlock()
	t.all = append(t.all, p)
}

func (t *table) remove(p *Process) {
	t.Lock()
	defer t.Unlock()
	t.all = slices.DeleteFunc(t.all, func(q *Process) bool { return q == p })
}

// ActiveChildren lists the children of this process that are alive, in the
// order in which they were started. In Python: active_children.
func ActiveChildren() []*Process {
	children.Lock()
	defer children.Unlock()
	return slices.Clone(children.all)
}

// daemonGrace is how long a daemon has after SIGTERM at the end of its parent.
const daemonGrace = 500 * time.Millisecond

// endChildren ends the daemons and waits for the others.
func endChildren() {
	for _, p := range ActiveChildren() {
		if p.daemon {
			_ = p.Terminate()
		}
	}
	grace, cancel := context.WithTimeout(context.Background(), daemonGrace)
	defer cancel()
	for _, p := range ActiveChildren() {
		if p.daemon && p.Join(grace) == grace.Err() {
			_ = p.Kill()
		}
	}
	// Children may be started while we wait, by goroutines of the program.
	for {
		all := ActiveChildren()
		if len(all) == 0 {
			return
		}
		_ = all[0].Join(context.Background())
	}
}
