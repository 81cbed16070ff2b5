//go:build unix

package space

import (
	"sync/atomic"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
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
	RLock
	Semaphore
	Cond
	Value
	Array
)

// Every object has a header, and these begin alike, so that the death of a
// member is cleared up without knowing what the object is:
//
//	0   kind
//	4   generation: counts the uses of this memory
//	8   size of the header in bytes
//	12  number of holder maps, and in bit 31 whether it is in the event log
//	16  two lock words
//	24  parameter: parties of a barrier, limit of a queue
//	28  size of each ring in bytes
//	32  state, 8 bytes: the word of an event, the state of a barrier
//	40  how often another process was given a handle
//	44  offset of the data
//	48  size of the data in bytes
//	52  number of rings
//	56  two words for the kind
//	64  holder maps: a bit for each member
//
// Behind the maps come the words of the rings, on four cache lines each: head,
// tail, put lock, get lock. Headers lie densely from the start of the segment,
// so that a few pages, touched once, serve many objects. The data, which are
// the bytes of the rings and then what the kind needs, come from its end.
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
	offData   = 44
	offBytes  = 48
	offRings  = 52
	offWords  = 56
	prefix    = 64

	inLog    = 1 << 31 // of the number of maps
	mapBytes = MaxMembers / 8

	ringHead  = 0
	ringTail  = 64
	ringPut   = 128
	ringTrips = ringPut + 8
	ringGet   = 192
	ringWords = 256
)

// Shape is what an object of a kind is made of.
type Shape struct {
	Kind     Kind
	Maps     int    // one for each role, see Handle
	Rings    int    // 0, 1 or 2
	RingSize uint32 // bytes of each, a power of two
	Data     uint32 // bytes for the kind
	Param    uint32
}

func (sh Shape) header() uint32 {
	return prefix + uint32(sh.Maps)*mapBytes + uint32(sh.Rings)*ringWords
}

// data is the size of the data, in whole cache lines. It may be more than any
// segment has.
func (sh Shape) data() uint64 {
	return (uint64(sh.Rings)*uint64(sh.RingSize) + uint64(sh.Data) + 63) &^ 63
}

// Object is a shared object in a segment.
type Object struct {
	s   *Space
	off uint32
}

func (o Object) u32(off uint32) *atomic.Uint32 { return o.s.seg.U32(o.off + off) }
func (o Object) size() uint32                  { return o.u32(offSize).Load() }
func (o Object) maps() int                     { return int(o.u32(offMaps).Load() &^ inLog) }
func (o Object) rings() int                    { return int(o.u32(offRings).Load()) }

// Kind says what the object is.
func (o Object) Kind() Kind { return Kind(o.u32(offKind).Load()) }

// Param is the parameter of the object's Shape.
func (o Object) Param() uint32 { return o.u32(offParam).Load() }

// State is the 64-bit state word, and its lower half.
func (o Object) State() (*atomic.Uint64, *atomic.Uint32) {
	w := o.s.seg.U64(o.off + offState)
	return w, shm.Low(w)
}

// Word is one of the two words that each kind uses as it likes.
func (o Object) Word(i int) *atomic.Uint32 { return o.u32(offWords + 4*uint32(i)) }

// Wide is those two words as one.
func (o Object) Wide() *atomic.Uint64 { return o.s.seg.U64(o.off + offWords) }

// Data is the object's data behind its rings.
func (o Object) Data() []byte {
	rings := uint32(o.rings()) * o.u32(offRing).Load()
	return o.s.seg.Bytes(o.u32(offData).Load()+rings, o.u32(offBytes).Load()-rings)
}

// Slot is this process's place among the members.
func (o Object) Slot() int { return o.s.slot }

// barrier is the object as a barrier, local what this process keeps of it.
func (o Object) barrier(local *word.Local) word.Barrier {
	w, low := o.State()
	return word.BarrierAt(w, low, o.Param(), local)
}

func (o Object) ringAt(i int) uint32 {
	return o.off + prefix + uint32(o.maps())*mapBytes + uint32(i)*ringWords
}

// ring is the object's i-th ring, with what this process keeps of it.
func (o Object) ring(i int) *word.Ring {
	at, seg, size := o.ringAt(i), o.s.seg, o.u32(offRing).Load()
	head, tail := seg.U64(at+ringHead), seg.U64(at+ringTail)
	r := &word.Ring{
		Head:    head,
		HeadLow: shm.Low(head),
		Tail:    tail,
		TailLow: shm.Low(tail),
		Data:    seg.Bytes(o.u32(offData).Load()+uint32(i)*size, size),
		Trips:   seg.U32(at + ringTrips),
		Limit:   o.Param(),
	}
	r.Put = word.MutexAt(seg.U32(at+ringPut), &r.PutLocal)
	r.Get = word.MutexAt(seg.U32(at+ringGet), &r.GetLocal)
	return r
}

