package word

import (
	"context"
	"encoding/binary"
	"sync/atomic"
)

// part is how much of a long message goes into one frame: little enough that
// the getter copies one part out while the putter copies the next one in.
const part = 32 << 10

// whole is the longest message that Send puts into one frame.
func (r *Ring) whole() int { return min(part, len(r.Data)/4) - header }

// Send puts the message head+body, which is nil if both are, and waits while
// there is no room for it.
// A context that ends in the middle of a long message takes it back.
func (r *Ring) Send(ctx context.Context, env Env, head, body []byte) error {
	if err := lock(ctx, env, r.Put, &r.put, r.PutWaits); err != nil {
		return err
	}
	defer unlock(env, r.Put, &r.put, r.PutWaits)
	if n := len(head) + len(body); n > r.whole() {
		return r.sendLong(ctx, env, head, body, nil)
	}
	return r.putFrame(ctx, env, head, body, nilMark(head, body))
}

func nilMark(head, body []byte) uint32 {
	if head == nil && body == nil {
		return nilBit
	}
	return 0
}

// sendLong puts a message in parts. The first frame is its length. Last, if
// not nil, is called when only the last one is left and there is room for it.
func (r *Ring) sendLong(ctx context.Context, env Env, head, body []byte, last func() error) error {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(head)+len(body)))
	marks := uint32(moreBit)
	if err := r.putFrame(ctx, env, length, nil, marks); err != nil {
		return err
	}
	for whole := r.whole(); marks&moreBit != 0; {
		h := head[:min(len(head), whole)]
		b := body[:min(len(body), whole-len(h))]
		head, body = head[len(h):], body[len(b):]
		marks = moreBit | laterBit
		if len(head)+len(body) == 0 {
			marks = laterBit
		}
		if marks == laterBit && last != nil {
			if err := r.needRoom(ctx, env, frameSize(len(h)+len(b)), false); err != nil {
				return err
			}
			if err := last(); err != nil {
				return err
			}
		}
		if err := r.putFrame(ctx, env, h, b, marks); err != nil {
			return err
		}
	}
	return nil
}

// TrySend puts a message if that needs no waiting.
func (r *Ring) TrySend(env Env, head, body []byte) error {
	if !r.tryLock(env, r.Put, r.TailLow) {
		return ErrWouldBlock
	}
	defer r.Put.Unlock(env)
	size := frameSize(len(head) + len(body))
	switch {
	case !r.Getters(false):
		return ErrNoReader
	case size > uint32(len(r.Data))/2 || !r.fits(size, true):
		return ErrWouldBlock
	}
	r.publish(env, head, body, nilMark(head, body))
	return nil
}

// SendMany puts as many of n messages as there is room for, at least one, for
// which it waits. It returns how many.
func (r *Ring) SendMany(ctx context.Context, env Env, n int, msg func(i int) []byte) (int, error) {
	if err := lock(ctx, env, r.Put, &r.put, r.PutWaits); err != nil {
		return 0, err
	}
	defer unlock(env, r.Put, &r.put, r.PutWaits)
	if first := msg(0); len(first) > r.whole() {
		if err := r.sendLong(ctx, env, nil, first, nil); err != nil {
			return 0, err
		}
		return 1, nil
	} else if err := r.needRoom(ctx, env, frameSize(len(first)), true); err != nil {
		return 0, err
	}
	v := r.Head.Load()
	done := 0
	for ; done < n; done++ {
		b := msg(done)
		size := frameSize(len(b))
		if len(b) > r.whole() || !r.fitsBehind(v, r.put.other, size, true) {
			break
		}
		r.copyFrame(bytesOf(v), nil, b, nilMark(nil, b))
		v = past(v, len(b), 0)
	}
	r.publishTo(env, v)
	return done, nil
}

// putFrame waits for room and publishes a frame.
func (r *Ring) putFrame(ctx context.Context, env Env, head, body []byte, marks uint32) error {
	size := frameSize(len(head) + len(body))
	if err := r.needRoom(ctx, env, size, marks&laterBit == 0); err != nil {
		return err
	}
	r.publish(env, head, body, marks)
	return nil
}

// needRoom makes sure that there is room and someone to get what is put there.
func (r *Ring) needRoom(ctx context.Context, env Env, size uint32, begins bool) error {
	if r.fits(size, begins) && r.Getters(false) {
		return nil
	}
	return r.awaitRoom(ctx, env, size, begins)
}

func (r *Ring) awaitRoom(ctx context.Context, env Env, size uint32, begins bool) error {
	if ctx != Ended {
		r.put.wait(r.PutWaits)
	}
	return sleepUntil(ctx, env, r.Tail, r.TailLow, func(look bool) (bool, error) {
		if !r.Getters(look) {
			return false, ErrNoReader
		}
		return r.fits(size, begins), nil
	})
}

// publish copies a frame for which there is room, and makes it visible.
func (r *Ring) publish(env Env, head, body []byte, marks uint32) {
	v := r.Head.Load()
	r.copyFrame(bytesOf(v), head, body, marks)
	r.publishTo(env, past(v, len(head)+len(body), marks))
}

// publishTo makes visible what was copied up to v. If we die before, it was
// never there.
func (r *Ring) publishTo(env Env, v uint64) {
	if r.Sent != nil {
		tell(r.Sent, r.Head, v)
	}
	r.put.mine = v | sleepBit
	advance(env, r.Head, r.HeadLow, v)
}

// tell calls f with the numbers of the messages between w and v.
func tell(f func(first, n uint32), w *atomic.Uint64, v uint64) {
	was := count(w.Load())
	if n := count(v) - was; n > 0 {
		f(was+1, n)
	}
}

func (r *Ring) copyFrame(at uint32, head, body []byte, marks uint32) {
	i := at & uint32(len(r.Data)-1) // a header never wraps
	binary.LittleEndian.PutUint32(r.Data[i:], uint32(len(head)+len(body))|marks)
	if len(head) > 0 {
		r.copyIn(at+header, head)
	}
	r.copyIn(at+header+uint32(len(head)), body)
}
