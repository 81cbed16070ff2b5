package word

import (
	"context"
	"sync/atomic"
	"testing"
)

func TestMutexTakesFreeWord(t *testing.T) {
	const me, other = 7, 8
	for _, tt := range []struct {
		name      string
		word      uint32
		ok, died  bool
		wordAfter uint32
	}{
		{"free", 0, true, false, me},
		{"free with sleepers", waitingBit, true, false, me | waitingBit},
		{"left by the dead", diedBit, true, true, me},
		{"left by the dead with sleepers", diedBit | waitingBit, true, true, me | waitingBit},
		{"held", other, false, false, other},
		{"held with sleepers", other | waitingBit, false, false, other | waitingBit},
		{"held by ourselves", me, false, false, me},
		{"largest pid", pidMask, false, false, pidMask},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w atomic.Uint32
			w.Store(tt.word)
			ok, died := MutexAt(&w, nil).TryLock(alone{t, me})
			if ok != tt.ok || died != tt.died || w.Load() != tt.wordAfter {
				t.Errorf("TryLock() = %v, %v, word %#x; want %v, %v, %#x",
					ok, died, w.Load(), tt.ok, tt.died, tt.wordAfter)
			}
			if !tt.ok {
				return
			}
			w.Store(tt.word)
			died, err := MutexAt(&w, nil).Lock(t.Context(), alone{t, me})
			if err != nil || died != tt.died || w.Load() != tt.wordAfter {
				t.Errorf("Lock() = %v, %v, word %#x; want %v, nil, %#x",
					died, err, w.Load(), tt.died, tt.wordAfter)
			}
			if owner := MutexAt(&w, nil).Owner(); owner != me {
				t.Errorf("Owner() = %d; want %d", owner, me)
			}
		})
	}
}

// freeing is an Env in which the holder lets go as soon as somebody sleeps,
// and dies before its wake.
type freeing struct{ alone }

func (f freeing) Wait(_ context.Context, w *atomic.Uint32, _ uint32) (bool, error) {
	w.Store(0)
	return true, nil
}

// Others may sleep where we did: our release must wake them.
func TestMutexKeepsMarkOfSleepersForThoseBehind(t *testing.T) {
	var w atomic.Uint32
	w.Store(8)
	died, err := MutexAt(&w, nil).Lock(t.Context(), freeing{alone{t, 7}})
	if died || err != nil || w.Load() != 7|waitingBit {
		t.Errorf("Lock() = %v, %v, word %#x; want false, nil, %#x", died, err, w.Load(), 7|uint32(waitingBit))
	}
}

func TestMutexRefusesUnlockByStranger(t *testing.T) {
	for _, word := range []uint32{0, waitingBit, diedBit, 8, 8 | waitingBit} {
		var w atomic.Uint32
		w.Store(word)
		if MutexAt(&w, nil).Unlock(alone{t, 7}) || w.Load() != word {
			t.Errorf("Unlock() of %#x by 7 = true, word %#x; want false and no change", word, w.Load())
		}
	}
}

// Who gives back a lock that it could not use passes the news of a death on.
func TestMutexUnlockDiedTellsTheNext(t *testing.T) {
	const me, other = 7, 8
	for _, tt := range []struct {
		word, after uint32
		ok          bool
		wakes       int
	}{
		{me, diedBit, true, 0},
		{me | waitingBit, diedBit, true, 1},
		{other, other, false, 0},
		{other | waitingBit, other | waitingBit, false, 0},
		{0, 0, false, 0},
		{diedBit, diedBit, false, 0},
	} {
		w, env := new(atomic.Uint32), &counting{alone: alone{t, me}}
		w.Store(tt.word)
		m := MutexAt(w, nil)
		if ok := m.UnlockDied(env); ok != tt.ok || w.Load() != tt.after || env.wakes != tt.wakes {
			t.Errorf("UnlockDied() of %#x = %v, word %#x, %d wakes; want %v, %#x, %d",
				tt.word, ok, w.Load(), env.wakes, tt.ok, tt.after, tt.wakes)
		}
		if !tt.ok {
			continue
		}
		if died, err := m.Lock(t.Context(), alone{t, other}); !died || err != nil {
			t.Errorf("Lock() after UnlockDied() = %v, %v; want true, nil", died, err)
		}
		if m.Unlock(alone{t, other}); w.Load() != 0 {
			t.Errorf("word after Unlock() = %#x; want 0", w.Load())
		}
	}
}

