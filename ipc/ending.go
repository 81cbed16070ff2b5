package ipc

import (
	"io"
	"os"
	"sync"
	"syscall"
)

// newEnding is what there is to know about a child's end before it starts.
func newEnding(l *Limits, keepStderr bool) ending {
	e := ending{maxCPU: l.CPU, maxMemory: l.Memory, collected: keepStderr || l.any()}
	e.oomBefore = firstOOMs()
	if e.collected {
		e.oomBefore = oomKills()
	}
	return e
}

// firstOOMs is how many processes the kernel had killed for want of memory
// when our first child was started.
var firstOOMs = sync.OnceValue(oomKills)

// oomsTold is the count up to which such a kill was told of a child of ours.
var oomsTold struct {
	sync.Mutex
	n int64
}

// oomSince reports whether the kernel has killed a process since the count was
// before, of which no other child's end was explained yet.
func oomSince(before int64) bool {
	oomsTold.Lock()
	defer oomsTold.Unlock()
	told := max(before, oomsTold.n)
	if oomKills() <= told {
		return false
	}
	oomsTold.n = told + 1
	return true
}

// writers gives where the child's output goes, with a tail before its standard
// error if that is collected. One writer for both stays one, so that what
// comes through keeps its order.
func (p *Process) writers() (stdout, stderr io.Writer) {
	p.stderr = nil
	if !p.ending.collected {
		return p.Stdout, p.Stderr
	}
	if p.Stderr == nil {
		p.stderr = newTail(os.Stderr)
		return p.Stdout, p.stderr
	}
	p.stderr = newTail(p.Stderr)
	if sameWriter(p.Stdout, p.Stderr) {
		return p.stderr, p.stderr
	}
	return p.Stdout, p.stderr
}

// noteEnd notes what the system says of the end, which p.code is set from; s
// is nil if somebody else has reaped the child. The caller holds p.mu.
func (p *Process) noteEnd(s *os.ProcessState) {
	e := &p.ending
	e.code, e.lost = p.code, s == nil
	if s != nil {
		e.cpu = s.UserTime() + s.SystemTime()
	}
	if p.code == -int(syscall.SIGKILL) && !e.signalled && e.asked == CauseUnknown && e.reported == CauseUnknown {
		e.oom = oomSince(e.oomBefore)
	}
}

// explain adds to e why the process has ended, when its output is copied. The
// caller holds p.mu.
func (p *Process) explain(e *ExitError) {
	end := &p.ending
	if p.stderr != nil {
		e.Stderr = p.stderr.String()
		end.stderr = e.Stderr
	}
	e.Cause = end.cause()
	switch e.Cause {
	case CauseMemory:
		if end.oom {
			e.Detail = "killed by the kernel"
		} else if p.limits.Memory != 0 {
			e.Detail = "limit of " + size(p.limits.Memory)
		}
	case CausePanic, CauseCrash, CauseCrashInC:
		if e.Err == nil {
			e.Detail = lastWords(e.Stderr)
		}
	}
}

// why is what the cause adds to the exit code and to e.Err.
func (e *ExitError) why() string {
	switch e.Cause {
	case CauseUnknown, CauseExit, CauseError, CauseKilled:
		return ""
	case CausePanic: // the words of both begin with it
		return e.Detail
	}
	if e.Detail != "" {
		return e.Cause.String() + ": " + e.Detail
	}
	return e.Cause.String()
}
