//go:build unix

package space

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/park"
	"github.com/mpbox/mpbox/ipc/internal/shm"
	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func newSpaceFor(t *testing.T) *Space {
	t.Helper()
	watchdog.Start(t)
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.seg != nil {
			memberships.remove(s)
			s.unmap()
			s.seg = nil
		}
	})
	return s
}

func alloc(t *testing.T, s *Space, sh Shape) Object {
	t.Helper()
	o, err := s.Alloc(sh)
	if err != nil {
		t.Fatalf("Alloc(%+v) = %v", sh, err)
	}
	return o
}

var (
	lockShape    = Shape{Kind: Lock, Maps: 1}
	barrierShape = Shape{Kind: Barrier, Maps: 1, Param: 2}
	pipeShape    = Shape{Kind: Pipe, Maps: 2, Rings: 2, RingSize: 1 << 12}
	queueShape   = Shape{Kind: Queue, Maps: QueueMaps, Rings: 1, RingSize: 1 << 12}
	bigShape     = Shape{Kind: Queue, Maps: QueueMaps, Rings: 1, RingSize: 8 << 20}
)

// fill takes all room for the shape.
func fill(t *testing.T, s *Space, sh Shape) (all []*Handle) {
	t.Helper()
	for {
		o, err := s.Alloc(sh)
		if err == ErrNoRoom {
			return all
		} else if err != nil {
			t.Fatalf("Alloc() = %v", err)
		}
		all = append(all, o.Open(0))
	}
}

func TestObjectsHaveTheirOwnMemory(t *testing.T) {
	s := newSpaceFor(t)
	end := uint32(offObjects)
	for _, sh := range []Shape{lockShape, barrierShape, pipeShape, queueShape, lockShape} {
		o := alloc(t, s, sh)
		if o.off != end || o.kind() != sh.Kind || o.maps() != sh.Maps || o.Param() != sh.Param || o.rings() != sh.Rings {
			t.Errorf("object at %d of kind %d with %d maps, %d rings; want %+v at %d",
				o.off, o.kind(), o.maps(), o.rings(), sh, end)
		}
		for i := range sh.Rings {
			r := o.Ring(i)
			if len(r.Data) != int(sh.RingSize) || r.Len() != 0 {
				t.Errorf("ring %d has %d bytes, Len() %d", i, len(r.Data), r.Len())
			}
			for j := range r.Data {
				r.Data[j] = 0xff // what overlaps shows in the next one
			}
		}
		end += o.size()
		if top := s.seg.U32(offTop).Load(); top != end {
			t.Errorf("objects end at %d; want %d", top, end)
		}
	}
	n := 0
	for o := range s.objects {
		n += int(o.size())
	}
	if n != int(end-offObjects) {
		t.Errorf("objects() covers %d bytes; want %d", n, end-offObjects)
	}
}

func TestAllocEndsWithTheSegment(t *testing.T) {
	s := newSpaceFor(t)
	if all := fill(t, s, bigShape); len(all) != 3 {
		t.Errorf("%d objects of 8 MiB; want 3", len(all))
	}
	if _, err := s.Alloc(Shape{Kind: Queue, Maps: QueueMaps, Rings: 1, RingSize: 64 << 20}); err != ErrNoRoom {
		t.Errorf("Alloc() of more than a segment = %v; want ErrNoRoom", err)
	}
	alloc(t, s, lockShape) // there is room for less
}

func TestObjectIsZeroedWhenItsMemoryIsUsedAgain(t *testing.T) {
	s := newSpaceFor(t)
	all := fill(t, s, bigShape)
	h := all[1]
	off, gen, _ := h.Address()
	copy(h.Ring(0).Data, bytes.Repeat([]byte{7}, 8<<20))
	h.Ring(0).Head.Store(99)
	h.Ring(0).Put.TryLock(h)
	h.Mark(QueueHasPut)
	h.Grant(5)
	h.unmark(0, 5)
	h.Close()
	o := alloc(t, s, bigShape)
	if o.off != off || o.u32(offGen).Load() != gen+1 {
		t.Errorf("new object at %d of generation %d; want %d of %d", o.off, o.u32(offGen).Load(), off, gen+1)
	}
	again := o.Open(0)
	if again == h || again.Closed() != nil {
		t.Error("the handle of the new object is the old one")
	}
	r := again.Ring(0)
	if n := bytes.Count(r.Data, []byte{0}); n != len(r.Data) {
		t.Errorf("%d of %d bytes are zero; want all", n, len(r.Data))
	}
	if r.Len() != 0 || r.Put.Owner() != 0 || again.marked(QueueHasPut, 0) || !again.marked(QueueHolders, 0) ||
		again.u32(offGrants).Load() != 0 {
		t.Error("the new object is not as new")
	}
	if _, err := s.Find(Queue, off, gen, 0); err != errStale {
		t.Errorf("Find() of the old generation = %v; want errStale", err)
	}
	if got, err := s.Find(Queue, off, gen+1, 0); got != again || err != nil {
		t.Errorf("Find() of the new generation = %p, %v; want %p", got, err, again)
	}
	if _, err := s.Alloc(bigShape); err != ErrNoRoom {
		t.Errorf("Alloc() afterwards = %v; want ErrNoRoom", err)
	}
}

