package word

import (
	"context"
	"encoding/binary"
	"errors"
)

// SendAlong is Send for a message that something goes along with, by another
// way. The first four bytes of head are for a number, which counts these
// messages and tells the receiver what belongs to which. Along is asked to send
// what has that number until it says that it has: when there is room for all
// that is left of the message, since what has gone can't be taken back.
func (r *Ring) SendAlong(ctx context.Context, env Env, head, body []byte,
	along func(trip uint32) (bool, error)) error {
	if ctx == Ended {
		if !r.tryLock(env, r.Put, r.TailLow) { // it looks whether the holder is dead
			return ErrWouldBlock
		}
	} else if err := lock(ctx, env, r.Put, &r.put, r.PutWaits); err != nil {
		return err
	}
	defer unlock(env, r.Put, &r.put, r.PutWaits)
	trip := r.Trips.Add(1) // if we die from here on, it is one that never comes
	binary.LittleEndian.PutUint32(head, trip)
	goAlong := func() error { return r.goAlong(ctx, env, trip, along) }
	n := len(head) + len(body)
	if n > r.whole() {
		return r.sendLong(ctx, env, head, body, goAlong)
	}
	if err := r.needRoom(ctx, env, frameSize(n), true); err != nil {
		return err
	}
	if err := goAlong(); err != nil {
		return err
	}
	r.publish(env, head, body, 0)
	return nil
}

func (r *Ring) goAlong(ctx context.Context, env Env, trip uint32, along func(trip uint32) (bool, error)) error {
	return sleepUntil(ctx, env, r.Tail, r.TailLow, func(look bool) (bool, error) {
		if !r.Getters(look) {
			return false, ErrNoReader
		}
		ok, err := along(trip)
		if !ok && err == nil && ctx != Ended {
			r.put.wait(r.PutWaits)
		}
		return ok, err
	})
}

// RecvAlong is Recv for such messages. Under the get lock, so that it is done
// in their order, along receives what belongs to the one that was taken.
func (r *Ring) RecvAlong(ctx context.Context, env Env, along func(msg []byte)) error {
	if err := lock(ctx, env, r.Get, &r.get, r.GetWaits); err != nil {
		return err
	}
	defer unlock(env, r.Get, &r.get, r.GetWaits)
	return r.takeAlong(ctx, env, along)
}

// TryRecvAlong is RecvAlong if that needs no waiting.
func (r *Ring) TryRecvAlong(env Env, along func(msg []byte)) error {
	if !r.tryLock(env, r.Get, r.HeadLow) {
		return ErrWouldBlock
	}
	defer r.Get.Unlock(env)
	err := r.takeAlong(Ended, env, along)
	if errors.Is(err, context.Canceled) {
		err = ErrWouldBlock
	}
	return err
}

func (r *Ring) takeAlong(ctx context.Context, env Env, along func(msg []byte)) error {
	msg, err := r.take(ctx, env, nil)
	if err == nil {
		along(msg)
	}
	return err
}
