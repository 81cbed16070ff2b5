//go:build unix

package space

import (
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/child"
)

// depart takes a berth in which a message holds h, which this process gives up.
// The descriptor is the caller's to close.
func depart(t *testing.T, s *Space, h *Handle) (Berth, int) {
	t.Helper()
	b, fd, err := s.Depart()
	if err == ErrNoTransit {
		t.Skip(err)
	} else if err != nil {
		t.Fatalf("Depart() = %v", err)
	}
	h.Grant(b.Slot)
	h.unmark(h.role, s.slot)
	return b, fd
}

func TestDepartIsRefusedWhereLocksDoNotTravel(t *testing.T) {
	s := newSpaceFor(t)
	s.seg.UsePosix()
	if _, fd, err := s.Depart(); err != ErrNoTransit || fd != -1 {
		t.Errorf("Depart() = %d, %v; want -1, ErrNoTransit", fd, err)
	}
}

// What a message holds lives as long as its descriptor, wherever that is.
func TestBerthLivesWithItsDescriptor(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	b, fd := depart(t, s, h)
	if b.Segment != s.ID() || !h.Held(0, true) {
		t.Errorf("Held() = false in berth %+v; want true", b)
	}
	again, err := syscall.Dup(fd) // as a message that is received has it
	if err != nil {
		t.Fatal(err)
	}
	syscall.Close(fd)
	if !h.Held(0, true) {
		t.Error("Held() = false; want true: the message is on its way")
	}
	syscall.Close(again)
	if h.Held(0, true) {
		t.Error("Held() = true; want false: nobody can receive the message any more")
	}
	if m := s.member(b.Slot); !m.is(free) || m.gen() != b.Gen+1 {
		t.Errorf("state of the berth = %#x; want free, generation %d", m.state.Load(), b.Gen+1)
	}
}

func TestReturnGivesUpBerth(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, barrierShape).Open(0)
	b, fd := depart(t, s, h)
	defer syscall.Close(fd)
	s.Return(Berth{b.Segment, b.Slot, b.Gen + 1}) // is another's
	if !h.marked(0, b.Slot) {
		t.Error("Return() of another generation gave up the berth")
	}
	s.Return(b)
	if m := s.member(b.Slot); h.marked(0, b.Slot) || !m.is(free) || m.gen() != b.Gen+1 {
		t.Errorf("mark %v, state %#x after Return(); want false, free", h.marked(0, b.Slot), m.state.Load())
	}
	if h.Barrier().Broken() {
		t.Error("Broken() = true; want false: the message was not sent")
	}
	s.Return(b)
	if m := s.member(b.Slot); m.gen() != b.Gen+1 {
		t.Error("a second Return() hit the next generation")
	}
}

func TestTakeHandsOnWhatTheBerthHolds(t *testing.T) {
	s := newSpaceFor(t)
	h, other := alloc(t, s, pipeShape).Open(0), alloc(t, s, lockShape).Open(0)
	b, fd := depart(t, s, h)
	defer syscall.Close(fd)
	grants := h.u32(offGrants).Load()
	for _, wrong := range []Berth{
		{b.Segment, b.Slot, b.Gen + 1}, {b.Segment, 0, 0}, {b.Segment, b.Slot + 1, 0},
		{b.Segment, -1, b.Gen}, {b.Segment, MaxMembers, b.Gen},
	} {
		if _, err := s.Take(wrong); err != ErrGone {
			t.Errorf("Take(%+v) = %v; want ErrGone", wrong, err)
		}
	}
	if _, err := s.Take(b); err != nil {
		t.Fatalf("Take() = %v", err)
	}
	if !h.marked(0, s.slot) || h.marked(0, b.Slot) || h.marked(1, b.Slot) || other.marked(0, b.Slot) {
		t.Error("the marks are not those that the berth had")
	}
	if h.u32(offGrants).Load() == grants {
		t.Error("who looks for holders meanwhile is not told to look again")
	}
	if _, err := s.Take(b); err != ErrGone {
		t.Errorf("a second Take() = %v; want ErrGone", err)
	}
	if m := s.member(b.Slot); !m.is(free) || m.gen() != b.Gen+1 {
		t.Errorf("state of the berth = %#x; want free, generation %d", m.state.Load(), b.Gen+1)
	}
}

// A process that was no member becomes one by a message, and is then like any
// other: it is seen when it dies.
func TestArriveMakesProcessMember(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	b, fd := depart(t, s, h)
	c := child.Start(t, fd)
	syscall.Close(fd)
	c.Ask(ErrGone.Error(), "arrive %d %d", b.Slot, b.Gen+1)
	if h.Held(0, true) { // the descriptor that it had was the last
		t.Fatal("Held() = true; want false: what was to receive it has refused")
	}
	h.mark(0, s.slot)
	b, fd = depart(t, s, h)
	c = child.Start(t, fd)
	syscall.Close(fd)
	c.Ask("<nil>", "arrive %d %d", b.Slot, b.Gen)
	find(c, "<nil>", h)
	if m := s.member(b.Slot); !m.is(live) || int(m.pid.Load()) != c.Pid() || !h.Held(0, true) {
		t.Errorf("state of the member = %#x, pid %d; want live, %d", m.state.Load(), m.pid.Load(), c.Pid())
	}
	if _, err := s.Take(b); err != ErrGone {
		t.Errorf("Take() of what has arrived = %v; want ErrGone", err)
	}
	c.Kill()
	if h.Held(0, true) {
		t.Error("Held() = true; want false: the process is dead")
	}
}

func TestMemberIsFoundByID(t *testing.T) {
	s, other := newSpaceFor(t), newSpaceFor(t)
	pins := s.pins
	got, ok := Member(s.ID())
	if got != s || !ok || s.pins != pins+1 || other.pins != pins {
		t.Errorf("Member() = %p, %v, pins %d and %d; want %p, true, %d, %d", got, ok, s.pins, other.pins, s, pins+1, pins)
	}
	if got, ok := Member(s.ID() + other.ID() + 1); ok || s.pins != pins+1 || other.pins != pins {
		t.Errorf("Member() of no segment = %p, %v, pins %d and %d", got, ok, s.pins, other.pins)
	}
}