// locks goes over the lock words of the object.
func (o Object) locks(yield func(*atomic.Uint32) bool) {
	if !yield(o.u32(offLocks)) || !yield(o.u32(offLocks+4)) {
		return
	}
	for i := range o.rings() {
		at := o.ringAt(i)
		if !yield(o.s.seg.U32(at+ringPut)) || !yield(o.s.seg.U32(at+ringGet)) {
			return
		}
	}
}

// wakeAll wakes everyone who sleeps on any word of the object, so that they
// look at the holders again. A word that is 0 has no sleepers: they set a bit
// of it first.
func (o Object) wakeAll() {
	o.wakeData()
	_, state := o.State()
	for _, w := range []*atomic.Uint32{state, o.Word(0), o.Word(1)} {
		if w.Load() != 0 {
			o.s.park.Wake(w)
		}
	}
	for w := range o.locks {
		if w.Load() != 0 {
			o.s.park.Wake(w)
		}
	}
	for i := range o.rings() {
		at := o.ringAt(i)
		for _, off := range []uint32{ringHead, ringTail} {
			if w := shm.Low(o.s.seg.U64(at + off)); word.MaySleep(w) {
				o.s.park.Wake(w)
			}
		}
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
// roles. Only the process that made a segment allocates in it.
func (s *Space) Alloc(sh Shape) (Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	header, size := sh.header(), sh.data()
	top, end := s.seg.U32(offTop).Load(), s.seg.U32(offEnd).Load()
	if top > end || uint64(end-top) < uint64(header)+size {
		return s.reuse(sh)
	}
	data := uint32(size)
	if err := s.reserve(top, header, end-data, data); err != nil {
		return Object{}, err
	}
	o := Object{s, top}
	o.init(sh, 1, end-data)
	// The others see the object with the last store, so this needs no lock.
	s.seg.U32(offEnd).Store(end - data)
	s.seg.U32(offTop).Store(top + header)
	return o, nil
}

// reserve makes sure that there is memory for a header and its data.
func (s *Space) reserve(top, header, at, data uint32) error {
	s.prepare(top + header)
	if err := s.seg.Reserve(top, header); err != nil {
		return err
	}
	return s.seg.Reserve(at, data)
}

// headerStep is how much memory for headers is prepared at once.
const headerStep = 64 << 10

// prepare has the pages of the headers up to end mapped before they are
// touched: one call for many costs a fraction of one fault each.
func (s *Space) prepare(end uint32) {
	if end <= s.prepared {
		return
	}
	from := max(s.prepared, offObjects)
	s.prepared = min(end+headerStep, s.seg.Size())
	s.seg.Populate(from, s.prepared-from)
}

// reuse finds an object of the same sizes that nobody holds any more.
func (s *Space) reuse(sh Shape) (found Object, err error) {
	err = s.locked(func() error {
		for o := range s.objects {
			if o.size() == sh.header() && uint64(o.u32(offBytes).Load()) == sh.data() && o.abandoned() {
				clear(s.seg.Bytes(o.off+prefix, o.size()-prefix))
				clear(s.seg.Bytes(o.u32(offData).Load(), uint32(sh.data())))
				o.init(sh, o.u32(offGen).Load()+1, o.u32(offData).Load())
				found = o
				return nil
			}
		}
		return ErrNoRoom
	})
	return found, err
}

func (o Object) init(sh Shape, gen, data uint32) {
	// What is used again has its size all the time: if we die in here, the
	// others still walk past it.
	o.u32(offKind).Store(0)
	clear(o.s.seg.Bytes(o.off+offMaps, prefix-offMaps))
	o.u32(offGen).Store(gen)
	o.u32(offSize).Store(sh.header())
	maps := uint32(sh.Maps)
	if eventlog.Current() != nil {
		maps |= inLog
	}
	o.u32(offMaps).Store(maps)
	o.u32(offParam).Store(sh.Param)
	o.u32(offData).Store(data)
	o.u32(offBytes).Store(uint32(sh.data()))
	o.u32(offRings).Store(uint32(sh.Rings))
	if sh.Rings > 0 {
		o.u32(offRing).Store(sh.RingSize)
	}
	for role := range sh.Kind.roles() {
		o.mark(role, o.s.slot)
	}
	o.u32(offKind).Store(uint32(sh.Kind))
}

// objects goes over the objects of the segment.
func (s *Space) objects(yield func(Object) bool) {
	top := min(s.seg.U32(offTop).Load(), s.seg.Size())
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
		for w := range o.locks {
			if pid != 0 {
				word.MutexAt(w, nil).Bury(env, pid)
			}
		}
		if o.Kind() == Queue && o.marked(QueueHolders, slot) {
			o.loseTasks(env, slot, pid)
		}
		o.giveUp(env, slot, left)
		held := false
		for m := range o.maps() {
			held = o.unmark(m, slot) || held
		}
		if held {
			o.wakeAll()
		}
	}
}
