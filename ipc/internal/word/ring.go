package word

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
)

// Errors of a ring.
var (
	// ErrWouldBlock is what the Try forms give instead of waiting.
	ErrWouldBlock = errors.New("would block")
	// ErrNoReader ends a Put when Peers says that nobody is left to read.
	ErrNoReader = errors.New("no reader is left")
)

// A Ring is a queue of messages in a circle of bytes, for any number of
// putters and getters. Putters hold the put lock, getters the get lock, so at
// most one of each touches the bytes and at most one of each sleeps for them.
//
// A message is copied first, and then one store of head publishes it; it is
// copied out first, and then one store of tail consumes it. A process that is
// killed anywhere in between leaves a held lock and nothing else, and the
// lock is taken over.
//
// Head and tail are 64-bit words, so that the number of messages and the data
// change in the same store:
//
//	bits 0-31   bytes put (head) or taken (tail) so far, modulo 2^32, a multiple of 4
//	bit 0       someone may be asleep until the word changes
//	bits 32-63  messages put or taken so far, modulo 2^32
//
// Sleepers set bit 0 and wait on the lower half. Who moves the word on swaps
// in a value without the bit and wakes them if it was set: a sleeper that set
// the bit in between finds the word changed and does not go to sleep. What a
// dead sleeper leaves behind is one wake for nobody.
//
// A message is one or more frames: a 32-bit header, then the bytes, padded to
// a multiple of four so that no header wraps. A long message streams through
// in several frames, the first of which is its length. A getter that meets a
// first frame where it wants a later one drops what it has, since its putter
// died or gave up; one that meets a later frame where it wants a first one
// skips it, since the getter that had the beginning died.
type Ring struct {
	Put, Get   Mutex
	Head, Tail *atomic.Uint64
	HeadLow    *atomic.Uint32 // the lower half of Head, for waiting
	TailLow    *atomic.Uint32
	Data       []byte         // its length is a power of two
	Trips      *atomic.Uint32 // counts the messages that something goes along with
	Limit      uint32         // the most messages at a time, 0 for any number

	// Putters and Getters tell whether a process is left that may still put
	// (asked by getters) or get (asked by putters).
	Putters, Getters Peers

	// Taking, if not nil, is called by who is about to consume messages, before
	// it does; and Skipping, if nobody gets them: the getter that had the
	// beginning died, or a wild write has spoilt them.
	Taking, Skipping func(n int)

	// Sent and Received, if not nil, are called with the numbers of messages,
	// from 1 on, by who is about to make them visible, and to consume them.
	Sent, Received func(first, n uint32)

	// Make, if not nil, makes the buffers of long messages.
	Make func(length int) []byte

	// PutWaits and GetWaits, if not nil, are called with true by who begins
	// to wait, and with false before it gives up the lock in the end.
	PutWaits, GetWaits func(on bool)

	PutLocal, GetLocal Local // of the locks

	put, get side

	// What a getter of this process has of a message that is not complete.
	// It is guarded by the get lock.
	msg   []byte
	into  []byte // what the caller offers for it
	begun bool
	at    uint32 // what Tail was then, in bytes
}

// A side is what this process remembers on one side of a ring, guarded by the
// lock of that side. It has the word of the other side as it was seen last, so
// that the other's cache line is touched only when it has to be: what was free
// or full then still is, as long as nobody else has been on this side.
type side struct {
	mine   uint64 // our word as we left it, with sleepBit: 0 is none
	other  uint64 // the other side's as we saw it last
	waited bool   // the holder of the lock has said that it waits
}

// The header of a frame: its length in bytes, and three marks.
const (
	moreBit  = 1 << 31 // further frames of the message follow
	laterBit = 1 << 30 // not the first frame of its message
	nilBit   = 1 << 29 // the message is nil, and not just empty
	lenMask  = 1<<29 - 1
	header   = 4

	oneMessage = 1 << 32
)

// Peers tells whether a process is left at the other side of a ring. With
// look it makes sure that those it knows of are alive.
type Peers func(look bool) bool

const sleepBit = 1

// MaySleep reports whether someone may be asleep on low, the lower half of the
// head or the tail of a ring.
func MaySleep(low *atomic.Uint32) bool { return low.Load()&sleepBit != 0 }

func bytesOf(v uint64) uint32 { return uint32(v) &^ 3 }
func count(v uint64) uint32   { return uint32(v >> 32) }

// frameSize is what a frame of n bytes takes in the ring. A message of more
// than 32 bits is far too big for one frame, and told so.
func frameSize(n int) uint32 {
	if n > lenMask {
		return math.MaxUint32
	}
	return uint32(n+3)&^3 + header
}

// Len is the number of whole messages in the ring.
func (r *Ring) Len() int {
	for {
		tail := count(r.Tail.Load())
		n := count(r.Head.Load()) - tail
		if count(r.Tail.Load()) == tail {
			return int(n)
		}
	}
}

