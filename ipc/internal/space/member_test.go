//go:build unix

package space

import (
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/park"
	"github.com/mpbox/mpbox/ipc/internal/shm"
	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func TestReserveEndsWithTheSlots(t *testing.T) {
	s := newSpaceFor(t)
	type place struct {
		slot int
		gen  uint32
	}
	var all []place
	for {
		slot, gen, err := s.Reserve()
		if err == ErrFull {
			break
		} else if err != nil {
			t.Fatalf("Reserve() = %v", err)
		}
		all = append(all, place{slot, gen})
	}
	if len(all) != MaxMembers-1 {
		t.Errorf("%d places; want %d", len(all), MaxMembers-1)
	}
	p := all[700]
	s.Bury(p.slot, p.gen, false)
	slot, gen, err := s.Reserve()
	if slot != p.slot || gen != p.gen+1 || err != nil {
		t.Errorf("Reserve() = %d, %d, %v; want %d, %d, nil", slot, gen, err, p.slot, p.gen+1)
	}
	// A late report about the last user must not hit the new one.
	if err := s.pin(1); err != nil {
		t.Fatal(err)
	}
	s.Bury(p.slot, p.gen, false)
	if m := s.member(slot); !m.is(reserved) || m.gen() != gen {
		t.Error("Bury() of the last generation hit the next one")
	}
	// The dead make room, too: a place whose parent is gone, and its child.
	c := start(t, s)
	c.Kill()
	s.Started(all[5].slot, all[5].gen, c.Pid())
	s.member(all[5].slot).parentGen.Store(77)
	if slot, gen, err := s.Reserve(); slot != all[5].slot || gen != all[5].gen+1 || err != nil {
		t.Errorf("Reserve() = %d, %d, %v; want the place of the dead, %d", slot, gen, err, all[5].slot)
	}
}

func TestAttachRefusesWhatIsNoPlace(t *testing.T) {
	watchdog.Start(t)
	blank := func() int { // a segment by its size, with nothing in it
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Truncate(shm.Size); err != nil {
			t.Fatal(err)
		}
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	none := slices.Repeat([]int{-1}, park.Descriptors)
	if _, err := Attach(append([]int{blank()}, none...), 1, 0); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Attach() without magic = %v; want EINVAL", err)
	}
	if _, err := Attach(append([]int{-1}, none...), 1, 0); err == nil {
		t.Error("Attach(-1) = nil; want an error")
	}
	s := newSpaceFor(t)
	slot, gen, err := s.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	invalid := "attach: invalid argument"
	for _, tt := range []struct {
		slot   int
		gen    uint32
		answer string
	}{
		{-1, gen, invalid},
		{MaxMembers, gen, invalid},
		{slot, gen + 1, ErrGone.Error()},
		{slot + 1, gen, ErrGone.Error()},
		{0, 0, ErrGone.Error()},
		{slot, gen, "<nil>"},
	} {
		start(t, s).Ask(tt.answer, "attach %d %d", tt.slot, tt.gen)
	}
}

func TestAttachRefusesPlaceThatAnotherHas(t *testing.T) {
	s := newSpaceFor(t)
	_, slot, gen := seat(t, s)
	c := start(t, s)
	c.Ask(ErrGone.Error(), "attach %d %d", slot, gen)
	s.member(slot).become(reserved, 0, gen) // as a wild write may do
	start(t, s).Ask(syscall.EBUSY.Error(), "attach %d %d", slot, gen)
}

func TestChildHoldsWhatItWasGranted(t *testing.T) {
	s := newSpaceFor(t)
	h, other := alloc(t, s, pipeShape).Open(0), alloc(t, s, lockShape).Open(0)
	c, slot, _ := seat(t, s, h)
	if m := s.member(slot); !m.is(live) || int(m.pid.Load()) != c.Pid() {
		t.Errorf("member's pid = %d; want %d", m.pid.Load(), c.Pid())
	}
	find(c, errStale.Error(), other)
	find(c, "<nil>", h)
	h.unmark(0, s.slot)
	if !h.Held(0, true) {
		t.Error("Held() = false; want true: the child holds it")
	}
	c.Ask("<nil>", "close")
	if h.Held(0, false) {
		t.Error("Held() after the child closed it = true; want false")
	}
}

// Started may come late: its child may have ended, and its place be another's.
func TestStartedLeavesOthersAlone(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	c, slot, gen := seat(t, s, h)
	c.Ask("false <nil>", "lock")
	s.Started(slot, gen, 1<<22)   // it has joined
	s.Started(slot, gen-1, 1<<22) // it is another one
	pid := uint32(c.Pid())
	if got := s.member(slot).pid.Load(); got != pid || h.Dead(pid) {
		t.Errorf("pid of the living = %d, Dead() = %v; want %d, false", got, h.Dead(pid), pid)
	}
}

// A process may get the pid of one that died unnoticed: it must not be taken
// for the holder of what that one held.
func TestReusedPidIsNotTheDeadOne(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	slot, gen, _ := s.Reserve()
	old, _, _ := s.Reserve()
	c := start(t, s)
	pid := uint32(c.Pid())
	s.member(old).become(live, pid, 0)
	h.mark(0, old)
	h.u32(offLocks).Store(pid)
	c.Ask("<nil>", "attach %d %d", slot, gen)
	if !s.member(old).is(free) || h.marked(0, old) || h.Mutex().Owner() != 0 {
		t.Errorf("of the dead one: state %#x, mark %v, lock's owner %d; want all gone",
			s.member(old).state.Load(), h.marked(0, old), h.Mutex().Owner())
	}
	if ok, died := h.Mutex().TryLock(h); !ok || !died {
		t.Errorf("TryLock() = %v, %v; want true, true", ok, died)
	}
}

func TestRegistryIsFreedByDeath(t *testing.T) {
	s := newSpaceFor(t)
	c, slot, gen := seat(t, s)
	c.Ask("locked", "registry")
	c.Kill()
	s.Bury(slot, gen, false)
	if _, _, err := s.Reserve(); err != nil {
		t.Errorf("Reserve() = %v", err)
	}
}

func TestRegistryExcludesProcessesAndGoroutines(t *testing.T) {
	s := newSpaceFor(t)
	a, _, _ := seat(t, s)
	b, _, _ := seat(t, s)
	a.Tell("count")
	b.Tell("count")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				err := s.locked(func() error {
					w := s.seg.U32(offObjects - 4)
					w.Store(w.Load() + 1)
					return nil
				})
				if err != nil {
					t.Errorf("locked() = %v", err)
				}
			}
		})
	}
	wg.Wait()
	a.Want("<nil>")
	b.Want("<nil>")
	if got := s.seg.U32(offObjects - 4).Load(); got != 600 {
		t.Errorf("counted to %d; want 600", got)
	}
}

// Processes that each use two segments, in either order, do not take each
// other for deadlocked.
func TestRegistriesOfTwoSegmentsAreNoDeadlock(t *testing.T) {
	a, b := newSpaceFor(t), newSpaceFor(t)
	inA, _, _ := seat(t, a)
	inB, _, _ := seat(t, b)
	inA.Tell("count")
	inB.Tell("count")
	var wg sync.WaitGroup
	for _, s := range []*Space{a, b} {
		wg.Go(func() {
			for range 200 {
				if err := s.locked(func() error { return nil }); err != nil {
					t.Errorf("locked() = %v", err)
				}
			}
		})
	}
	wg.Wait()
	inA.Want("<nil>")
	inB.Want("<nil>")
}