func TestFindRefusesWhatWasNotGranted(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	off, gen, _ := h.Address()
	h.unmark(1, s.slot)
	for _, tt := range []struct {
		kind     Kind
		off, gen uint32
		role     int
		want     error
	}{
		{Pipe, off, gen, 0, nil},
		{Queue, off, gen, 0, errStale},
		{Pipe, off + 64, gen, 0, errStale},
		{Pipe, 0, gen, 0, errStale},
		{Pipe, 1<<32 - 64, gen, 0, errStale},
		{Pipe, off, gen + 1, 0, errStale},
		{Pipe, off, gen, 1, errStale},
		{Pipe, off, gen, 2, errStale},
		{Pipe, off, gen, -1, errStale},
	} {
		if _, err := s.Find(tt.kind, tt.off, tt.gen, tt.role); err != tt.want {
			t.Errorf("Find(%d, %d, %d, %d) = %v; want %v", tt.kind, tt.off, tt.gen, tt.role, err, tt.want)
		}
	}
}

// A wild write into a size must not lead out of the segment, or round in circles.
func TestSpoiltSizesEndTheWalk(t *testing.T) {
	for _, size := range []uint32{0, 1, 63, 1 << 31, 1<<32 - 1, shm.Size} {
		s := newSpaceFor(t)
		h := alloc(t, s, lockShape).Open(0)
		alloc(t, s, lockShape)
		h.u32(offSize).Store(size)
		for range s.objects {
		}
		s.seg.U32(offTop).Store(1<<32 - 1)
		for range s.objects {
		}
		s.seg.U32(offHigh).Store(1<<32 - 1)
		if got := s.high(); got != MaxMembers {
			t.Errorf("high() = %d; want %d", got, MaxMembers)
		}
	}
}

func TestAllocGivesNoObjectTwice(t *testing.T) {
	s := newSpaceFor(t)
	sh := Shape{Kind: Queue, Maps: QueueMaps, Rings: 1, RingSize: 4 << 20}
	all := fill(t, s, sh)
	for range 20 {
		all[0].Close()
		all[1].Close()
		got := make(chan Object, 4)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if o, err := s.Alloc(sh); err == nil {
					got <- o
				} else if err != ErrNoRoom {
					t.Errorf("Alloc() = %v", err)
				}
			})
		}
		wg.Wait()
		if len(got) != 2 {
			t.Fatalf("%d objects in the memory of 2", len(got))
		}
		for i := range 2 {
			o := <-got
			all[i] = o.Open(0)
			if all[i].Closed() != nil {
				t.Fatal("a new handle is closed")
			}
		}
		if all[0].off == all[1].off {
			t.Fatal("one object was given twice")
		}
	}
}

// Handles come and go while others are found: none is missed, none is closed
// from birth.
func TestFindMissesNothingWhileMemoryIsUsedAgain(t *testing.T) {
	s := newSpaceFor(t)
	early := alloc(t, s, queueShape).Open(0)
	kept := alloc(t, s, lockShape).Open(0)
	fill(t, s, bigShape)
	fill(t, s, Shape{Kind: Queue, Maps: 1, Rings: 1, RingSize: 1 << 16})
	fill(t, s, queueShape)
	off, gen, _ := kept.Address()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 300 {
			early.Close()
			o, err := s.Alloc(queueShape)
			if err != nil {
				t.Errorf("Alloc() = %v", err)
				return
			}
			if early = o.Open(0); early.Closed() != nil {
				t.Error("a new handle is closed")
			}
		}
	})
	for range 300 {
		if _, err := s.Find(Lock, off, gen, 0); err != nil {
			t.Errorf("Find() = %v", err)
		}
	}
	wg.Wait()
}

