package park

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// fakeSystem counts yields, each of which takes the given time.
type fakeSystem struct {
	clock  time.Duration
	yields int
	takes  time.Duration
	during func() // a yield
}

func (f *fakeSystem) now() time.Duration { return f.clock }

func (f *fakeSystem) yield() {
	f.yields++
	f.clock += f.takes
	if f.during != nil {
		f.during()
	}
}

// skips is how many waits in vain go without a yield until one has some.
func skips(s *Spinner, f *fakeSystem) int {
	var w atomic.Uint32
	for n := 0; ; n++ {
		f.yields = 0
		if s.Spin(&w, 0, 2); f.yields > 0 {
			return n
		}
	}
}

func TestSpinLooksBeforeItYields(t *testing.T) {
	f := &fakeSystem{takes: time.Microsecond}
	s := Spinner{on: f}
	var w atomic.Uint32
	w.Store(7)
	if !s.Spin(&w, 6, 2) || f.yields != 0 {
		t.Errorf("Spin() over another value yielded %d times; want none", f.yields)
	}
}

func TestSpinEndsWithTheChange(t *testing.T) {
	var w atomic.Uint32
	f := &fakeSystem{takes: time.Microsecond}
	f.during = func() {
		if f.yields == 5 {
			w.Store(1)
		}
	}
	s := Spinner{on: f}
	if !s.Spin(&w, 0, 2) || f.yields != 5 {
		t.Errorf("Spin() yielded %d times; want 5", f.yields)
	}
}

func TestSpinIsBounded(t *testing.T) {
	for parties, want := range map[int]int{0: 21, 1: 21, 2: 21, 3: 31, 8: 81} {
		f := &fakeSystem{takes: 10 * time.Microsecond}
		s := Spinner{on: f}
		var w atomic.Uint32
		if s.Spin(&w, 0, parties) || f.yields != want {
			t.Errorf("Spin() for %d parties yielded %d times; want %d", parties, f.yields, want)
		}
	}
}

func TestSpinInVainIsTriedLessOften(t *testing.T) {
	f := &fakeSystem{takes: 10 * time.Microsecond}
	s := Spinner{on: f}
	var got []int
	for range 9 {
		got = append(got, skips(&s, f))
	}
	if want := []int{0, 1, 3, 7, 15, 31, 63, 63, 63}; !slices.Equal(got, want) {
		t.Errorf("waits without yields: %v; want %v", got, want)
	}
}

func TestSpinOnCrowdedSystemIsTriedLessOften(t *testing.T) {
	f := &fakeSystem{takes: 3 * time.Millisecond}
	s := Spinner{on: f}
	var got []int
	for range 9 {
		got = append(got, skips(&s, f))
		if f.yields != 1 {
			t.Fatalf("Spin() yielded %d times though the first was slow; want 1", f.yields)
		}
	}
	if want := []int{0, 64, 192, 576, 1728, 5184, 15552, 16384, 16384}; !slices.Equal(got, want) {
		t.Errorf("waits without yields: %v; want %v", got, want)
	}
}

// Of many parties, each waits longer for the processor on a quiet system too.
func TestSpinOfManyAllowsForSlowYields(t *testing.T) {
	for parties, want := range map[int]int32{2: leastCrowded, 3: leastCrowded, 4: 0, 8: 0} {
		f := &fakeSystem{takes: 2 * slowYield}
		s := Spinner{on: f}
		var w atomic.Uint32
		s.Spin(&w, 0, parties)
		if got := s.crowded.Load(); got != want {
			t.Errorf("after a yield of %v for %d parties %d waits go without; want %d", f.takes, parties, got, want)
		}
	}
}

func TestSpinThatPaysStartsAfresh(t *testing.T) {
	var w atomic.Uint32
	f := &fakeSystem{takes: 3 * time.Millisecond}
	s := Spinner{on: f}
	skips(&s, f)
	skips(&s, f)
	f.takes = 10 * time.Microsecond
	skips(&s, f)
	skips(&s, f)
	for s.off.Load() > 0 {
		s.Spin(&w, 0, 2)
	}
	f.during = func() { w.Store(1) }
	if !s.Spin(&w, 0, 2) {
		t.Fatal("Spin() did not see the change")
	}
	f.during = nil
	if got := []int{skips(&s, f), skips(&s, f), skips(&s, f)}; !slices.Equal(got, []int{0, 1, 3}) {
		t.Errorf("waits without yields after one that paid: %v; want [0 1 3]", got)
	}
	f.takes = 3 * time.Millisecond
	skips(&s, f)
	if got := skips(&s, f); got != leastCrowded {
		t.Errorf("waits without yields after a slow one: %d; want %d", got, leastCrowded)
	}
}

// A change that comes with a slow yield is seen, and the alarm stays.
func TestSpinSeesChangeDuringSlowYield(t *testing.T) {
	var w atomic.Uint32
	f := &fakeSystem{takes: 3 * time.Millisecond, during: func() { w.Store(1) }}
	s := Spinner{on: f}
	if !s.Spin(&w, 0, 2) || s.off.Load() != leastCrowded {
		t.Errorf("the next %d waits go without yields; want %d", s.off.Load(), leastCrowded)
	}
}

// With one processor, the goroutine that is waited for may be one that a
// yield has to let run.
func TestYieldLetsOtherGoroutinesRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var ran atomic.Bool
	go ran.Store(true)
	for range 3 { // now and then the scheduler prefers the one that has just run
		host{}.yield()
	}
	if !ran.Load() {
		t.Error("another goroutine did not run")
	}
}
