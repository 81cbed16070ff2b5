//go:build unix

package space

import (
	"sync/atomic"

	"github.com/mpbox/mpbox/ipc/internal/shm"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// A Kind says what an object is.
type Kind uint32

// The kinds of objects. The zero Kind is no object.
const (
	Lock Kind = iota + 1
	Event
	Barrier
	Pipe
	Queue
)

// Every object begins alike, so that the death of a member is cleared up
// without knowing what the object is:
//
//	0   kind
//	4   generation: counts the uses of this memory
//	8   size of the object in bytes
//	12  number of holder maps
//	16  two lock words
//	24  parameter: parties of a barrier, limit of a queue
//	28  size of each ring in bytes
//	32  state, 8 bytes: the word of an event, the state of a barrier
//	40  how often another process was given a handle
//	64  holder maps: a bit for each member
//
// Behind the maps come the rings, each with head and tail on cache lines of
// their own and then its bytes. A second ring's locks are in its own head.
const (
	offKind   = 0
	offGen    = 4
	offSize   = 8
	offMaps   = 12
	offLocks  = 16
	offParam  = 24
	offRing   = 28
	offState  = 32
	offGrants = 40
	prefix    = 64

	mapBytes = MaxMembers / 8

	ringHead = 0 // head (8), put lock (4)
	ringTail = 64
	ringData = 128
	ringPut  = 8
	ringGet  = ringTail + 8
)

// Shape is what an object of a kind is made of.
type Shape struct {
	Kind     Kind
	Maps     int    // one for each role, see Handle
	Rings    int    // 0, 1 or 2
	RingSize uint32 // bytes of each, a power of two
	Param    uint32
}

func (sh Shape) size() uint32 {
	n := prefix + uint32(sh.Maps)*mapBytes + uint32(sh.Rings)*(ringData+sh.RingSize)
	return (n + 63) &^ 63
}

// Object is a shared object in a segment.
type Object struct {
	s   *Space
	off uint32
}

func (o Object) u32(off uint32) *atomic.Uint32 { return o.s.seg.U32(o.off + off) }
func (o Object) kind() Kind                    { return Kind(o.u32(offKind).Load()) }
func (o Object) size() uint32                  { return o.u32(offSize).Load() }
func (o Object) maps() int                     { return int(o.u32(offMaps).Load()) }

// Param is the parameter of the object's Shape.
func (o Object) Param() uint32 { return o.u32(offParam).Load() }

// State is the 64-bit state word, and its lower half.
func (o Object) State() (*atomic.Uint64, *atomic.Uint32) {
	w := o.s.seg.U64(o.off + offState)
	return w, shm.Low(w)
}

// Mutex is the object's lock.
func (o Object) Mutex() word.Mutex { return word.MutexAt(o.u32(offLocks)) }

// Barrier is the object as a barrier.
func (o Object) Barrier() word.Barrier {
	w, low := o.State()
	return word.BarrierAt(w, low, o.Param())
}

// Event is the object as an event.
func (o Object) Event() word.Event {
	_, low := o.State()
	return word.EventAt(low)
}

// rings is how many rings the object has, by its size.
func (o Object) rings() int {
	each := o.u32(offRing).Load()
	if each == 0 {
		return 0
	}
	return int((o.size() - prefix - uint32(o.maps())*mapBytes) / (ringData + each))
}

func (o Object) ringAt(i int) uint32 {
	return o.off + prefix + uint32(o.maps())*mapBytes + uint32(i)*(ringData+o.u32(offRing).Load())
}

// Ring is the object's i-th ring.
func (o Object) Ring(i int) *word.Ring {
	at, seg := o.ringAt(i), o.s.seg
	head, tail := seg.U64(at+ringHead), seg.U64(at+ringTail)
	return &word.Ring{
		Put:     word.MutexAt(seg.U32(at + ringPut)),
		Get:     word.MutexAt(seg.U32(at + ringGet)),
		Head:    head,
		HeadLow: shm.Low(head),
		Tail:    tail,
		TailLow: shm.Low(tail),
		Data:    seg.Bytes(at+ringData, o.u32(offRing).Load()),
		Limit:   o.Param(),
	}
}

// locks are all lock words of the object.
func (o Object) locks() []*atomic.Uint32 {
	ws := []*atomic.Uint32{o.u32(offLocks)}
	for i := range o.rings() {
		at := o.ringAt(i)
		ws = append(ws, o.s.seg.U32(at+ringPut), o.s.seg.U32(at+ringGet))
	}
	return ws
}

// wakeAll wakes everyone who sleeps on any word of the object, so that they
// look at the holders again.
func (o Object) wakeAll() {
	_, state := o.State()
	o.s.park.Wake(state)
	for _, w := range o.locks() {
		o.s.park.Wake(w)
	}
	for i := range o.rings() {
		at := o.ringAt(i)
		o.s.park.Wake(shm.Low(o.s.seg.U64(at + ringHead)))
		o.s.park.Wake(shm.Low(o.s.seg.U64(at + ringTail)))
	}
}

// bit is the word of map m that has the bit of slot, and the bit.
func (o Object) bit(m, slot int) (*atomic.Uint32, uint32) {
	return o.u32(prefix + uint32(m)*mapBytes + uint32(slot/32*4)), 1 << (slot % 32)
}

func (o Object) mark(m, slot int) {
	w, b := o.bit(m, slot)
	w.Or(b)
}

// unmark clears the bit of slot in map m, and reports whether it was set.
func (o Object) unmark(m, slot int) bool {
	w, b := o.bit(m, slot)
	return w.And(^b)&b != 0
}

func (o Object) marked(m, slot int) bool {
	w, b := o.bit(m, slot)
	return w.Load()&b != 0
}

// abandoned reports whether no member holds the object.
func (o Object) abandoned() bool {
	for m := range o.maps() {
		for i := range MaxMembers / 32 {
			if w, _ := o.bit(m, 32*i); w.Load() != 0 {
				return false
			}
		}
	}
	return true
}

// roles is how many roles an object of the kind is held in; further maps
// belong to role 0.
func (k Kind) roles() int {
	if k == Pipe {
		return 2
	}
	return 1
}

// Alloc makes an object of shape sh, zeroed, held by this process in all
// roles.
func (s *Space) Alloc(sh Shape) (Object, error) {
	var o Object
	err := s.locked(func() (err error) {
		if o, err = s.alloc(sh); err != nil {
			return err
		}
		for role := range sh.Kind.roles() {
			o.mark(role, s.slot)
		}
		return nil
	})
	return o, err
}

func (s *Space) alloc(sh Shape) (Object, error) {
	size, top := sh.size(), s.seg.U32(offTop).Load()
	if shm.Size-top < size {
		return s.reuse(sh)
	}
	if err := s.seg.Reserve(top, size); err != nil {
		return Object{}, err
	}
	o := Object{s, top}
	o.init(sh, 1)
	// If we die here, the memory past top is as if never touched.
	s.seg.U32(offTop).Store(top + size)
	return o, nil
}

// reuse finds an object of the same size that nobody holds any more.
func (s *Space) reuse(sh Shape) (Object, error) {
	for o := range s.objects {
		if o.size() == sh.size() && o.abandoned() {
			clear(s.seg.Bytes(o.off+prefix, o.size()-prefix))
			o.init(sh, o.u32(offGen).Load()+1)
			return o, nil
		}
	}
	return Object{}, ErrNoRoom
}

func (o Object) init(sh Shape, gen uint32) {
	clear(o.s.seg.Bytes(o.off, prefix))
	o.u32(offGen).Store(gen)
	o.u32(offSize).Store(sh.size())
	o.u32(offMaps).Store(uint32(sh.Maps))
	o.u32(offParam).Store(sh.Param)
	if sh.Rings > 0 {
		o.u32(offRing).Store(sh.RingSize)
	}
	o.u32(offKind).Store(uint32(sh.Kind))
}

// objects goes over the objects of the segment.
func (s *Space) objects(yield func(Object) bool) {
	top := min(s.seg.U32(offTop).Load(), shm.Size)
	for off := uint32(offObjects); off+prefix <= top; {
		o := Object{s, off}
		if size := o.size(); size < prefix || size > top-off || !yield(o) {
			return
		}
		off += o.size()
	}
}

// sweep gives up all that the member in slot holds, under the registry lock:
// its locks pass on as died, its marks go, and those who wait for it look
// again. A member that did not leave by itself breaks the barriers it held.
func (s *Space) sweep(slot int, pid uint32, left bool) {
	env := &Handle{s: s}
	for o := range s.objects {
		for _, w := range o.locks() {
			if pid != 0 {
				word.MutexAt(w).Bury(env, pid)
			}
		}
		held := false
		for m := range o.maps() {
			held = o.unmark(m, slot) || held
		}
		if !held {
			continue
		}
		if o.kind() == Barrier && !left {
			o.Barrier().Abort(env)
		}
		o.wakeAll()
	}
}