func TestSegmentGoesWithPinAndHandles(t *testing.T) {
	s := newSpaceFor(t)
	a, b := alloc(t, s, pipeShape).Open(0), alloc(t, s, lockShape).Open(0)
	slot, gen, err := s.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	s.Unpin()
	a.Close()
	b.Close()
	b.Close()
	if s.seg == nil {
		t.Fatal("segment is unmapped while a child may come")
	}
	s.Bury(slot, gen, false)
	if s.seg != nil || memberships.m[s] {
		t.Error("segment is mapped that nothing needs")
	}
	if _, _, err := s.Reserve(); err != ErrClosed {
		t.Errorf("Reserve() afterwards = %v; want ErrClosed", err)
	}
	if err := a.Enter(); err != ErrClosed {
		t.Errorf("Enter() afterwards = %v; want ErrClosed", err)
	}
	a.Close()
}

func TestHandleStaysUntilOperationEnds(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	h.unmark(1, s.slot)
	s.Unpin()
	if err := h.Enter(); err != nil {
		t.Fatalf("Enter() = %v", err)
	}
	h.Close()
	if err := h.Enter(); err != ErrClosed || h.Closed() != ErrClosed {
		t.Errorf("Enter() after Close = %v; want ErrClosed", err)
	}
	if _, err := h.Wait(t.Context(), h.u32(offGrants), 0); err != ErrClosed {
		t.Errorf("Wait() after Close = %v; want ErrClosed", err)
	}
	if !h.marked(0, s.slot) {
		t.Error("hold is given up while an operation is under way")
	}
	h.Exit()
	if s.seg != nil {
		t.Error("segment is mapped after the last operation")
	}
}

func TestCloseEndsOperationUnderWay(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	if err := h.Enter(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer h.Exit()
		_, err := h.Ring(1).Recv(context.Background(), h, func(bool) bool { return true })
		if err != ErrClosed {
			t.Errorf("Recv() = %v; want ErrClosed", err)
		}
	})
	h.Close()
	wg.Wait()
}

// The last operation may end while Close is under way, and the memory goes.
func TestCloseMeetsEndOfOperation(t *testing.T) {
	watchdog.Start(t)
	for range 300 {
		s, err := New()
		if err != nil {
			t.Fatal(err)
		}
		h := alloc(t, s, pipeShape).Open(0)
		s.Unpin()
		var wg sync.WaitGroup
		ready := make(chan bool)
		for range 2 {
			wg.Go(func() {
				if h.Enter() == nil {
					ready <- true
					h.Wake(h.u32(offGrants))
					h.Exit()
				}
			})
			<-ready
		}
		wg.Go(h.Close)
		wg.Go(h.Close)
		wg.Wait()
		if s.seg != nil {
			t.Fatal("segment is mapped after the last operation")
		}
	}
}

func TestGateIsWaitedForWithContext(t *testing.T) {
	watchdog.Start(t)
	g := make(Gate, 1)
	if err := g.Lock(t.Context()); err != nil {
		t.Fatalf("Lock() of a free gate = %v", err)
	}
	if g.TryLock() {
		t.Error("TryLock() of a locked gate = true")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Lock(ctx); err != context.Canceled {
		t.Errorf("Lock() = %v; want context.Canceled", err)
	}
	done := make(chan error)
	go func() { done <- g.Lock(context.Background()) }()
	g.Unlock()
	if err := <-done; err != nil {
		t.Errorf("Lock() = %v", err)
	}
	g.Unlock()
	if !g.TryLock() {
		t.Error("TryLock() of a free gate = false")
	}
	g.Unlock()
	if err := g.Lock(ctx); err != nil {
		t.Errorf("Lock() of a free gate = %v; want nil, whatever the context", err)
	}
}

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
	c.kill()
	s.Started(all[5].slot, all[5].gen, c.cmd.Process.Pid)
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
		start(t, s).ask(tt.answer, "attach %d %d", tt.slot, tt.gen)
	}
}

func TestAttachRefusesPlaceThatAnotherHas(t *testing.T) {
	s := newSpaceFor(t)
	_, slot, gen := seat(t, s)
	c := start(t, s)
	c.ask(ErrGone.Error(), "attach %d %d", slot, gen)
	s.member(slot).become(reserved, 0, gen) // as a wild write may do
	start(t, s).ask(syscall.EBUSY.Error(), "attach %d %d", slot, gen)
}