func TestMutexBuryHitsTheDeadOnly(t *testing.T) {
	for _, tt := range []struct{ word, pid, want uint32 }{
		{7, 7, diedBit},
		{7 | waitingBit, 7, diedBit | waitingBit},
		{8, 7, 8},
		{8 | waitingBit, 7, 8 | waitingBit},
		{0, 7, 0},
		{diedBit, 7, diedBit},
	} {
		var w atomic.Uint32
		w.Store(tt.word)
		MutexAt(&w, nil).Bury(alone{t, 1}, tt.pid)
		if w.Load() != tt.want {
			t.Errorf("Bury(%d) of %#x gives %#x; want %#x", tt.pid, tt.word, w.Load(), tt.want)
		}
	}
}

// section is a critical section that notices when two are in it.
type section struct{ inside, entered, died int }

func (s *section) pass(p *proc, died bool) {
	if s.inside++; s.inside > 1 {
		p.w.fail("two processes hold the lock")
	}
	if died {
		s.died++
	}
	s.entered++
	p.point()
	s.inside--
}

func TestMutexExcludesInEveryOrder(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		m, s := MutexAt(new(atomic.Uint32), nil), new(section)
		for range 3 {
			w.add(func(p *proc) {
				died, err := m.Lock(context.Background(), p)
				if died || err != nil {
					w.fail("Lock() = %v, %v; want false, nil", died, err)
				}
				s.pass(p, died)
				if !m.Unlock(p) {
					w.fail("Unlock() by the holder = false; want true")
				}
			})
		}
		return func() {
			if s.entered != 3 || m.Owner() != 0 {
				t.Errorf("%d of 3 entered, owner at the end %d", s.entered, m.Owner())
			}
		}
	})
}

func TestMutexTryLockMixesWithLock(t *testing.T) {
	everyOrder(t, 10000, func(w *world) func() {
		m, s := MutexAt(new(atomic.Uint32), nil), new(section)
		for i := range 3 {
			w.add(func(p *proc) {
				if i == 0 {
					if ok, died := m.TryLock(p); ok {
						s.pass(p, died)
						m.Unlock(p)
					}
					return
				}
				died, _ := m.Lock(context.Background(), p)
				s.pass(p, died)
				m.Unlock(p)
			})
		}
		return nil
	})
}

func TestMutexPassesOnAfterDeath(t *testing.T) {
	everyDeath(t, 200, func(w *world) (*proc, func()) {
		m, s := MutexAt(new(atomic.Uint32), nil), new(section)
		w.locks, w.naps = []Mutex{m}, 100
		atDeath := uint32(0)
		var victim *proc
		for i := range 3 {
			p := w.add(func(p *proc) {
				died, err := m.Lock(context.Background(), p)
				if err != nil {
					w.fail("Lock() = %v", err)
				}
				if died {
					atDeath++
					s.inside = 0 // the dead one was inside
				}
				s.pass(p, died)
				m.Unlock(p)
			})
			if i == 0 {
				victim = p
			}
		}
		return victim, func() {
			w := m.w.Load()
			switch {
			case s.entered < 2:
				t.Errorf("%d have entered; want the two survivors", s.entered)
			case atDeath > 1:
				t.Errorf("%d were told of one death", atDeath)
			case w&pidMask == 1 && !victim.dead:
				t.Errorf("word is %#x at the end", w)
			case w&pidMask > 1:
				t.Errorf("word is %#x: a survivor holds the lock at the end", w)
			}
		}
	})
}

func TestMutexTellsExactlyOneOfDeath(t *testing.T) {
	everyOrder(t, 10000, func(w *world) func() {
		m, told := MutexAt(new(atomic.Uint32), nil), 0
		w.locks, w.naps = []Mutex{m}, 20
		m.w.Store(1)
		w.add(func(p *proc) { p.point() }).dieAt = 1
		for range 2 {
			w.add(func(p *proc) {
				died, err := m.Lock(context.Background(), p)
				if err != nil {
					w.fail("Lock() = %v", err)
				}
				if died {
					told++
				}
				m.Unlock(p)
			})
		}
		return func() {
			if told != 1 {
				t.Errorf("%d were told that the holder died; want 1", told)
			}
		}
	})
}

