package ipc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The places at queues.

var queuePlaces = []place{
	{
		object: "Queue", moment: "after `Put`, the last one who could",
		seen:   "the value, then `io.EOF`",
		set:    queues(0),
		victim: func(ctx context.Context, s stage) error { return s.Queue.Put(ctx, numbered(0, short)) },
		others: func(ctx context.Context, s stage, _ way) error { return numberedUpTo(ctx, s.getter(), 1) },
		again:  queueAgain,
	},
	{
		object: "Queue", moment: "in a long `Put`", mode: asleep,
		seen:   "nothing of the value",
		set:    queues(0),
		victim: func(ctx context.Context, s stage) error { return s.Queue.Put(ctx, numbered(0, long)) },
		after:  func(ctx context.Context, s stage, _ way) error { return atEOF(ctx, s.getter()) },
		again:  queueAgain,
	},
	{
		object: "Queue", moment: "in `Put`, the queue being full", mode: asleep,
		seen: "what it had put; another `Put` goes on when there is room",
		set: func(t *testing.T) (ours, victims stage) {
			s := stage{Queue: newQueue[[]byte](t, 2)}
			// As one who has got we might get again: else nobody could, once it is dead.
			if err := queueAgain(context.Background(), s); err != nil {
				t.Fatal(err)
			}
			_, err := s.Queue.PutMany(context.Background(), [][]byte{numbered(0, short), numbered(1, short)})
			if err != nil {
				t.Fatal(err)
			}
			return shared(s)
		},
		victim: func(ctx context.Context, s stage) error { return s.Queue.Put(ctx, numbered(3, short)) },
		others: func(ctx context.Context, s stage, _ way) error { return s.Queue.Put(ctx, numbered(2, short)) },
		after: func(ctx context.Context, s stage, _ way) error {
			return getNumbered(ctx, s.Queue, 3)
		},
		again: queueAgain,
	},
	{
		object: "Queue", moment: "in `PutMany`", mode: asleep,
		seen: "those for which there was room, in their order",
		set:  queues(4),
		victim: func(ctx context.Context, s stage) error {
			var vs [][]byte
			for n := range 10 {
				vs = append(vs, numbered(n, short))
			}
			_, err := s.Queue.PutMany(ctx, vs)
			return err
		},
		after: func(ctx context.Context, s stage, _ way) error { return numberedUpTo(ctx, s.getter(), 4) },
		again: queueAgain,
	},
	{
		object: "Queue", moment: "in `Get`", mode: asleep,
		seen: "nothing: the next value goes to another one",
		set: func(t *testing.T) (ours, victims stage) {
			s, _ := queues(0)(t)
			// As one who has put we might put again: else this would be the end.
			if err := queueAgain(context.Background(), s); err != nil {
				t.Fatal(err)
			}
			return shared(s)
		},
		victim: func(ctx context.Context, s stage) error { _, err := s.Queue.Get(ctx); return err },
		others: func(ctx context.Context, s stage, _ way) error { return getNumbered(ctx, s.Queue, 1) },
		after:  func(ctx context.Context, s stage, _ way) error { return s.Queue.Put(ctx, numbered(0, short)) },
		again:  queueAgain,
	},
	{
		object: "Queue", moment: "in a long `Get`", mode: asleep,
		seen:   "that value is lost with it, also to `Join`; the next one is whole",
		set:    halfPut,
		victim: func(ctx context.Context, s stage) error { _, err := s.Queue.Get(ctx); return err },
		after: func(ctx context.Context, s stage, _ way) error {
			return inTurn(
				continueHalf,
				func() error { return getNumbered(ctx, s.Queue, 1) },
				s.Queue.TaskDone,
				func() error { return lost(1)(ctx, s, way{}) },
			)
		},
		again: queueAgain,
	},
	{
		object: "Queue", moment: "putting and getting", mode: moving,
		seen:   "all values are whole; those it had in its hands are lost",
		set:    queues(0),
		victim: func(_ context.Context, s stage) error { return circulate(s.Queue, math.MaxInt) },
		others: func(_ context.Context, s stage, _ way) error { return circulate(s.Queue, 1000) },
		again: func(ctx context.Context, s stage) error {
			for {
				b, err := s.Queue.TryGet()
				if err == ipc.ErrWouldBlock || err == io.EOF {
					return queueAgain(ctx, s)
				}
				if err = errors.Join(err, intact(b)); err != nil {
					return err
				}
			}
		},
	},
	{
		object: "Queue", moment: "with a task, before `TaskDone`",
		seen:   "`Join` returns a `LostTaskError`",
		set:    tasks,
		victim: func(ctx context.Context, s stage) error { _, err := s.Queue.Get(ctx); return err },
		others: lost(1),
		after:  lost(1),
	},
	{
		object: "Queue", moment: "after `GetMany`, before `TaskDone`",
		seen:   "the same; it counts the tasks",
		set:    tasks,
		victim: func(ctx context.Context, s stage) error { return getNumbered(ctx, s.Queue, taskCount) },
		others: lost(taskCount),
		after:  lost(taskCount),
	},
	{
		object: "Queue", moment: "not getting, the queue being full, the last one who could",
		seen:   "`ErrBrokenPipe` at `Put`",
		set:    queues(2),
		victim: func(context.Context, stage) error { return nil },
		others: func(ctx context.Context, s stage, _ way) (err error) {
			for n := 0; err == nil; n++ {
				err = s.Queue.Put(ctx, numbered(n, short))
			}
			if err != ipc.ErrBrokenPipe {
				return fmt.Errorf("Put() = %w; want ErrBrokenPipe", err)
			}
			return getNumbered(ctx, s.Queue, 2) // from now on we could get
		},
		again: queueAgain,
	},
}