func TestHeldSeesHandover(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	var slots [2]int
	for i := range slots {
		slots[i], _, _ = s.Reserve()
	}
	h.Grant(slots[0])
	h.unmark(0, s.slot)
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			h.Grant(slots[1-i%2])
			h.unmark(0, slots[i%2])
		}
	})
	for i := range 20000 {
		if !h.Held(0, i%64 == 0) {
			t.Error("Held() = false while it is handed to and fro")
			break
		}
	}
	close(stop)
	wg.Wait()
}

func TestQueueEndsByWhatItsHoldersDo(t *testing.T) {
	s := newSpaceFor(t)
	type who struct{ holds, hasPut, waitsGet bool }
	for _, tt := range []struct {
		name   string
		self   who
		others []who
		want   bool
	}{
		{"alone and waiting", who{true, false, true}, nil, false},
		{"alone, and has put", who{true, true, true}, nil, true},
		{"another holds it", who{true, false, true}, []who{{true, false, false}}, true},
		{"another waits", who{true, false, true}, []who{{true, false, true}}, false},
		{"another waits, but has put", who{true, false, true}, []who{{true, true, true}}, true},
		{"another has put, and closed", who{true, false, true}, []who{{false, true, false}}, false},
		{"one of three may put", who{true, false, true}, []who{{true, false, true}, {true, false, false}}, true},
		{"none of three may put", who{true, false, true}, []who{{true, false, true}, {false, false, false}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			get, put := alloc(t, s, queueShape).Open(0), alloc(t, s, queueShape).Open(0)
			if !get.CanPut(true) || !put.CanGet(true) {
				t.Error("a queue that was never shared has ended")
			}
			for i, w := range append([]who{tt.self}, tt.others...) {
				slot := s.slot
				if i > 0 {
					slot, _, _ = s.Reserve()
				}
				for _, h := range []*Handle{get, put} {
					has, waits := QueueHasPut, QueueWaitGet
					if h == put { // the mirror image
						has, waits = QueueHasGot, QueueWaitPut
					}
					for m, set := range map[int]bool{QueueHolders: w.holds, has: w.hasPut, waits: w.waitsGet} {
						if h.unmark(m, slot); set {
							h.mark(m, slot)
						}
					}
					h.u32(offGrants).Store(1)
				}
			}
			for _, look := range []bool{false, true} {
				if got := get.CanPut(look); got != tt.want {
					t.Errorf("CanPut(%v) = %v; want %v", look, got, tt.want)
				}
				if got := put.CanGet(look); got != tt.want {
					t.Errorf("CanGet(%v) = %v; want %v", look, got, tt.want)
				}
			}
		})
	}
}

func TestChildHoldsWhatItWasGranted(t *testing.T) {
	s := newSpaceFor(t)
	h, other := alloc(t, s, pipeShape).Open(0), alloc(t, s, lockShape).Open(0)
	c, slot, _ := seat(t, s, h)
	if m := s.member(slot); !m.is(live) || int(m.pid.Load()) != c.cmd.Process.Pid {
		t.Errorf("member's pid = %d; want %d", m.pid.Load(), c.cmd.Process.Pid)
	}
	c.find(errStale.Error(), other)
	c.find("<nil>", h)
	h.unmark(0, s.slot)
	if !h.Held(0, true) {
		t.Error("Held() = false; want true: the child holds it")
	}
	c.ask("<nil>", "close")
	if h.Held(0, false) {
		t.Error("Held() after the child closed it = true; want false")
	}
}

func TestDeathOfChildGivesUpItsHold(t *testing.T) {
	for _, report := range []bool{true, false} {
		s := newSpaceFor(t)
		h := alloc(t, s, queueShape).Open(0)
		c, slot, gen := seat(t, s, h)
		c.ask("<nil>", "mark")
		c.kill()
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
	pid := uint32(c.cmd.Process.Pid)
	if h.Dead(pid) || h.Dead(h.Pid()) {
		t.Error("Dead() of the living = true")
	}
	c.kill()
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
	c.ask("false <nil>", "lock")
	waiter.tell("lock")
	c.kill()
	waiter.want("true <nil>")
	waiter.kill()
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
	c.ask("<nil>", "send hello")
	c.kill()
	peers := func(look bool) bool { return receiver.Held(0, look) }
	if b, err := receiver.Ring(0).Recv(t.Context(), receiver, peers); err != nil || string(b) != "hello" {
		t.Errorf("Recv() = %q, %v; want hello, nil", b, err)
	}
	if _, err := receiver.Ring(0).Recv(t.Context(), receiver, peers); err != io.EOF {
		t.Errorf("Recv() = %v; want io.EOF", err)
	}
}

// Nobody reports the death here: who waits must find it out.
func TestBarrierBreaksWhenPartyIsKilledUnreported(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, barrierShape).Open(0)
	party, _, _ := seat(t, s, h)
	waiter, _, _ := seat(t, s, h)
	waiter.tell("barrier")
	party.kill()
	waiter.want("barrier is broken")
}

