//go:build unix

package space

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// A member is a process's entry in a segment. It is live while its process
// has the record lock on the byte of its slot. Its words:
//
//	0  pid, 0 until a reserved place is taken
//	4  generation<<2 | state
//	8  slot of the parent that reserved it, 12 its generation
//
// The generation counts the uses of the slot, so that a late report about a
// dead member can't hit the next one.
type member struct{ pid, state, parent, parentGen *atomic.Uint32 }

const (
	free = iota
	reserved
	live
	transit // see Berth

	stateMask = 3
	genShift  = 2
)

func (s *Space) member(slot int) member {
	off := uint32(offMembers + 16*slot)
	return member{s.seg.U32(off), s.seg.U32(off + 4), s.seg.U32(off + 8), s.seg.U32(off + 12)}
}

func (m member) is(state uint32) bool { return m.state.Load()&stateMask == state }
func (m member) gen() uint32          { return m.state.Load() >> genShift }

// become changes the state under the registry lock. A slot that becomes free
// starts its next generation.
func (m member) become(state, pid, gen uint32) {
	m.pid.Store(pid)
	m.state.Store(gen<<genShift | state)
}

func (s *Space) high() int { return min(int(s.seg.U32(offHigh).Load()), MaxMembers) }

// Reserve keeps a place for a child that is about to be started. The segment
// stays mapped here until Bury.
func (s *Space) Reserve() (slot int, gen uint32, err error) {
	if err := s.pin(1); err != nil {
		return 0, 0, err
	}
	err = s.locked(func() error {
		slot = s.freeSlot()
		if slot < 0 {
			return ErrFull
		}
		m := s.member(slot)
		gen = m.gen()
		m.parent.Store(uint32(s.slot))
		m.parentGen.Store(s.member(s.slot).gen())
		m.become(reserved, 0, gen)
		return nil
	})
	if err != nil {
		_ = s.pin(-1)
	}
	return slot, gen, err
}

// freeSlot finds a place, burying dead members only if there is no other.
func (s *Space) freeSlot() int {
	high := s.high()
	for i := range high {
		// A message that was given up may still vouch for its berth.
		if s.member(i).is(free) && !s.seg.Held(int64(i)) {
			return i
		}
	}
	if high < MaxMembers {
		s.seg.U32(offHigh).Store(uint32(high + 1))
		return high
	}
	for i := range high {
		if !s.alive(i) {
			s.bury(i, false)
			return i
		}
	}
	return -1
}

// join takes the place that was kept for this process as generation gen.
func (s *Space) join(gen, state uint32) error {
	m := s.member(s.slot)
	if !m.is(state) || m.gen() != gen {
		return ErrGone
	}
	ok, err := s.seg.Hold(int64(s.slot))
	if err == nil && !ok {
		err = syscall.EBUSY
	}
	if err != nil {
		return err
	}
	// A live entry of our own pid is of a process that died unnoticed: it
	// must be buried before the pid means us.
	for i := range s.high() {
		if o := s.member(i); o.is(live) && o.pid.Load() == s.pid {
			s.bury(i, false)
		}
	}
	m.become(live, s.pid, gen)
	return nil
}

// alive reports whether the process in slot runs, or may still come to run.
func (s *Space) alive(slot int) bool {
	m := s.member(slot)
	switch state := m.state.Load() & stateMask; {
	case slot == s.slot:
		return true
	case state == live || state == transit:
		return s.seg.Held(int64(slot))
	case state == reserved:
		// The parent buries it if the child dies before it joins.
		parent := int(m.parent.Load())
		if parent >= MaxMembers || parent == slot {
			return false
		}
		p := s.member(parent)
		if p.is(live) && p.gen() == m.parentGen.Load() && (parent == s.slot || s.seg.Held(int64(parent))) {
			return true
		}
		return s.seg.Held(int64(slot)) || s.orphanLives(m)
	}
	return false
}

// orphanGrace is how long a process whose parent has ended has to join.
const orphanGrace = 5 * time.Second

// orphanLives reports whether a process that has not joined yet may still do
// so although its parent has ended. There is no proof of its life until it
// has, so we trust its pid, but not for long: the pid may be another's.
func (s *Space) orphanLives(m member) bool {
	if pid := int(m.pid.Load()); pid != 0 && (syscall.Kill(pid, 0) == syscall.ESRCH || isZombie(pid)) {
		return false
	}
	s.orphansMu.Lock()
	defer s.orphansMu.Unlock()
	if s.orphans == nil {
		s.orphans = map[*atomic.Uint32]orphan{}
	}
	o, known := s.orphans[m.state]
	if !known || o.gen != m.gen() {
		o = orphan{m.gen(), time.Now()}
		s.orphans[m.state] = o
	}
	return time.Since(o.seen) < orphanGrace
}

// isZombie reports whether the process has ended and its new parent, which may
// take its time, has not reaped it. Where there is no /proc it can't be told.
func isZombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	// The state comes behind the name, which may hold anything, in brackets.
	for i := len(stat) - 1; err == nil && i >= 0; i-- {
		if stat[i] == ')' {
			return i+2 < len(stat) && stat[i+2] == 'Z'
		}
	}
	return false
}

// orphan is since when a member was seen as one.
type orphan struct {
	gen  uint32
	seen time.Time
}

// Bury gives up all that a child that has ended held, unless that has
// happened. One that never began has left in good order. It is called once
// for each Reserve.
func (s *Space) Bury(slot int, gen uint32, left bool) {
	_ = s.locked(func() error {
		if m := s.member(slot); !m.is(free) && m.gen() == gen {
			s.bury(slot, left)
		}
		return nil
	})
	_ = s.pin(-1)
}

// Started notes the pid of the child for which a place is reserved.
func (s *Space) Started(slot int, gen uint32, pid int) {
	_ = s.locked(func() error {
		if m := s.member(slot); m.is(reserved) && m.gen() == gen {
			m.pid.Store(uint32(pid))
		}
		return nil
	})
}

// lookAfter buries the member in slot if it has died, and reports whether it
// is alive.
func (s *Space) lookAfter(slot int) bool {
	alive := s.alive(slot)
	if alive {
		return true
	}
	// It may have joined since, or be another one by now.
	_ = s.locked(func() error {
		if alive = s.alive(slot); !alive && !s.member(slot).is(free) {
			s.bury(slot, false)
		}
		return nil
	})
	return alive
}

// bury is called under the registry lock. If we die in the middle of it, the
// member is still there as a dead one, and the next one begins again.
func (s *Space) bury(slot int, left bool) {
	m := s.member(slot)
	pid := uint32(0)
	if m.is(live) { // else it has no locks, and its pid may be another's
		pid = m.pid.Load()
	}
	// A message that nobody took is no crash.
	s.sweep(slot, pid, left || m.is(transit))
	m.become(free, 0, m.gen()+1)
}

// dead reports whether the process pid is no living member, and then has
// buried it.
func (s *Space) dead(pid uint32) bool {
	for i := range s.high() {
		m := s.member(i)
		if m.is(live) && m.pid.Load() == pid && s.lookAfter(i) {
			return false
		}
	}
	return true
}
