//go:build unix

package space

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/shm"
)

// Headers lie one behind the other, data come from the end, and nothing of one
// object is another's.
func TestObjectsHaveTheirOwnMemory(t *testing.T) {
	s := newSpaceFor(t)
	var all []Object
	var memory [][]byte
	shapes := []Shape{lockShape, barrierShape, pipeShape, queueShape, lockShape,
		{Kind: Value, Maps: 1, Data: 1}, {Kind: Array, Maps: 1, Data: 1000}, pipeShape}
	top, end := uint32(offObjects), s.seg.Size()
	for _, sh := range shapes {
		o := alloc(t, s, sh)
		if o.off != top || o.Kind() != sh.Kind || o.maps() != sh.Maps || o.Param() != sh.Param || o.rings() != sh.Rings {
			t.Errorf("object at %d of kind %d with %d maps, %d rings; want %+v at %d",
				o.off, o.Kind(), o.maps(), o.rings(), sh, top)
		}
		top, end = top+sh.header(), end-uint32(sh.data())
		if a, b := s.seg.U32(offTop).Load(), s.seg.U32(offEnd).Load(); a != top || b != end {
			t.Errorf("headers end at %d, data begin at %d; want %d, %d", a, b, top, end)
		}
		for i := range sh.Rings {
			r := o.ring(i)
			if len(r.Data) != int(sh.RingSize) || r.Len() != 0 {
				t.Errorf("ring %d has %d bytes, Len() %d", i, len(r.Data), r.Len())
			}
			memory = append(memory, r.Data)
		}
		data := o.Data()
		if len(data) < int(sh.Data) || len(data) >= int(sh.Data)+64 {
			t.Errorf("Data() of %+v has %d bytes", sh, len(data))
		}
		all, memory = append(all, o), append(memory, data)
	}
	for i, b := range memory {
		for j := range b {
			b[j] = byte(i + 1)
		}
	}
	for i, b := range memory {
		if n := bytes.Count(b, []byte{byte(i + 1)}); n != len(b) {
			t.Errorf("%d of the %d bytes of memory %d are another's, too", len(b)-n, len(b), i)
		}
	}
	n := 0
	for o := range s.objects {
		if n == len(all) || o != all[n] || o.Kind() != shapes[n].Kind {
			t.Fatalf("object %d is of kind %d, at %d", n, o.Kind(), o.off)
		}
		n++
	}
	if n != len(all) {
		t.Errorf("objects() gives %d; want %d", n, len(all))
	}
}

func TestAllocEndsWithTheSegment(t *testing.T) {
	s := newSpaceFor(t)
	if all := fill(t, s, bigShape); len(all) != 3 {
		t.Errorf("%d objects of 8 MiB; want 3", len(all))
	}
	for _, sh := range []Shape{
		{Kind: Queue, Maps: QueueMaps, Rings: 1, RingSize: 64 << 20},
		{Kind: Array, Maps: 1, Data: 1<<32 - 1},
		{Kind: Array, Maps: 1, Data: 1<<32 - 65},
		{Kind: Pipe, Maps: 2, Rings: 2, RingSize: 1 << 31},
	} {
		if _, err := s.Alloc(sh); err != ErrNoRoom {
			t.Errorf("Alloc(%+v) = %v; want ErrNoRoom", sh, err)
		}
		if n := SizeFor(sh); n < uint64(sh.Data)+uint64(sh.Rings)*uint64(sh.RingSize) {
			t.Errorf("SizeFor(%+v) = %d", sh, n)
		}
	}
	alloc(t, s, lockShape) // there is room for less
}

// Headers and data grow towards each other until they meet.
func TestAllocFillsTheSegmentToTheLastByte(t *testing.T) {
	s := newSizedFor(t, 1<<16)
	sh := Shape{Kind: Array, Maps: 1, Data: 4096}
	all := fill(t, s, sh)
	room := s.seg.U32(offEnd).Load() - s.seg.U32(offTop).Load()
	if room > s.seg.Size() || uint64(room) >= uint64(sh.header())+sh.data() {
		t.Fatalf("%d bytes are left behind %d objects of %d", room, len(all), uint64(sh.header())+sh.data())
	}
	last := Shape{Kind: Array, Maps: 1, Data: room - sh.header()}
	if more := (Shape{Kind: Array, Maps: 1, Data: last.Data + 1}); more.data() > last.data() {
		if _, err := s.Alloc(more); err != ErrNoRoom {
			t.Errorf("Alloc() of one byte too many = %v; want ErrNoRoom", err)
		}
	}
	o := alloc(t, s, last)
	for i := range o.Data() {
		o.Data()[i] = 0xff
	}
	if a, b := s.seg.U32(offTop).Load(), s.seg.U32(offEnd).Load(); a != b || o.Kind() != Array || o.maps() != 1 {
		t.Errorf("headers end at %d and data begin at %d, kind %d, %d maps", a, b, o.Kind(), o.maps())
	}
	if _, err := s.Alloc(lockShape); err != ErrNoRoom {
		t.Errorf("Alloc() in a full segment = %v; want ErrNoRoom", err)
	}
}

func TestSizeForIsEnoughAndNoMore(t *testing.T) {
	for _, sh := range []Shape{lockShape, pipeShape, queueShape, bigShape, {Kind: Array, Maps: 1, Data: 5 << 20}} {
		s := newSizedFor(t, uint32(SizeFor(sh)))
		alloc(t, s, sh)
		if n := uint64(s.seg.Size()) - SizeFor(sh); n >= 64<<10 {
			t.Errorf("SizeFor(%+v) leaves %d bytes; want less than the unit of sizes", sh, n)
		}
	}
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

// Its memory may be used again, and the process killed, while the others walk
// over the objects to clear up after it: they must not stop there.
func TestWalkGoesOnPastObjectThatIsMadeAnew(t *testing.T) {
	s := newSizedFor(t, 1<<16)
	first := alloc(t, s, lockShape)
	alloc(t, s, lockShape)
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for gen := uint32(2); !stop.Load(); gen++ {
			first.init(lockShape, gen, first.u32(offData).Load())
		}
	})
	for range 200000 {
		n := 0
		for range s.objects {
			n++
		}
		if n != 2 {
			t.Errorf("a walk over 2 objects found %d", n)
			break
		}
	}
	stop.Store(true)
	wg.Wait()
}

func TestAllocGivesNoObjectTwice(t *testing.T) {
	s := newSpaceFor(t)
	sh := Shape{Kind: Queue, Maps: QueueMaps, Rings: 1, RingSize: 4 << 20, Data: QueueData}
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
	fill(t, s, Shape{Kind: Pipe, Maps: 2, Rings: 1, RingSize: 1 << 16})
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
