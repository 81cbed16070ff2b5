package word

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"
)

// consume frees the frame with header h, which makes a message whole, or not.
func (r *Ring) consume(env Env, h uint32, whole bool) {
	v := past(r.Tail.Load(), int(h&lenMask), h)
	if whole && r.Taking != nil {
		r.Taking(1)
	} else if !whole && h&moreBit == 0 && r.Skipping != nil {
		r.Skipping(1)
	}
	if whole && r.Received != nil {
		tell(r.Received, r.Tail, v)
	}
	r.get.mine = v | sleepBit
	advance(env, r.Tail, r.TailLow, v)
}

// Recv takes the next message, waiting for one, and appends it to buf or, if
// it is a long one, returns a buffer of its own. io.EOF means that the ring is
// empty and nobody is left who could put into it.
func (r *Ring) Recv(ctx context.Context, env Env, buf []byte) ([]byte, error) {
	if err := lock(ctx, env, r.Get, &r.get, r.GetWaits); err != nil {
		return nil, err
	}
	defer unlock(env, r.Get, &r.get, r.GetWaits)
	return r.take(ctx, env, buf)
}

// RecvInto is Recv that uses buf, if it is large enough, for long messages too.
// A message that another call has begun to take may still be in its own.
func (r *Ring) RecvInto(ctx context.Context, env Env, buf []byte) ([]byte, error) {
	if err := lock(ctx, env, r.Get, &r.get, r.GetWaits); err != nil {
		return nil, err
	}
	defer unlock(env, r.Get, &r.get, r.GetWaits)
	r.into = buf
	msg, err := r.take(ctx, env, buf)
	if r.into = nil; err != nil && r.begun {
		r.msg = slices.Clone(r.msg) // the buffer is the caller's again
	}
	return msg, err
}

// TryRecv takes the next message if that needs no waiting, and all of it is
// there: so not if it is longer than the ring.
func (r *Ring) TryRecv(env Env, buf []byte) ([]byte, error) {
	if !r.tryLock(env, r.Get, r.HeadLow) {
		return nil, ErrWouldBlock
	}
	defer r.Get.Unlock(env)
	msg, err := r.take(Ended, env, buf)
	if errors.Is(err, context.Canceled) {
		err = ErrWouldBlock
	}
	return msg, err
}

// RecvMany takes up to n messages that are there, and waits for the first. It
// copies each to where room says, which is given its number and its length, or
// -1 for a nil message, and returns how many it has taken.
func (r *Ring) RecvMany(ctx context.Context, env Env, n int, room func(i, size int) []byte) (int, error) {
	if err := lock(ctx, env, r.Get, &r.get, r.GetWaits); err != nil {
		return 0, err
	}
	defer unlock(env, r.Get, &r.get, r.GetWaits)
	if r.used() == 0 {
		if err := r.awaitFrame(ctx, env); err != nil {
			return 0, err
		}
	}
	v, used, done := r.Tail.Load(), min(r.used(), uint32(len(r.Data))), 0
	for !r.begun && done < n && used > 0 {
		h := r.frameAt(bytesOf(v))
		size := frameSize(int(h & lenMask))
		if h&(moreBit|laterBit) != 0 || size > used {
			break
		}
		if h&nilBit != 0 {
			room(done, -1)
		} else {
			r.copyOut(room(done, int(h&lenMask)), bytesOf(v)+header)
		}
		v, used, done = past(v, int(h&lenMask), 0), used-size, done+1
	}
	if done == 0 { // a long message, or a wild write
		msg, err := r.take(ctx, env, nil)
		if err != nil {
			return 0, err
		}
		copy(room(0, len(msg)), msg)
		return 1, nil
	}
	if r.Taking != nil {
		r.Taking(done)
	}
	if r.Received != nil {
		tell(r.Received, r.Tail, v)
	}
	// Dying before this leaves them all to the next one.
	r.get.mine = v | sleepBit
	advance(env, r.Tail, r.TailLow, v)
	return done, nil
}

