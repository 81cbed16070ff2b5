package word

import (
	"context"
	"encoding/binary"
)

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
