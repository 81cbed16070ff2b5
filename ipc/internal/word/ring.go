package word

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"sync/atomic"
	"time"
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

// Send puts msg as one message and waits while there is no room for it.
// A context that ends in the middle of a long message takes it back.
func (r *Ring) Send(ctx context.Context, env Env, peers Peers, msg []byte) error {
	if _, err := r.Put.Lock(ctx, env); err != nil {
		return err // a putter that died left no half-published frame
	}
	defer r.Put.Unlock(env)
	whole := uint32(len(r.Data)) / 2
	if frameSize(len(msg)) <= whole {
		return r.putFrame(ctx, env, peers, msg, 0)
	}
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(msg)))
	if err := r.putFrame(ctx, env, peers, length, moreBit); err != nil {
		return err
	}
	for part := int(whole/2) - header; len(msg) > part; msg = msg[part:] {
		if err := r.putFrame(ctx, env, peers, msg[:part], moreBit|laterBit); err != nil {
			return err
		}
	}
	return r.putFrame(ctx, env, peers, msg, laterBit)
}

// TrySend puts msg if that needs no waiting.
func (r *Ring) TrySend(env Env, peers Peers, msg []byte) error {
	if !r.tryLock(env, r.Put, r.TailLow) {
		return ErrWouldBlock
	}
	defer r.Put.Unlock(env)
	need := frameSize(len(msg))
	switch {
	case !peers(false):
		return ErrNoReader
	case need > uint32(len(r.Data))/2 || r.full() || r.room() < need:
		return ErrWouldBlock
	}
	r.publish(env, msg, 0)
	return nil
}

func (r *Ring) putFrame(ctx context.Context, env Env, peers Peers, part []byte, marks uint32) error {
	need := frameSize(len(part))
	err := sleepUntil(ctx, env, r.Tail, r.TailLow, func(look bool) (bool, error) {
		if !peers(look) {
			return false, ErrNoReader
		}
		return r.room() >= need && (marks&laterBit != 0 || !r.full()), nil
	})
	if err != nil {
		return err
	}
	r.publish(env, part, marks)
	if marks&moreBit == 0 && r.DidPut != nil {
		r.DidPut()
	}
	return nil
}

// publish copies a frame for which there is room, and makes it visible.
func (r *Ring) publish(env Env, part []byte, marks uint32) {
	v := r.Head.Load()
	at := bytesOf(v)
	var h [header]byte
	binary.LittleEndian.PutUint32(h[:], uint32(len(part))|marks)
	r.copyIn(at, h[:])
	r.copyIn(at+header, part)
	// If we die here, the frame was never there.
	advance(env, r.Head, r.HeadLow, len(part), marks)
}

// consume frees the frame with header h.
func (r *Ring) consume(env Env, h uint32) {
	advance(env, r.Tail, r.TailLow, int(h&lenMask), h)
}

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

// Recv takes the next message, waiting for one. io.EOF means that the ring is
// empty and nobody is left who could put into it.
func (r *Ring) Recv(ctx context.Context, env Env, peers Peers) ([]byte, error) {
	if _, err := r.Get.Lock(ctx, env); err != nil {
		return nil, err // a getter that died left its message where it was
	}
	defer r.Get.Unlock(env)
	return r.take(ctx, env, peers)
}

// TryRecv takes the next message if that needs no waiting.
func (r *Ring) TryRecv(env Env, peers Peers) ([]byte, error) {
	if !r.tryLock(env, r.Get, r.HeadLow) {
		return nil, ErrWouldBlock
	}
	defer r.Get.Unlock(env)
	msg, err := r.take(ended, env, peers)
	if errors.Is(err, context.Canceled) {
		err = ErrWouldBlock
	}
	return msg, err
}

