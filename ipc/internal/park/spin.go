package park

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A Spinner decides for how long a wait looks at its word before it sleeps in
// the kernel: a wake-up from there costs tens of microseconds, an answer of
// another processor less than one. It learns from the waits before whether
// looking pays. One Spinner serves any number of goroutines that wait for the
// same sort of thing; what it counts need not be exact. The zero value is
// ready.
type Spinner struct {
	off     atomic.Int32 // how many of the next waits go without rounds
	crowded atomic.Int32 // off, when a yield last took too long
	futile  atomic.Int32 // off, when a wait last ran out of rounds
	on      system       // nil for this one
}

const (
	looks = 16 // of a round, a pause after each

	// spinLimit is for how long a wait looks. It has to exceed what a wake-up
	// on another processor takes: two sides that each give up before the
	// other has woken would never meet awake again.
	spinLimit = 200 * time.Microsecond

	// slowYield tells that others had work for the processor that was
	// yielded, and used their time slices.
	slowYield = 150 * time.Microsecond

	leastCrowded, mostCrowded = 64, 16384
	mostFutile                = 63
)

// Spin looks at w again and again for as long as that is likely to pay, and
// reports whether it no longer holds old. parties is how many processes take
// part in what is waited for: of many, each is on a processor less often.
func (s *Spinner) Spin(w *atomic.Uint32, old uint32, parties int) (changed bool) {
	if look(w, old) {
		return true
	}
	if n := s.off.Load(); n > 0 {
		s.off.Store(n - 1)
		return false
	}
	return s.rounds(w, old, time.Duration(max(parties, 2)))
}

// rounds yields the processor and looks, by turns.
func (s *Spinner) rounds(w *atomic.Uint32, old uint32, parties time.Duration) bool {
	on := s.on
	if on == nil {
		on = host{}
	}
	for start := on.now(); ; {
		before := on.now()
		on.yield()
		after := on.now()
		changed := look(w, old)
		switch {
		case after-before > slowYield*parties/2:
			s.skip(&s.crowded, leastCrowded, 3*s.crowded.Load(), mostCrowded)
			return changed
		case changed:
			s.crowded.Store(0)
			s.futile.Store(0)
			return true
		case after-start > spinLimit*parties/2:
			s.skip(&s.futile, 1, 2*s.futile.Load()+1, mostFutile)
			return false
		}
	}
}

// skip lets the next waits, next of them within the bounds, do without rounds.
func (s *Spinner) skip(last *atomic.Int32, least, next, most int32) {
	n := min(max(next, least), most)
	last.Store(n)
	s.off.Store(n)
}

func look(w *atomic.Uint32, old uint32) (changed bool) {
	for range looks {
		if w.Load() != old {
			return true
		}
		pause()
	}
	return w.Load() != old
}

// A system is what a Spinner asks of the one it runs on.
type system interface {
	now() time.Duration // since any moment
	yield()             // lets other processes run
}

type host struct{}

var epoch = time.Now()

func (host) now() time.Duration { return time.Since(epoch) } // reads one clock, time.Now two

// yield lets other processes run, and other goroutines of this one where that
// needs saying. Where it does not, it would wake threads for nothing.
func (host) yield() {
	if runtime.GOMAXPROCS(0) == 1 {
		runtime.Gosched()
	}
	yield()
}
