package word

import (
	"context"
	"errors"
)

// SendAlong is Send for a message that something goes along with, by another
// way. Under the put lock, before the message, along is asked to send it until
// it says that it has; what it is given counts these messages, and tells the
// receiver what belongs to which. Head is asked for afterwards.
func (r *Ring) SendAlong(ctx context.Context, env Env, head func(trip uint32) []byte, body []byte,
	along func(trip uint32) (bool, error)) error {
	if err := lock(ctx, env, r.Put, &r.put, r.PutWaits); err != nil {
		return err
	}
	defer unlock(env, r.Put, &r.put, r.PutWaits)
	trip := r.Trips.Add(1) // if we die from here on, it is one that never comes
	err := sleepUntil(ctx, env, r.Tail, r.TailLow, func(look bool) (bool, error) {
		if !r.Getters(look) {
			return false, ErrNoReader
		}
		ok, err := along(trip)
		if !ok && err == nil {
			r.put.wait(r.PutWaits)
		}
		return ok, err
	})
	if err != nil {
		return err
	}
	h := head(trip)
	if n := len(h) + len(body); n > r.whole() {
		return r.sendLong(ctx, env, h, body)
	}
	return r.putFrame(ctx, env, h, body, 0)
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