// Puts is how many messages were put so far, modulo 2^32.
func (r *Ring) Puts() uint32 { return count(r.Head.Load()) }

// empty reports whether there is no frame to read.
func (r *Ring) empty() bool { return bytesOf(r.Head.Load()) == bytesOf(r.Tail.Load()) }

// fits reports whether there is room for a frame of that size, of a new
// message or of one that is under way. The caller holds the put lock.
func (r *Ring) fits(size uint32, begins bool) bool {
	head := r.Head.Load() | sleepBit
	if head == r.put.mine && r.fitsBehind(head, r.put.other, size, begins) {
		return true
	}
	r.put.mine, r.put.other = head, r.Tail.Load()
	return r.fitsBehind(head, r.put.other, size, begins)
}

func (r *Ring) fitsBehind(head, tail uint64, size uint32, begins bool) bool {
	used := bytesOf(head) - bytesOf(tail)
	return uint32(len(r.Data))-used >= size &&
		(!begins || r.Limit == 0 || count(head)-count(tail) < r.Limit)
}

// used is how many bytes of frames a getter can see. It holds the get lock.
func (r *Ring) used() uint32 {
	tail := r.Tail.Load() | sleepBit
	if tail == r.get.mine && bytesOf(r.get.other) != bytesOf(tail) {
		return bytesOf(r.get.other) - bytesOf(tail)
	}
	r.get.mine, r.get.other = tail, r.Head.Load()
	return bytesOf(r.get.other) - bytesOf(tail)
}

// advance sets head or tail to v and wakes who waits for it. If we die before
// the wake, the sleepers look again after their nap.
func advance(env Env, w *atomic.Uint64, low *atomic.Uint32, v uint64) {
	if w.Swap(v)&sleepBit != 0 {
		env.Wake(low)
	}
}

// past is the word v moved over a frame of n bytes with its marks.
func past(v uint64, n int, marks uint32) uint64 {
	v = uint64(count(v))<<32 | uint64(bytesOf(v)+frameSize(n))
	if marks&moreBit == 0 {
		v += oneMessage
	}
	return v
}

// lock takes the lock of a side, and says that it waits if it has to.
func lock(ctx context.Context, env Env, m Mutex, s *side, waits func(bool)) error {
	// Whether the last holder died does not matter: a putter leaves no
	// half-published frame, and a getter its message where it was.
	if m.TryFree(env.Pid()) {
		return nil
	}
	if ok, _ := m.TryLock(env); ok {
		return nil
	}
	if ctx == Ended {
		waits = nil // it only looks
	}
	if waits != nil {
		waits(true)
	}
	_, err := m.Lock(ctx, env)
	if err == nil {
		s.waited = waits != nil
	} else if waits != nil {
		waits(false)
	}
	return err
}

func unlock(env Env, m Mutex, s *side, waits func(bool)) {
	if s.waited {
		s.waited = false
		if waits != nil {
			waits(false)
		}
	}
	m.Unlock(env)
}

// wait says that the holder of the lock is about to wait.
func (s *side) wait(waits func(bool)) {
	if !s.waited {
		s.waited = true
		if waits != nil {
			waits(true)
		}
	}
}

// tryLock takes m unless its holder sleeps on low: then there is nothing to
// do here either. A holder that is busy is done in a moment.
func (r *Ring) tryLock(env Env, m Mutex, low *atomic.Uint32) bool {
	for range tryRounds {
		if ok, _ := m.TryLock(env); ok {
			return true
		}
		if low.Load()&sleepBit != 0 {
			break
		}
	}
	// Perhaps it is not busy but dead.
	pid := m.Owner()
	if pid == 0 || !env.Dead(pid) {
		return false
	}
	m.Bury(env, pid)
	ok, _ := m.TryLock(env)
	return ok
}

const tryRounds = 1000

// sleepUntil asks ready until it says yes or gives an error, and spins, then
// sleeps in between until w changes.
func sleepUntil(ctx context.Context, env Env, w *atomic.Uint64, low *atomic.Uint32,
	ready func(look bool) (bool, error)) error {
	for spin, look := true, false; ; {
		old := w.Load()
		if ok, err := ready(look); ok || err != nil {
			return err
		}
		if spin && ctx != Ended {
			spin = env.Spin(low, uint32(old), 2)
			continue
		}
		// Only if w is what it was before ready looked may we sleep on it.
		if old&sleepBit == 0 && !w.CompareAndSwap(old, old|sleepBit) {
			continue
		}
		var err error
		if look, err = env.Wait(ctx, low, uint32(old)|sleepBit); err != nil {
			return err
		}
	}
}

func (r *Ring) copyIn(at uint32, b []byte) {
	i := at & uint32(len(r.Data)-1)
	n := copy(r.Data[i:], b)
	copy(r.Data, b[n:])
}

func (r *Ring) copyOut(b []byte, at uint32) {
	i := at & uint32(len(r.Data)-1)
	n := copy(b, r.Data[i:])
	copy(b[n:], r.Data)
}
