package word

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
)

// A meeting is a Cond with its lock, as the tests see them: of several
// processes, each in the slot of its pid.
type meeting struct {
	Cond
	m Mutex
}

func newMeeting(entries int) *meeting {
	return &meeting{
		Cond{Last: new(atomic.Uint64), Used: new(atomic.Uint32), Entries: make([]atomic.Uint64, entries)},
		MutexAt(new(atomic.Uint32), nil),
	}
}

func (c *meeting) of(slot int) *Cond {
	mine := c.Cond
	mine.Slot = slot
	return &mine
}

func (c *meeting) lock(w *world, env Env) {
	if _, err := c.m.Lock(context.Background(), env); err != nil {
		w.fail("Lock() = %v", err)
	}
}

// wait is what package ipc makes of it.
func (c *meeting) wait(ctx context.Context, w *world, p *proc) error {
	mine, env := c.of(int(p.pid)), mourner{p, c}
	e, ok := mine.Enlist()
	if !ok {
		w.fail("Enlist() = false")
	}
	p.point()
	c.m.Unlock(p)
	err := mine.Wait(ctx, env, e)
	c.lock(w, p)
	if err == nil {
		mine.Done(e)
	}
	return err
}

// states are the states of the entries that were ever used.
func (c *meeting) states() []int {
	var states []int
	for i := range c.used() {
		states = append(states, int(c.Entries[i].Load()&condState))
	}
	return states
}

// enlisted reports whether p has an entry.
func (c *meeting) enlisted(p *proc) bool {
	for i := range c.used() {
		if v := c.Entries[i].Load(); v != condFree && slotOf(v) == int(p.pid) {
			return true
		}
	}
	return false
}

// mourner clears up what the dead leave, whenever its process has napped.
type mourner struct {
	*proc
	c *meeting
}

func (e mourner) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	look, err := e.proc.Wait(ctx, w, old)
	for _, q := range e.proc.w.procs {
		if look && q.dead {
			e.c.GiveUp(e.proc, int(q.pid))
		}
	}
	return look, err
}

func TestCondNotifiesOldestFirst(t *testing.T) {
	const f, w, n = condFree, condWaiting, condNotified
	c, env := newMeeting(8), alone{t, 1}
	var es []Entry
	for slot := range 6 {
		e, _ := c.of(slot).Enlist()
		es = append(es, e)
	}
	es[1].w.Store(es[0].v) // as if the first had come second, and so on
	es[0].w.Store(es[1].v)
	for i, step := range []struct {
		do   func()
		want []int
	}{
		{func() { c.Notify(env, 1) }, []int{w, n, w, w, w, w}},
		{func() { c.Notify(env, 2) }, []int{n, n, n, w, w, w}},
		{func() { c.Notify(env, 0) }, []int{n, n, n, w, w, w}},
		{func() { c.Done(es[2]) }, []int{n, n, f, w, w, w}},
		{func() { c.GiveBack(es[3]) }, []int{n, n, f, f, w, w}},
		{func() { c.PassOn(env, es[0]) }, []int{f, n, f, f, n, w}},
		{func() { c.of(9).Enlist() }, []int{w, n, f, f, n, w}},
		{func() { c.NotifyAll(env) }, []int{n, n, f, f, n, n}},
		{func() { c.Notify(env, 3) }, []int{n, n, f, f, n, n}},
	} {
		if step.do(); !slices.Equal(c.states(), step.want) {
			t.Fatalf("step %d: %v; want %v", i, c.states(), step.want)
		}
	}
	if got := slices.Collect(c.Notified); !slices.Equal(got, []int{9, 0, 4, 5}) {
		t.Errorf("Notified() = %v", got)
	}
}

// Whoever does not sleep need not be woken.
func TestCondWakesThoseWhoMaySleep(t *testing.T) {
	c, env := newMeeting(8), &counting{alone: alone{t, 1}}
	for i := range 4 {
		if e, _ := c.of(1).Enlist(); i%2 == 1 {
			e.w.Store(e.v | condAsleep)
		}
	}
	for i, do := range []func(){
		func() { c.Notify(env, 1) },
		func() { c.Notify(env, 1) },
		func() { c.NotifyAll(env) },
	} {
		if do(); env.wakes != []int{0, 1, 2}[i] {
			t.Errorf("%d wakes after step %d", env.wakes, i)
		}
	}
	if want := []int{condNotified, condNotified, condNotified, condNotified}; !slices.Equal(c.states(), want) {
		t.Errorf("entries %v; want %v", c.states(), want)
	}
}

// What a dead process leaves waits for nobody, and what it was notified of is
// passed on to another, not to itself.
func TestCondGivesUpEntriesOfTheDead(t *testing.T) {
	const f, w, n = condFree, condWaiting, condNotified
	c, env := newMeeting(8), alone{t, 9}
	for _, slot := range []int{1, 1, 2, 1, 3} {
		c.of(slot).Enlist()
	}
	c.Notify(env, 1)
	c.GiveUp(env, 1)
	if want := []int{f, f, n, f, w}; !slices.Equal(c.states(), want) {
		t.Errorf("entries %v; want %v", c.states(), want)
	}
	c.GiveUp(env, 3)
	c.GiveUp(env, 2)
	if want := []int{f, f, f, f, f}; !slices.Equal(c.states(), want) {
		t.Errorf("entries %v; want %v", c.states(), want)
	}
}

