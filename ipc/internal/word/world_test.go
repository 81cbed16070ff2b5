package word

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/steps"
)

// A world runs a few processes of which exactly one moves at a time. Each call
// of their Env is a point at which the world chooses who moves on, so that an
// order of events is a list of choices: every one can be tried, and run again.
//
// A sleeper moves on only when it was woken, or when its word had changed
// before it fell asleep, or its context has ended. So a wake that was
// forgotten is a world that stands still, not one that is a little slow.
type world struct {
	t      *testing.T
	procs  []*proc
	choose func(n int) int
	spin   int     // what Spin does, see there
	naps   int     // how many naps may end by themselves, to find the dead
	early  int     // how many sleeps may end for no reason
	locks  []Mutex // what Dead buries
	yield  chan *proc
	over   bool
	failed string
}

// A proc is a process: a goroutine with a pid, over the words of all.
type proc struct {
	w      *world
	pid    uint32
	run    func(p *proc)
	resume chan bool
	dieAt  int // the point at which it is killed, 0 for never
	points int
	asleep *atomic.Uint32
	woken  bool
	ctx    context.Context
	sleeps func()      // called when it is about to sleep
	held   func() bool // not to be chosen while this holds
	last   bool        // moves only when no other can
	ended  bool
	dead   bool
}

func newWorld(t *testing.T, choose func(n int) int) *world {
	return &world{t: t, choose: choose, yield: make(chan *proc)}
}

// add makes the next process; the first has pid 1.
func (w *world) add(run func(p *proc)) *proc {
	p := &proc{w: w, pid: uint32(len(w.procs) + 1), run: run, resume: make(chan bool)}
	w.procs = append(w.procs, p)
	return p
}

func (p *proc) start() {
	defer func() {
		p.ended = true
		p.w.yield <- p
	}()
	if <-p.resume; p.w.over {
		return
	}
	p.run(p)
}

// play runs all to their ends. It fails the test if they never get there.
func (w *world) play() {
	w.t.Helper()
	for _, p := range w.procs {
		go p.start()
	}
	for w.failed == "" && w.step() {
	}
	// The dead unwind now, when nobody looks at the words any more.
	w.over = true
	for _, p := range w.procs {
		if !p.ended {
			p.resume <- false
			<-w.yield
		}
	}
	if w.failed != "" {
		w.t.Error(w.failed)
	}
}

// step lets one process move on, and reports whether anything is left to do.
func (w *world) step() bool {
	able, nap := w.able(), false
	if len(able) == 0 {
		able = w.sleepers()
		if len(able) == 0 {
			if len(w.left()) > 0 {
				w.fail("some are held for ever:%s", w)
			}
			return false
		}
		if nap = true; w.naps == 0 {
			w.fail("stands still:%s", w)
			return false
		}
		w.naps--
	} else if w.early > 0 {
		able = append(able, w.living(func(p *proc) bool { return !p.mayMove() })...)
	}
	p := able[w.choose(len(able))]
	if !nap && !p.mayMove() {
		w.early--
	}
	p.asleep, p.woken = nil, false
	running = p
	p.resume <- nap
	<-w.yield
	running = nil
	return true
}

// running is the process that moves. If the words are those of package steps,
// each use of one is a point.
var running *proc

// stepped is whether they are.
var _, stepped = any((*atomic.Uint32)(nil)).(*steps.Uint32)

func init() {
	steps.Before = func() {
		if p := running; p != nil {
			p.point()
		}
	}
}

func (w *world) able() []*proc {
	able := w.living((*proc).mayMove)
	isLast := func(p *proc) bool { return p.last }
	if first := slices.DeleteFunc(slices.Clone(able), isLast); len(first) > 0 {
		return first
	}
	return able
}

func (p *proc) mayMove() bool { return p.asleep == nil || p.woken || p.ctx.Err() != nil }

func (w *world) sleepers() []*proc {
	return w.living(func(p *proc) bool { return p.asleep != nil })
}

// left are the processes that have not come to an end.
func (w *world) left() []*proc {
	return slices.DeleteFunc(slices.Clone(w.procs), func(p *proc) bool { return p.ended || p.dead })
}

func (w *world) living(pick func(p *proc) bool) []*proc {
	return slices.DeleteFunc(w.left(), func(p *proc) bool {
		return p.held != nil && p.held() || !pick(p)
	})
}

func (w *world) String() string {
	var b strings.Builder
	for _, p := range w.procs {
		switch {
		case p.ended:
			fmt.Fprintf(&b, " %d ended;", p.pid)
		case p.dead:
			fmt.Fprintf(&b, " %d died at its point %d;", p.pid, p.points)
		case p.asleep != nil:
			fmt.Fprintf(&b, " %d sleeps on a word that is %#x;", p.pid, p.asleep.Load())
		default:
			fmt.Fprintf(&b, " %d runs;", p.pid)
		}
	}
	return b.String()
}

func (w *world) fail(format string, args ...any) {
	if w.failed == "" {
		w.failed = fmt.Sprintf(format, args...)
	}
}

// point lets the world choose. It does not return in a process that dies here.
func (p *proc) point() (napped bool) {
	if p.w.over {
		return false
	}
	p.points++
	p.dead = p.points == p.dieAt
	p.w.yield <- p
	napped = <-p.resume
	if p.w.over {
		runtime.Goexit()
	}
	return napped
}

// begun reports whether p has used a word.
func (p *proc) begun() bool {
	if stepped {
		return p.points > 1 // the first was before it
	}
	return p.points > 0
}

// Pid implements Env. A process that unwinds after its death is nobody: what
// it held stays as it was.
func (p *proc) Pid() uint32 {
	p.point()
	if p.w.over {
		return pidMask
	}
	return p.pid
}

// How the processes of a world spin.
const (
	spinNever    = iota // they sleep at once
	spinOnce            // they look once, after others may have moved
	spinAsChosen        // the world chooses each time
	spinModes
)

// Spin implements Env. Spinning comes to an end, so one that waits for a
// process which is asleep, or dead, falls asleep itself.
func (p *proc) Spin(w *atomic.Uint32, old uint32, _ int) bool {
	rounds := p.w.spin
	if rounds == spinAsChosen {
		rounds = p.w.choose(3)
	}
	for range rounds {
		if p.point(); w.Load() != old {
			return true
		}
	}
	return false
}

// Wait implements Env.
func (p *proc) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	if p.sleeps != nil {
		p.sleeps()
	}
	p.point() // others may move between the look at the word and the sleep
	p.ctx = ctx
	look := false
	if w.Load() == old {
		p.asleep = w
		look = p.point()
	}
	return look, ctx.Err()
}

// Wake implements Env. Others may move between the change and the wake.
func (p *proc) Wake(w *atomic.Uint32) {
	p.point()
	for _, q := range p.w.procs {
		if q.asleep == w {
			q.woken = true
		}
	}
}

// Dead implements Env.
func (p *proc) Dead(pid uint32) bool {
	p.point()
	if pid == p.pid || pid == 0 || int(pid) > len(p.w.procs) || !p.w.procs[pid-1].dead {
		return false
	}
	for _, m := range p.w.locks {
		m.Bury(p, pid)
	}
	return true
}