// One that was told hands the lock back, and the next is told in its place.
func TestMutexHandsDeathOnInEveryOrder(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		m, s := MutexAt(new(atomic.Uint32), nil), new(section)
		m.w.Store(diedBit)
		handed := 0
		for i := range 3 {
			w.add(func(p *proc) {
				died, err := m.Lock(context.Background(), p)
				if err != nil {
					w.fail("Lock() = %v", err)
				}
				if died && i == 0 {
					handed++
					m.UnlockDied(p)
					return
				}
				s.pass(p, died)
				m.Unlock(p)
			})
		}
		return func() {
			if s.died != 1 || s.entered != 3-handed {
				t.Errorf("%d of %d were told; want 1 of %d", s.died, s.entered, 3-handed)
			}
			if v := m.w.Load(); v != 0 {
				t.Errorf("word at the end = %#x; want 0", v)
			}
		}
	})
}

// Whoever dies about to hand a death on leaves one behind all the same.
func TestMutexLosesNoDeathOfWhoHandsItOn(t *testing.T) {
	everyDeath(t, 100, func(w *world) (*proc, func()) {
		m, s := MutexAt(new(atomic.Uint32), nil), new(section)
		m.w.Store(diedBit)
		w.locks, w.naps = []Mutex{m}, 100
		victim := w.add(func(p *proc) {
			if died, _ := m.Lock(context.Background(), p); died {
				m.UnlockDied(p)
			} else {
				m.Unlock(p)
			}
		})
		for range 2 {
			w.add(func(p *proc) {
				died, err := m.Lock(context.Background(), p)
				if err != nil {
					w.fail("Lock() = %v", err)
				}
				s.pass(p, died)
				m.Unlock(p)
			})
		}
		return victim, func() {
			if s.entered != 2 || s.died == 0 || s.died > 1 && !victim.dead {
				t.Errorf("%d entered, %d were told; want 2, and 1, or 2 of two deaths", s.entered, s.died)
			}
		}
	})
}

// A lock that goes from one to the next while we look, and never to us, must
// not keep us from falling asleep: only sleepers look after the dead.
func TestMutexSpinsOnlySoOften(t *testing.T) {
	for _, pays := range []bool{true, false} {
		w := new(atomic.Uint32)
		w.Store(8)
		env := &spinning{freeing: freeing{alone{t, 7}}, pays: pays}
		if _, err := MutexAt(w, nil).Lock(t.Context(), env); err != nil {
			t.Fatalf("Lock() = %v", err)
		}
		want := 1
		if pays {
			want = spins
		}
		if env.spun != want {
			t.Errorf("spun %d times before it slept, spinning pays: %v; want %d", env.spun, pays, want)
		}
	}
}

// spinning is a freeing Env whose spinning always, or never, sees a change.
type spinning struct {
	freeing
	pays bool
	spun int
}

func (s *spinning) Spin(w *atomic.Uint32, _ uint32, _ int) bool {
	if s.spun++; s.spun > 100*spins {
		s.t.Fatal("spins for ever")
	}
	if s.pays {
		w.Store(uint32(s.spun + 100)) // has another holder
	}
	return s.pays
}

func TestMutexWaiterLeavesWithItsContext(t *testing.T) {
	everyOrder(t, 10000, func(w *world) func() {
		m, s := MutexAt(new(atomic.Uint32), nil), new(section)
		ctx, cancel := context.WithCancel(context.Background())
		for range 2 {
			w.add(func(p *proc) {
				died, _ := m.Lock(context.Background(), p)
				s.pass(p, died)
				m.Unlock(p)
			})
		}
		w.add(func(p *proc) {
			if died, err := m.Lock(ctx, p); err == nil {
				s.pass(p, died)
				m.Unlock(p)
			} else if err != context.Canceled {
				w.fail("Lock() = %v; want context.Canceled", err)
			}
		})
		w.add(func(p *proc) { cancel() })
		return func() {
			if m.Owner() != 0 {
				t.Errorf("owner at the end: %d; want 0", m.Owner())
			}
		}
	})
}
