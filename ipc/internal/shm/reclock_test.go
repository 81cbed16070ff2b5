//go:build unix

package shm

import (
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, new(subject).obey) }

// A subject is the child's side: the segment that it was given.
type subject struct{ s *Segment }

func (c *subject) obey(op, rest string) any {
	var n int64
	fmt.Sscan(rest, &n)
	if c.s == nil && op != "map" {
		return "no segment"
	}
	switch op {
	case "map":
		var err error
		if c.s, err = Map(3); err == nil && rest == "posix" {
			c.s.UsePosix()
		}
		return err
	case "hold":
		ok, err := c.s.Hold(n)
		return fmt.Sprint(ok, " ", err)
	case "held":
		return c.s.Held(n)
	case "lock":
		return c.s.Lock(n)
	case "unlock":
		return c.s.Unlock(n)
	case "load":
		return c.s.U32(uint32(n)).Load()
	case "add": // not atomic, under the lock of byte 7
		for range 500 {
			if err := c.s.Lock(7); err != nil {
				return err
			}
			w := c.s.U32(uint32(n))
			w.Store(w.Load() + 1)
			c.s.Unlock(7)
		}
		return "added"
	case "close":
		return c.s.Close()
	}
	return "no such operation"
}

// start starts a child that has the segment mapped.
func start(t *testing.T, s *Segment) *child.Child {
	t.Helper()
	fd, how := s.Fd(), "posix"
	if s.Vouches() { // each process needs a description of its own
		var err error
		if fd, err = s.Reopen(); err != nil {
			t.Fatalf("Reopen() = %v", err)
		}
		defer syscall.Close(fd)
		how = ""
	}
	c := child.Start(t, fd)
	c.Ask("<nil>", "map %s", how)
	return c
}

// eachKind runs f over the kinds of record locks that the system has.
func eachKind(t *testing.T, f func(t *testing.T, s *Segment)) {
	t.Run("posix", func(t *testing.T) {
		s := create(t, page)
		s.UsePosix()
		f(t, s)
	})
	if best() != posix {
		t.Run("description", func(t *testing.T) { f(t, create(t, page)) })
	}
}

func TestMemoryIsSharedWithChild(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Segment) {
		c := start(t, s)
		if err := s.Reserve(64, 4); err != nil {
			t.Fatal(err)
		}
		s.U32(64).Store(42)
		c.Ask("42", "load 64")
	})
}

func TestHeldShowsHolderUntilItEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *child.Child)
	}{
		{"unlock", func(c *child.Child) { c.Ask("<nil>", "unlock 5") }},
		{"close", func(c *child.Child) { c.Ask("<nil>", "close") }},
		{"exit", (*child.Child).End},
		{"SIGKILL", (*child.Child).Kill},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, s *Segment) {
				c := start(t, s)
				if s.Held(5) {
					t.Error("Held() before = true; want false")
				}
				c.Ask("true <nil>", "hold 5")
				if !s.Held(5) || s.Held(4) || s.Held(6) {
					t.Errorf("Held() of 5, 4, 6 = %v, %v, %v; want true, false, false", s.Held(5), s.Held(4), s.Held(6))
				}
				if ok, err := s.Hold(5); ok || err != nil {
					t.Errorf("Hold() of what the child holds = %v, %v; want false, nil", ok, err)
				}
				tt.end(c)
				if s.Held(5) {
					t.Error("Held() afterwards = true; want false")
				}
				if ok, err := s.Hold(5); !ok || err != nil {
					t.Errorf("Hold() afterwards = %v, %v; want true, nil", ok, err)
				}
			})
		})
	}
}

func TestHeldIsAboutOthersOnly(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Segment) {
		if ok, err := s.Hold(5); !ok || err != nil {
			t.Fatalf("Hold() = %v, %v", ok, err)
		}
		if s.Held(5) {
			t.Error("Held() of our own = true; want false")
		}
		c := start(t, s)
		c.Ask("true", "held 5")
		c.Ask("false <nil>", "hold 5")
	})
}

func TestDeathOfOneChildLeavesOurLocks(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Segment) {
		if ok, err := s.Hold(5); !ok || err != nil {
			t.Fatalf("Hold() = %v, %v", ok, err)
		}
		first, second := start(t, s), start(t, s)
		first.Ask("true", "held 5")
		first.Kill()
		second.Ask("true", "held 5")
	})
}

func TestLockWaitsForDeathOfHolder(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Segment) {
		holder, waiter := start(t, s), start(t, s)
		holder.Ask("<nil>", "lock 7")
		waiter.Tell("lock 7")
		holder.Kill()
		waiter.Want("<nil>")
		if !s.Held(7) {
			t.Error("Held() = false; want true: the waiter has it")
		}
	})
}

func TestLockExcludesProcessesAndGoroutines(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Segment) {
		if err := s.Reserve(0, 4096); err != nil {
			t.Fatal(err)
		}
		a, b := start(t, s), start(t, s)
		a.Tell("add 64")
		b.Tell("add 64")
		var mu sync.Mutex // as the caller must
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range 100 {
					mu.Lock()
					if err := s.Lock(7); err != nil {
						t.Errorf("Lock() = %v", err)
					}
					w := s.U32(64)
					w.Store(w.Load() + 1)
					s.Unlock(7)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		a.Want("added")
		b.Want("added")
		if got := s.U32(64).Load(); got != 1200 {
			t.Errorf("counted to %d; want 1200", got)
		}
	})
}

// The lock of a description goes where the description goes: it is there as
// long as anyone has a descriptor of it.
func TestVouchHoldsAsLongAsItsDescriptor(t *testing.T) {
	s := create(t, page)
	if !s.Vouches() {
		if _, err := s.Reopen(); err == nil {
			t.Error("Reopen() = nil; want an error, since it would be of no use")
		}
		return
	}
	fd, err := s.Reopen()
	if err != nil {
		t.Fatalf("Reopen() = %v", err)
	}
	if err := s.Vouch(fd, 5); err != nil {
		t.Fatalf("Vouch() = %v", err)
	}
	again, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Held(5) {
		t.Error("Held() = false; want true: another description has it")
	}
	syscall.Close(fd)
	if !s.Held(5) {
		t.Error("Held() = false; want true: there is another descriptor of it")
	}
	c := child.Start(t, again)
	c.Ask("<nil>", "map")
	syscall.Close(again)
	if !s.Held(5) {
		t.Error("Held() = false; want true: a child has the descriptor")
	}
	c.Ask("true <nil>", "hold 5") // it is its own
	other := start(t, s)
	other.Ask("false <nil>", "hold 5")
	if err := s.Vouch(s.Fd(), 5); err != syscall.EBUSY {
		t.Errorf("Vouch() for what is held = %v; want EBUSY", err)
	}
	c.Kill()
	if s.Held(5) {
		t.Error("Held() = true; want false: the last descriptor is gone")
	}
	other.Ask("true <nil>", "hold 5")
}

func TestLocksOfClosedSegmentAreErrors(t *testing.T) {
	eachKind(t, func(t *testing.T, s *Segment) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s.fd = 1 << 19 // nobody else's
		if _, err := s.Hold(1); err == nil {
			t.Error("Hold() = nil; want an error")
		}
		if s.Lock(1) == nil || s.Unlock(1) == nil {
			t.Error("Lock() or Unlock() = nil; want errors")
		}
		if !s.Held(1) {
			t.Error("Held() = false; an answer that can't be had must not bury the living")
		}
	})
}
