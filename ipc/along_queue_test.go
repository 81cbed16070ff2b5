package ipc_test

import (
	"context"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

type never struct {
	In    *ipc.Receiver[*ipc.Sender[string]]
	Ready *ipc.Sender[bool]
}

// neverTake never takes what it is sent.
func neverTake(ctx context.Context, a never) error {
	err := a.Ready.Send(ctx, true)
	<-ctx.Done()
	return err
}

var neverTakeTarget = ipc.NewTarget(neverTake)

func TestHandlesTravelThroughQueues(t *testing.T) {
	ctx := guard(t)
	needMessages(t)
	q := newQueue[luggage](t, 3)
	var locks []*ipc.Lock
	for range 3 {
		locks = append(locks, newLock(t))
	}
	if n, err := q.PutMany(ctx, []luggage{{Lock: locks[0]}, {Lock: locks[1]}}); n != 2 || err != nil {
		t.Errorf("PutMany() = %d, %v", n, err)
	}
	if err := q.TryPut(luggage{Lock: locks[2]}); err != nil {
		t.Errorf("TryPut() = %v", err)
	}
	if err := q.TryPut(luggage{Lock: locks[2]}); err != ipc.ErrWouldBlock {
		t.Errorf("TryPut() to a full queue = %v", err)
	}
	a := ok(q.Get(ctx))(t)
	b := ok(q.TryGet())(t)
	c := make([]luggage, 2)
	if n, err := q.GetMany(ctx, c); n != 1 || err != nil {
		t.Errorf("GetMany() = %d, %v", n, err)
	}
	if _, err := q.TryGet(); err != ipc.ErrWouldBlock {
		t.Errorf("TryGet() from an empty queue = %v", err)
	}
	for i, l := range []*ipc.Lock{a.Lock, b.Lock, c[0].Lock} {
		if err := l.Acquire(ctx); err != nil {
			t.Error(err)
		}
		if err := locks[i].TryAcquire(); err != ipc.ErrWouldBlock {
			t.Errorf("lock %d is another one", i)
		}
		l.Release()
	}
}