func TestBarrierStaysWholeWhenPartyLeaves(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, barrierShape).Open(0)
	c, slot, gen := seat(t, s, h)
	c.ask(ErrClosed.Error(), "closeall")
	c.in.Close()
	c.cmd.Wait()
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
	start(t, s).ask(ErrGone.Error(), "attach %d %d", slot, gen)
}

// A child that has not come yet when its parent is killed may still come, if
// it is not known to be dead, too.
func TestGrandchildMayComeAfterDeathOfItsParent(t *testing.T) {
	for _, dead := range []bool{true, false} {
		s := newSpaceFor(t)
		h := alloc(t, s, pipeShape).Open(0)
		c, parent, _ := seat(t, s, h)
		c.ask("2 0 <nil>", "reserve")
		h.Grant(2)
		h.unmark(0, s.slot)
		h.unmark(0, parent)
		grand := start(t, s)
		s.Started(2, 0, grand.cmd.Process.Pid)
		if !h.Held(0, true) {
			t.Error("Held() = false; want true: the parent lives")
		}
		c.kill()
		if !h.Held(0, true) {
			t.Error("Held() = false; want true: the grandchild lives")
		}
		if dead {
			grand.kill()
			if h.Held(0, true) {
				t.Error("Held() = true; want false: nobody will come")
			}
			start(t, s).ask(ErrGone.Error(), "attach 2 0")
			continue
		}
		grand.ask("<nil>", "attach 2 0")
		if !h.Held(0, true) || !s.member(2).is(live) {
			t.Error("Held() = false; want true: the grandchild came")
		}
	}
}

// Started may come late: its child may have ended, and its place be another's.
func TestStartedLeavesOthersAlone(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	c, slot, gen := seat(t, s, h)
	c.ask("false <nil>", "lock")
	s.Started(slot, gen, 1<<22)   // it has joined
	s.Started(slot, gen-1, 1<<22) // it is another one
	pid := uint32(c.cmd.Process.Pid)
	if got := s.member(slot).pid.Load(); got != pid || h.Dead(pid) {
		t.Errorf("pid of the living = %d, Dead() = %v; want %d, false", got, h.Dead(pid), pid)
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
	s.Started(slot, gen, c.cmd.Process.Pid)
	c.ask("false <nil>", "lock")
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
	c.ask("2 0 <nil>", "reserve")
	h.Grant(2)
	h.unmark(0, s.slot)
	grand := start(t, s)
	grand.ask("<nil>", "attach 2 0")
	c.kill()
	if !h.Held(0, true) || !s.member(2).is(live) {
		t.Error("Held() = false; want true: the grandchild lives")
	}
	grand.kill()
	if h.Held(0, true) {
		t.Error("Held() = true; want false: all are dead")
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
	pid := uint32(c.cmd.Process.Pid)
	s.member(old).become(live, pid, 0)
	h.mark(0, old)
	h.u32(offLocks).Store(pid)
	c.ask("<nil>", "attach %d %d", slot, gen)
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
	c.ask("locked", "registry")
	c.kill()
	s.Bury(slot, gen, false)
	if _, _, err := s.Reserve(); err != nil {
		t.Errorf("Reserve() = %v", err)
	}
}

func TestRegistryExcludesProcessesAndGoroutines(t *testing.T) {
	s := newSpaceFor(t)
	a, _, _ := seat(t, s)
	b, _, _ := seat(t, s)
	a.tell("count")
	b.tell("count")
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
	a.want("<nil>")
	b.want("<nil>")
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
	inA.tell("count")
	inB.tell("count")
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
	inA.want("<nil>")
	inB.want("<nil>")
}

func TestWaitAsksForALookAfterItsNap(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	start := time.Now()
	for look := false; !look; {
		var err error
		if look, err = h.Wait(t.Context(), h.u32(offGrants), 0); err != nil {
			t.Fatalf("Wait() = %v", err)
		}
	}
	if d := time.Since(start); d < nap {
		t.Errorf("Wait() asks for a look after %v; want %v at least", d, nap)
	}
}
