package word

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"
)

// consume frees the frame with header h.
func (r *Ring) consume(env Env, h uint32) {
	advance(env, r.Tail, r.TailLow, int(h&lenMask), h)
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