// Ended is a context that is over: waiting with it gives up at once.
var Ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// take reads frames until it has a message. The caller holds the get lock.
// What it has of a message when it gives up stays for the next take.
func (r *Ring) take(ctx context.Context, env Env, buf []byte) ([]byte, error) {
	for {
		used := r.used()
		if used == 0 {
			if err := r.awaitFrame(ctx, env); err != nil {
				return nil, err
			}
			used = r.used()
		}
		h := r.frame()
		if used > uint32(len(r.Data)) || frameSize(int(h&lenMask)) > used {
			r.drop(env) // after a wild write: nothing behind it can be read
			continue
		}
		if r.begun && bytesOf(r.Tail.Load()) != r.at {
			r.msg, r.begun = nil, false // another getter has been here since
		}
		if ctx == Ended && !r.begun && h&(moreBit|laterBit) == moreBit && r.Len() == 0 {
			return nil, context.Canceled // its end is not there yet: nobody else could use the rest
		}
		msg, whole := r.join(h, buf)
		r.consume(env, h, whole)
		r.at = bytesOf(r.get.mine)
		if whole {
			return msg, nil
		}
	}
}

// drop gives up all that is in the ring, and what we remember of head, which
// may come from a wild write too.
func (r *Ring) drop(env Env) {
	head := r.Head.Load() &^ sleepBit
	if n := count(head) - count(r.Tail.Load()); n > 0 && r.Skipping != nil {
		r.Skipping(int(n))
	}
	r.get = side{waited: r.get.waited}
	r.Tail.Store(head)
	env.Wake(r.TailLow)
}

// join adds the frame at tail, whose header is h, to what there is of its
// message, and returns the message if it is whole.
func (r *Ring) join(h uint32, buf []byte) (msg []byte, whole bool) {
	switch {
	case h&(laterBit|moreBit) == 0:
		r.msg, r.begun = nil, false
		if h&nilBit != 0 {
			return nil, true
		}
		return r.appendFrame(buf, h), true
	case h&laterBit == 0:
		r.msg, r.begun = r.buffer(r.length(h)), true
	case r.begun:
		r.msg = r.appendFrame(r.msg, h)
	}
	if r.begun && h&moreBit == 0 {
		msg, r.msg, r.begun = r.msg, nil, false
		return msg, true
	}
	return nil, false
}

// Poll waits until Recv would return at once.
func (r *Ring) Poll(ctx context.Context, env Env) error {
	return r.sleepForFrame(ctx, env)
}

// stall is for how long a getter waits for the rest of a message after its
// context has ended, as long as none of it comes.
const stall = 100 * time.Millisecond

// awaitFrame waits for a frame. In the middle of a message it goes on after
// the end of its context while the putter makes progress: another getter could
// not read the rest.
func (r *Ring) awaitFrame(ctx context.Context, env Env) error {
	if ctx == Ended {
		return r.sleepForFrame(ctx, env)
	}
	r.get.wait(r.GetWaits)
	if !r.begun {
		return r.sleepForFrame(ctx, env)
	}
	grace, cancel := withGrace(ctx, stall)
	defer cancel()
	err := r.sleepForFrame(grace, env)
	if err != nil && err == grace.Err() {
		err = ctx.Err()
	}
	return err
}

func (r *Ring) sleepForFrame(ctx context.Context, env Env) error {
	return sleepUntil(ctx, env, r.Head, r.HeadLow, func(look bool) (bool, error) {
		if !r.empty() {
			return true, nil
		}
		// The last putter may have put between our look at the ring and
		// our look at the putters.
		if !r.Putters(look) && r.empty() {
			return false, io.EOF
		}
		return !r.empty(), nil
	})
}

// frame is the header of the frame at tail.
func (r *Ring) frame() uint32 { return r.frameAt(bytesOf(r.Tail.Load())) }

func (r *Ring) frameAt(at uint32) uint32 {
	return binary.LittleEndian.Uint32(r.Data[at&uint32(len(r.Data)-1):])
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

// buffer is an empty buffer for a long message.
func (r *Ring) buffer(length int) []byte {
	switch {
	case cap(r.into) >= length:
		return r.into[:0]
	case r.Make != nil:
		return r.Make(length)[:0]
	}
	return make([]byte, 0, length)
}

// maxHint bounds what a length that a wild write has spoilt can allocate.
const maxHint = 1 << 30

// appendFrame appends the bytes of the frame at tail, whose header is h. It
// leaves the frame where it is.
func (r *Ring) appendFrame(msg []byte, h uint32) []byte {
	// A header that a wild write has spoilt must not lead out of the ring.
	size := int(min(h&lenMask, uint32(len(r.Data))))
	n := len(msg)
	if msg == nil {
		msg = make([]byte, 0, size)
	}
	msg = slices.Grow(msg, size)[:n+size]
	r.copyOut(msg[n:], bytesOf(r.Tail.Load())+header)
	return msg
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