func queues(size int) func(t *testing.T) (ours, victims stage) {
	return func(t *testing.T) (ours, victims stage) {
		return shared(stage{Queue: newQueue[[]byte](t, size)})
	}
}

// A getter receives from a queue.
type getter struct{ *ipc.Queue[[]byte] }

func (g getter) Recv(ctx context.Context) ([]byte, error) { return g.Get(ctx) }

func (s stage) getter() getter { return getter{s.Queue} }

// getNumbered gets values 0 to n-1, as many at a time as there are.
func getNumbered(ctx context.Context, q *ipc.Queue[[]byte], n int) error {
	for i := 0; i < n; {
		vs := make([][]byte, n-i)
		k, err := q.GetMany(ctx, vs)
		if err != nil {
			return err
		}
		for _, b := range vs[:k] {
			if !bytes.Equal(b, numbered(i, short)) {
				return fmt.Errorf("value %d is % x...", i, b[:min(len(b), 16)])
			}
			i++
		}
	}
	return nil
}

// circulate puts values and gets some, several at a time, as long as that
// needs no waiting: what the other one takes along when it dies is not waited
// for.
func circulate(q *ipc.Queue[[]byte], rounds int) error {
	vs := make([][]byte, 3)
	for n := range rounds {
		for i := range vs {
			vs[i] = numbered(n, short+n%1000*100) // up to several parts
		}
		if _, err := q.PutMany(over(), vs); err != nil && err != context.Canceled {
			return err
		}
		got, err := q.GetMany(over(), vs)
		if err == context.Canceled {
			err = nil
		}
		for _, b := range vs[:got] {
			err = errors.Join(err, intact(b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// intact checks that b is a numbered message.
func intact(b []byte) error {
	if len(b) < short || !bytes.Equal(b, numbered(int(binary.LittleEndian.Uint64(b)), len(b))) {
		return fmt.Errorf("a value of %d bytes is not whole: % x...", len(b), b[:min(len(b), 16)])
	}
	return nil
}

// queueAgain puts two values and gets them.
func queueAgain(ctx context.Context, s stage) error {
	if n := s.Queue.Len(); n != 0 {
		return fmt.Errorf("Len() = %d; want 0", n)
	}
	if err := errors.Join(s.Queue.Put(ctx, numbered(0, short)), s.Queue.TryPut(numbered(1, short))); err != nil {
		return err
	}
	return getNumbered(ctx, s.Queue, 2)
}

const taskCount = 3

// tasks makes a queue with tasks for the victim; all others are done.
func tasks(t *testing.T) (ours, victims stage) {
	s := stage{Queue: newQueue[[]byte](t, 0)}
	for n := range taskCount {
		if err := s.Queue.Put(context.Background(), numbered(n, short)); err != nil {
			t.Fatal(err)
		}
	}
	return shared(s)
}

// lost joins a queue some of whose tasks were lost; we do the others.
func lost(count int) func(context.Context, stage, way) error {
	return func(ctx context.Context, s stage, _ way) error {
		for {
			_, err := s.Queue.TryGet()
			if err == nil {
				err = s.Queue.TaskDone()
			} else if err == ipc.ErrWouldBlock || err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
		err := s.Queue.Join(ctx)
		if l, ok := errors.AsType[*ipc.LostTaskError](err); !ok || l.Tasks != count {
			return fmt.Errorf("Join() = %w; want that %d tasks are lost", err, count)
		}
		return nil
	}
}
