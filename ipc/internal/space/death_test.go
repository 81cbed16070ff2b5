//go:build unix

package space

import (
	"io"
	"testing"
)

func TestDeathOfChildGivesUpItsHold(t *testing.T) {
	for _, report := range []bool{true, false} {
		s := newSpaceFor(t)
		h := alloc(t, s, queueShape).Open(0)
		c, slot, gen := seat(t, s, h)
		c.Ask("<nil>", "mark")
		c.Kill()
		if report {
			s.Bury(slot, gen, false)
		} else {
			s.lookAfter(slot)
		}
		for m := range QueueMaps {
			if h.marked(m, slot) {
				t.Errorf("reported %v: mark %d of the dead is left", report, m)
			}
		}
		if m := s.member(slot); !m.is(free) || m.gen() != gen+1 {
			t.Errorf("reported %v: member's state is %#x; want free, generation %d", report, m.state.Load(), gen+1)
		}
	}
}

func TestDeadChildIsToldFromLivingOne(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	c, _, _ := seat(t, s, h)
	pid := uint32(c.Pid())
	if h.Dead(pid) || h.Dead(h.Pid()) {
		t.Error("Dead() of the living = true")
	}
	c.Kill()
	if !h.Dead(pid) {
		t.Error("Dead() of the dead = false")
	}
	if !h.Dead(1<<30 - 1) {
		t.Error("Dead() of nobody = false")
	}
}

func TestLockPassesOnWhenHolderIsKilled(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	c, _, _ := seat(t, s, h)
	waiter, _, _ := seat(t, s, h)
	c.Ask("false <nil>", "lock")
	waiter.Tell("lock")
	c.Kill()
	waiter.Want("true <nil>")
	waiter.Kill()
	died, err := h.Mutex().Lock(t.Context(), h)
	if !died || err != nil {
		t.Errorf("Lock() = %v, %v; want true, nil", died, err)
	}
	if h.Mutex().Unlock(h); h.Mutex().Owner() != 0 {
		t.Errorf("owner = %d; want 0", h.Mutex().Owner())
	}
	if died, _ := h.Mutex().Lock(t.Context(), h); died {
		t.Error("the death was told twice")
	}
}

func TestRingEndsWhenSenderIsKilled(t *testing.T) {
	s := newSpaceFor(t)
	o := alloc(t, s, pipeShape)
	sender, receiver := o.Open(0), o.Open(1)
	c, _, _ := seat(t, s, sender)
	sender.Close()
	c.Ask("<nil>", "send hello")
	c.Kill()
	if b, err := receiver.Ring(0).Recv(t.Context(), receiver, nil); err != nil || string(b) != "hello" {
		t.Errorf("Recv() = %q, %v; want hello, nil", b, err)
	}
	if _, err := receiver.Ring(0).Recv(t.Context(), receiver, nil); err != io.EOF {
		t.Errorf("Recv() = %v; want io.EOF", err)
	}
}

// Nobody reports the death here: who waits must find it out.
func TestBarrierBreaksWhenPartyIsKilledUnreported(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, barrierShape).Open(0)
	party, _, _ := seat(t, s, h)
	waiter, _, _ := seat(t, s, h)
	waiter.Tell("barrier")
	party.Kill()
	waiter.Want("barrier is broken")
}

func TestBarrierStaysWholeWhenPartyLeaves(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, barrierShape).Open(0)
	c, slot, gen := seat(t, s, h)
	c.Ask(ErrClosed.Error(), "closeall")
	c.End()
	s.Bury(slot, gen, false)
	if h.Barrier().Broken() {
		t.Error("Broken() = true; want false: the party left by itself")
	}
	if h.Held(0, true); h.marked(0, slot) {
		t.Error("the mark of who left is there")
	}
}

func TestChildThatNeverCameIsBuried(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, barrierShape).Open(0)
	slot, gen, err := s.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	h.Grant(slot)
	h.unmark(0, s.slot)
	if !h.Held(0, true) {
		t.Error("Held() = false; want true: the child may still come")
	}
	s.Bury(slot, gen, false)
	if h.Held(0, true) || !h.Barrier().Broken() {
		t.Errorf("Held() = %v, Broken() = %v after its death; want false, true", h.Held(0, true), h.Barrier().Broken())
	}
	start(t, s).Ask(ErrGone.Error(), "attach %d %d", slot, gen)
}

// A child that has not come yet when its parent is killed may still come, if
// it is not known to be dead, too.
func TestGrandchildMayComeAfterDeathOfItsParent(t *testing.T) {
	for _, dead := range []bool{true, false} {
		s := newSpaceFor(t)
		h := alloc(t, s, pipeShape).Open(0)
		c, parent, _ := seat(t, s, h)
		c.Ask("2 0 <nil>", "reserve")
		h.Grant(2)
		h.unmark(0, s.slot)
		h.unmark(0, parent)
		grand := start(t, s)
		s.Started(2, 0, grand.Pid())
		if !h.Held(0, true) {
			t.Error("Held() = false; want true: the parent lives")
		}
		c.Kill()
		if !h.Held(0, true) {
			t.Error("Held() = false; want true: the grandchild lives")
		}
		if dead {
			grand.Kill()
			if h.Held(0, true) {
				t.Error("Held() = true; want false: nobody will come")
			}
			start(t, s).Ask(ErrGone.Error(), "attach 2 0")
			continue
		}
		grand.Ask("<nil>", "attach 2 0")
		if !h.Held(0, true) || !s.member(2).is(live) {
			t.Error("Held() = false; want true: the grandchild came")
		}
	}
}

// One that never came holds no lock: its pid may be that of another by now.
func TestBuryOfOneThatNeverCameLeavesLocksAlone(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	c, _, _ := seat(t, s, h)
	slot, gen, err := s.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	s.Started(slot, gen, c.Pid())
	c.Ask("false <nil>", "lock")
	s.Bury(slot, gen, false)
	if ok, died := h.Mutex().TryLock(h); ok {
		t.Errorf("TryLock() = true, %v while another holds the lock; want false", died)
	}
}

func TestBuryOfOneThatNeverBeganKeepsBarrierWhole(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, barrierShape).Open(0)
	slot, gen, err := s.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	h.Grant(slot)
	s.Bury(slot, gen, true)
	if h.Barrier().Broken() || h.marked(0, slot) {
		t.Errorf("Broken() = %v, mark %v; want false, false", h.Barrier().Broken(), h.marked(0, slot))
	}
}

func TestGrandchildLivesOnWithoutItsParent(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	c, _, _ := seat(t, s, h)
	c.Ask("2 0 <nil>", "reserve")
	h.Grant(2)
	h.unmark(0, s.slot)
	grand := start(t, s)
	grand.Ask("<nil>", "attach 2 0")
	c.Kill()
	if !h.Held(0, true) || !s.member(2).is(live) {
		t.Error("Held() = false; want true: the grandchild lives")
	}
	grand.Kill()
	if h.Held(0, true) {
		t.Error("Held() = true; want false: all are dead")
	}
}
