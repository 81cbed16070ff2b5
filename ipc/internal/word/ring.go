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
// a multiple of four so that no header wraps. A message bigger than half the
// ring streams through in several frames, the first of which begins with its
// length. A getter that meets a first frame
// where it wants a later one drops what it has, since its putter died or gave
// up; one that meets a later frame where it wants a first one skips it, since
// the getter that had the beginning died.
type Ring struct {
	Put, Get   Mutex
	Head, Tail *atomic.Uint64
	HeadLow    *atomic.Uint32 // the lower half of Head, for waiting
	TailLow    *atomic.Uint32
	Data       []byte // its length is a power of two
	Limit      uint32 // the most messages at a time, 0 for any number

	// DidPut and DidGet, if not nil, are called by who has put or taken a
	// message, before it gives up the lock.
	DidPut, DidGet func()

	// What a getter of this process has of a message that is not complete.
	// It is guarded by the get lock.
	msg   []byte
	begun bool
	at    uint32 // what Tail was then, in bytes
}

// The header of a frame: its length in bytes, and two marks.
const (
	moreBit  = 1 << 31 // further frames of the message follow
	laterBit = 1 << 30 // not the first frame of its message
	lenMask  = 1<<30 - 1
	header   = 4

	oneMessage = 1 << 32
)

// Peers tells whether a process is left at the other side of a ring that may
// still put (asked by getters) or get (asked by putters). With look it makes
// sure that those it knows of are alive.
type Peers func(look bool) bool

const sleepBit = 1

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

// empty reports whether there is no frame to read.
func (r *Ring) empty() bool { return bytesOf(r.Head.Load()) == bytesOf(r.Tail.Load()) }

// full reports whether another message would exceed the limit.
func (r *Ring) full() bool { return r.Limit > 0 && uint32(r.Len()) >= r.Limit }

// used is how many bytes of the ring are frames.
func (r *Ring) used() uint32 { return bytesOf(r.Head.Load()) - bytesOf(r.Tail.Load()) }

func (r *Ring) room() uint32 { return uint32(len(r.Data)) - r.used() }

// advance moves head or tail over a frame of n bytes and wakes who waits for
// it. If we die before the wake, the sleepers look again after their nap.
func advance(env Env, w *atomic.Uint64, low *atomic.Uint32, n int, marks uint32) {
	v := w.Load()
	v = uint64(count(v))<<32 | uint64(bytesOf(v)+frameSize(n))
	if marks&moreBit == 0 {
		v += oneMessage
	}
	if w.Swap(v)&sleepBit != 0 {
		env.Wake(low)
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

// sleepUntil asks ready until it says yes or gives an error, and sleeps in
// between until w changes.
func sleepUntil(ctx context.Context, env Env, w *atomic.Uint64, low *atomic.Uint32,
	ready func(look bool) (bool, error)) error {
	for look := false; ; {
		old := w.Load()
		if ok, err := ready(look); ok || err != nil {
			return err
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
