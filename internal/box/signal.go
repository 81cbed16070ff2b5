package box

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// Times that children are given: to end after SIGTERM, and to be gone after
// SIGKILL, which only a process stuck in the kernel survives.
const (
	graceTerm = 2 * time.Second
	graceKill = time.Second
)

// ends are the signals that end the box, with the word for each.
var ends = map[syscall.Signal]string{
	syscall.SIGINT:  "interrupted",
	syscall.SIGTERM: "terminated",
	syscall.SIGHUP:  "hung up",
	syscall.SIGPIPE: "", // stdout was closed by who read it: nothing to say, and nobody to say it to
}

// A guard stands between the signals that the box gets and an applet. The
// first one cancels the applet's context and ends its children, by SIGTERM and
// after two seconds by SIGKILL; the second one kills at once. Whatever the
// applet does, the process is gone soon after its children are.
//
// An applet that has a grace ends its children itself when its context is
// cancelled, and gives what they are at that long. They are left to it until it
// returns, or has had three times the grace: to ask, to terminate and to kill.
type guard struct {
	ctx      context.Context
	cancel   context.CancelFunc
	grace    time.Duration
	returned chan struct{} // closed when the applet has
	signals  chan os.Signal
	first    atomic.Int32 // the first signal, 0 before
}

// startGuard begins to watch. Its goroutine ends with the process: stop only
// lets go of the signals.
func startGuard(grace time.Duration) *guard {
	g := &guard{signals: make(chan os.Signal, 8), grace: grace, returned: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	for sig := range ends {
		// Who started us with a signal ignored, as nohup does, means it.
		if sig == syscall.SIGPIPE || !signal.Ignored(sig) {
			signal.Notify(g.signals, sig)
		}
	}
	go g.watch()
	return g
}

// watch acts on the signals.
func (g *guard) watch() {
	sig := (<-g.signals).(syscall.Signal)
	g.first.Store(int32(sig))
	children := ipc.ActiveChildren()
	switch word := ends[sig]; {
	case word == "":
	case len(children) == 0:
		fmt.Fprintf(os.Stderr, "mpbox: %s\n", word)
	case g.grace > 0:
		notice := ipc.NewLines(os.Stderr, "") // above a line that shows progress
		fmt.Fprintf(notice, "mpbox: %s, nothing new is begun, what is under way has %v (again: kill at once)\n", word, g.grace)
		_ = notice.Close()
	default:
		fmt.Fprintf(os.Stderr, "mpbox: %s, ending %s (again: kill at once)\n", word, count(len(children), "child", "children"))
	}
	g.cancel()
	go func() {
		if g.grace > 0 && ends[sig] != "" {
			select {
			case <-g.returned:
			case <-time.After(3 * g.grace):
			}
		}
		g.endChildren()
		time.Sleep(graceKill) // for the applet to return, and main to end in good order
		os.Exit(exitSignal + int(sig))
	}()
	for again := range g.signals {
		if again != syscall.SIGPIPE {
			killAll(ipc.ActiveChildren())
			os.Exit(exitSignal + int(sig))
		}
	}
}

// interrupted says whether there was a signal.
func (g *guard) interrupted() bool { return g.first.Load() != 0 }

// expect gives a signal that a child has died of already the time to arrive
// here as well.
func (g *guard) expect(sig syscall.Signal) {
	if sig == syscall.SIGPIPE {
		return // a child's stdout, not ours
	}
	for range 20 {
		if g.interrupted() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// stop lets go of the signals and returns the first there was, or zero.
func (g *guard) stop() syscall.Signal {
	signal.Stop(g.signals)
	g.cancel()
	return syscall.Signal(g.first.Load())
}

// settle does at the end of an applet what ipc.Main does at the end of the
// program: it ends the daemons and waits for the others. Here the guard is
// still up meanwhile, so that Ctrl-C does not leave them alone. How they end is
// theirs, as in Python, unless it is by a signal that is meant for all.
func (g *guard) settle() error {
	var daemons, others []*ipc.Process
	for _, p := range ipc.ActiveChildren() {
		if p.Daemon {
			daemons = append(daemons, p)
		} else {
			others = append(others, p)
		}
	}
	endAll(daemons)
	var err error
	for _, p := range others {
		if e := p.Join(g.ctx); childSignal(e) != 0 {
			err = e
		}
	}
	return cmp.Or(g.ctx.Err(), err)
}

// endChildren asks all children to end, kills those that do not, and returns
// when all are gone. It may be called by several at the same time.
func (g *guard) endChildren() {
	endAll(ipc.ActiveChildren())
}

// endAll ends processes: by SIGTERM, and those that it does not end by SIGKILL.
func endAll(processes []*ipc.Process) {
	for _, p := range processes {
		_ = p.Terminate() // it may have ended just now
	}
	if !allGone(processes, graceTerm) {
		killAll(processes)
	}
}

// killAll kills processes and waits until they are gone.
func killAll(processes []*ipc.Process) {
	for _, p := range processes {
		_ = p.Kill() // it may have ended just now
	}
	allGone(processes, graceKill)
}

// allGone waits until all have ended, and says if it was in time.
func allGone(processes []*ipc.Process, limit time.Duration) bool {
	timeout := time.After(limit)
	for _, p := range processes {
		select {
		case <-p.Sentinel():
		case <-timeout:
			return false
		}
	}
	return true
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}