// ended is a context that is over: waiting with it gives up at once.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// take reads frames until it has a message. The caller holds the get lock.
// What it has of a message when it gives up stays for the next take.
func (r *Ring) take(ctx context.Context, env Env, peers Peers) ([]byte, error) {
	for {
		if err := r.awaitFrame(ctx, env, peers); err != nil {
			return nil, err
		}
		h := r.frame()
		if r.used() > uint32(len(r.Data)) || frameSize(int(h&lenMask)) > r.used() {
			// A wild write: nothing behind it can be read.
			r.Tail.Store(r.Head.Load() &^ sleepBit)
			env.Wake(r.TailLow)
			continue
		}
		if r.begun && bytesOf(r.Tail.Load()) != r.at {
			r.msg, r.begun = nil, false // another getter has been here since
		}
		switch {
		case h&laterBit == 0 && h&moreBit == 0:
			r.msg, r.begun = r.appendFrame(nil, h), true
		case h&laterBit == 0:
			r.msg, r.begun = make([]byte, 0, r.length(h)), true
		case r.begun:
			r.msg = r.appendFrame(r.msg, h)
		}
		r.consume(env, h)
		r.at = bytesOf(r.Tail.Load())
		if r.begun && h&moreBit == 0 {
			msg := r.msg
			r.msg, r.begun = nil, false
			if r.DidGet != nil {
				r.DidGet()
			}
			return msg, nil
		}
	}
}

// Poll waits until Recv would return at once.
func (r *Ring) Poll(ctx context.Context, env Env, peers Peers) error {
	return r.sleepForFrame(ctx, env, peers)
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

// stall is for how long a getter waits for the rest of a message after its
// context has ended, as long as none of it comes.
const stall = 100 * time.Millisecond

// awaitFrame waits for a frame. In the middle of a message it goes on after
// the end of its context while the putter makes progress: another getter could
// not read the rest.
func (r *Ring) awaitFrame(ctx context.Context, env Env, peers Peers) error {
	if !r.begun || ctx == ended {
		return r.sleepForFrame(ctx, env, peers)
	}
	grace, cancel := withGrace(ctx, stall)
	defer cancel()
	err := r.sleepForFrame(grace, env, peers)
	if err != nil && err == grace.Err() {
		err = ctx.Err()
	}
	return err
}

func (r *Ring) sleepForFrame(ctx context.Context, env Env, peers Peers) error {
	return sleepUntil(ctx, env, r.Head, r.HeadLow, func(look bool) (bool, error) {
		if !r.empty() {
			return true, nil
		}
		// The last putter may have put between our look at the ring and
		// our look at the putters.
		if !peers(look) && r.empty() {
			return false, io.EOF
		}
		return !r.empty(), nil
	})
}

// frame is the header of the frame at tail.
func (r *Ring) frame() uint32 {
	var h [header]byte
	r.copyOut(h[:], bytesOf(r.Tail.Load()))
	return binary.LittleEndian.Uint32(h[:])
}

// length is the length of the message that begins with the frame at tail, as
// a hint: what really comes is what counts.
func (r *Ring) length(h uint32) int {
	b := r.appendFrame(nil, h)
	if len(b) != 8 {
		return 0
	}
	return int(min(binary.LittleEndian.Uint64(b), maxHint))
}

// maxHint bounds what a length that a wild write has spoilt can allocate.
const maxHint = 1 << 30

// appendFrame appends the bytes of the frame at tail, whose header is h. It
// leaves the frame where it is.
func (r *Ring) appendFrame(msg []byte, h uint32) []byte {
	// A header that a wild write has spoilt must not lead out of the ring.
	size := int(min(h&lenMask, uint32(len(r.Data))))
	n := len(msg)
	msg = slices.Grow(msg, size)[:n+size]
	r.copyOut(msg[n:], bytesOf(r.Tail.Load())+header)
	return msg
}

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

// withGrace is a context that ends d after ctx.
func withGrace(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if ctx.Done() == nil {
		return ctx, func() {}
	}
	grace, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-grace.Done():
		}
	})
	return grace, func() { stop(); cancel() }
}