func TestCondTakesAsManyAsItHasEntries(t *testing.T) {
	c := newMeeting(3)
	var es []Entry
	for range 3 {
		e, ok := c.Enlist()
		if !ok {
			t.Fatal("Enlist() = false with entries left")
		}
		es = append(es, e)
	}
	if _, ok := c.Enlist(); ok {
		t.Error("Enlist() = true with no entry left")
	}
	for range 5 {
		if !c.GiveBack(es[1]) || c.GiveBack(es[1]) {
			t.Error("GiveBack() does not work just once")
		}
		es[1], _ = c.Enlist()
	}
	if es[1].w != &c.Entries[1] {
		t.Error("a free entry was not used again")
	}
}

func TestCondWaitEndsWithContext(t *testing.T) {
	c := newMeeting(2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e, _ := c.Enlist()
	if err := c.Wait(ctx, alone{t, 1}, e); err != context.Canceled || !slices.Equal(c.states(), []int{condFree}) {
		t.Errorf("Wait() = %v, entries %v", err, c.states())
	}
	e, _ = c.Enlist()
	c.Notify(alone{t, 1}, 1)
	if err := c.Wait(ctx, alone{t, 1}, e); err != nil {
		t.Errorf("Wait() of one that was notified = %v", err)
	}
}

func TestCondForgetsNoNotification(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		c, items, got := newMeeting(4), 0, 0
		for range 2 {
			w.add(func(p *proc) {
				c.lock(w, p)
				for items == 0 {
					if err := c.wait(context.Background(), w, p); err != nil {
						w.fail("Wait() = %v", err)
					}
				}
				items, got = items-1, got+1
				c.m.Unlock(p)
			})
		}
		w.add(func(p *proc) {
			for range 2 {
				c.lock(w, p)
				items++
				c.of(int(p.pid)).Notify(p, 1)
				c.m.Unlock(p)
			}
		})
		return func() {
			if got != 2 || slices.Max(append(c.states(), 0)) != condFree {
				t.Errorf("%d got an item, entries %v; want 2, all free", got, c.states())
			}
		}
	})
}

func TestCondNotifyAllReachesAll(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		c, open := newMeeting(4), false
		for range 3 {
			w.add(func(p *proc) {
				c.lock(w, p)
				for !open {
					if err := c.wait(context.Background(), w, p); err != nil {
						w.fail("Wait() = %v", err)
					}
				}
				c.m.Unlock(p)
			})
		}
		w.add(func(p *proc) {
			c.lock(w, p)
			open = true
			c.NotifyAll(p)
			c.m.Unlock(p)
		})
		return nil
	})
}

// One waiter gives up about when one is notified: that is one of the two, or
// the other.
func TestCondNotificationIsForOneThatStays(t *testing.T) {
	everyOrder(t, 20000, func(w *world) func() {
		c, enlisted := newMeeting(4), 0
		ctx, cancel := context.WithCancel(context.Background())
		later, cancelLater := context.WithCancel(context.Background())
		got := []error{nil, nil}
		for i := range got {
			w.add(func(p *proc) {
				c.lock(w, p)
				enlisted++
				got[i] = c.wait([]context.Context{ctx, later}[i], w, p)
				c.m.Unlock(p)
			})
		}
		both := func() bool { return enlisted < 2 }
		w.add(func(p *proc) {
			c.lock(w, p)
			c.Notify(p, 1)
			c.m.Unlock(p)
		}).held = both
		w.add(func(p *proc) { cancel() }).held = both
		w.add(func(p *proc) { cancelLater() }).last = true
		return func() {
			if (got[0] == nil) == (got[1] == nil) {
				t.Errorf("Wait() = %v; want one of them nil", got)
			}
		}
	})
}

// A waiter is killed before it is notified, or after. If it has not come back
// with the lock, the other is notified in its place.
func TestCondOutlivesItsWaiters(t *testing.T) {
	everyDeath(t, 40, func(w *world) (*proc, func()) {
		c, begun, passed := newMeeting(4), false, 0
		w.locks, w.naps = []Mutex{c.m}, 30
		wait := func(p *proc) {
			c.lock(w, p)
			if err := c.wait(context.Background(), w, p); err != nil {
				w.fail("Wait() = %v", err)
			}
			passed++
			c.m.Unlock(p)
		}
		victim, other := w.add(wait), w.add(wait)
		w.add(func(p *proc) {
			begun = true
			c.lock(w, p)
			c.Notify(p, 1)
			c.m.Unlock(p)
		}).held = func() bool {
			return !begun && (!c.enlisted(other) || !victim.dead && !c.enlisted(victim))
		}
		w.add(func(p *proc) { // for the other, if the first has had its notification
			c.lock(w, p)
			c.Notify(p, 1)
			c.m.Unlock(p)
		}).held = func() bool { return passed == 0 }
		return victim, func() {
			if passed == 0 {
				t.Error("nobody passed")
			}
		}
	})
}

func TestCondOutlivesTheNotifier(t *testing.T) {
	everyDeath(t, 20, func(w *world) (*proc, func()) {
		c := newMeeting(4)
		w.locks, w.naps = []Mutex{c.m}, 20
		enlisted, got, done := 0, []error{nil, nil}, 0
		ctx, cancel := context.WithCancel(context.Background())
		for i := range got {
			w.add(func(p *proc) {
				c.lock(w, p)
				enlisted++
				got[i] = c.wait(ctx, w, p)
				done++
				c.m.Unlock(p)
			})
		}
		victim := w.add(func(p *proc) {
			c.lock(w, p)
			c.NotifyAll(p)
			c.m.Unlock(p)
		})
		victim.held = func() bool { return enlisted < 2 }
		// What it has not notified will not be.
		w.add(func(p *proc) { cancel() }).held = func() bool {
			return !victim.dead && !victim.ended || slices.Contains(c.states(), condNotified)
		}
		return victim, func() {
			if done != 2 || !victim.dead && (got[0] != nil || got[1] != nil) {
				t.Errorf("%d have come back: %v", done, got)
			}
		}
	})
}
