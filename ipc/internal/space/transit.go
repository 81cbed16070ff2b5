//go:build unix

package space

import (
	"errors"
	"syscall"
)

// ErrNoTransit is what Depart gives where the system has no record locks of
// open file descriptions.
var ErrNoTransit = errors.New("handles can't travel in messages on this system")

// A Berth is a place in a segment for what is on its way in a message: it
// holds objects as a member does. Whether it is alive is told by a lock of the
// open file description that goes along. The kernel keeps that as long as the
// message, and drops it with the last process that could receive it.
type Berth struct {
	Segment uint64 // which, see ID
	Slot    int
	Gen     uint32
}

// Depart takes a berth, and opens the descriptor that goes with the message.
func (s *Space) Depart() (b Berth, fd int, err error) {
	if !s.seg.Vouches() {
		return b, -1, ErrNoTransit
	}
	if fd, err = s.seg.Reopen(); err != nil {
		return b, -1, err
	}
	err = s.locked(func() error {
		slot := s.freeSlot()
		if slot < 0 {
			return ErrFull
		}
		if err := s.seg.Vouch(fd, int64(slot)); err != nil {
			return err
		}
		m := s.member(slot)
		b = Berth{s.ID(), slot, m.gen()}
		m.become(transit, 0, b.Gen)
		return nil
	})
	if err != nil {
		syscall.Close(fd)
		return b, -1, err
	}
	return b, fd, nil
}

// Return gives up the berth of a message that was not sent.
func (s *Space) Return(b Berth) {
	_ = s.locked(func() error {
		if m := s.member(b.Slot); m.is(transit) && m.gen() == b.Gen {
			s.bury(b.Slot, true)
		}
		return nil
	})
}

// A Claim is what a message has brought to this process in one segment, until
// there are handles for it.
type Claim struct {
	s    *Space
	keys []key
}

// Arrive makes the berth of a message that was received, with the descriptor,
// this process's place in the segment. It owns fd from then on. The segment
// stays mapped until the Claim is settled.
func Arrive(fd int, b Berth) (*Space, *Claim, error) {
	s, err := attach([]int{fd}, b.Slot, b.Gen, transit)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins++
	c := &Claim{s: s}
	for o := range s.objects {
		c.claim(o, b.Slot)
	}
	return s, c, nil
}

// Take hands on to this process, which is a member already and has pinned the
// segment, what the berth of a message holds. The descriptor that came with it
// is not needed.
func (s *Space) Take(b Berth) (*Claim, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Claim{s: s}
	err := s.locked(func() error {
		if b.Slot < 0 || b.Slot >= MaxMembers {
			return ErrGone
		}
		m := s.member(b.Slot)
		if !m.is(transit) || m.gen() != b.Gen {
			return ErrGone
		}
		for o := range s.objects {
			c.claim(o, b.Slot)
			for i := range o.maps() {
				if o.marked(i, b.Slot) {
					o.mark(i, s.slot)
					o.u32(offGrants).Add(1) // see anyMember
					o.unmark(i, b.Slot)
				}
			}
		}
		m.become(free, 0, m.gen()+1)
		return nil
	})
	return c, err
}

// claim notes the roles in which the berth in slot holds o.
func (c *Claim) claim(o Object, slot int) {
	for role := range o.Kind().roles() {
		if o.marked(role, slot) {
			k := key{o.off, o.u32(offGen).Load(), role}
			c.keys = append(c.keys, k)
			c.s.coming[k]++
		}
	}
}

// Settle gives up what got no handle, and the pin on the segment.
func (c *Claim) Settle() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range c.keys {
		if s.coming[k]--; s.coming[k] > 0 {
			continue
		}
		delete(s.coming, k)
		if s.handles[k] == nil {
			(&Handle{Object: Object{s, k.off}, role: k.role, s: s}).unhold()
		}
	}
	s.pins--
	s.release()
}

// Member is the segment with that id, if this process is a member of it. It
// stays one until Unpin.
func Member(id uint64) (*Space, bool) {
	for _, s := range memberships.all() {
		if s.pin(1) != nil {
			continue // it is being left
		}
		if s.ID() == id {
			return s, true
		}
		s.Unpin()
	}
	return nil, false
}
