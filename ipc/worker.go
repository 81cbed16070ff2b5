package ipc

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// A chunk is a run of items that a pool hands to a worker at once, and a
// batch is the worker's answer: as many results, and which of them failed.
type chunk[A any] struct {
	First int // index in the input
	Items []A
}

type batch[R any] struct {
	First    int
	Results  []R
	Failures []failure
}

type failure struct {
	Index int // in the input
	Err   RemoteError
}

// workerEnds are a worker's ends of its two pipes.
type workerEnds[A, R any] struct {
	Tasks   *Receiver[chunk[A]]
	Results *Sender[batch[R]]
}

// work is the life of a pool's worker: chunk after chunk until the pool
// closes its pipe.
func work[A, R any](ctx context.Context, f func(context.Context, A) (R, error), ends workerEnds[A, R]) error {
	// A terminal sends Ctrl-C to every process of the group. What becomes of
	// the tasks is for the parent to decide.
	signal.Ignore(os.Interrupt)
	for {
		c, err := ends.Tasks.Recv(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ends.Results.Send(ctx, answer(ctx, f, c)); err != nil {
			return err
		}
	}
}

func answer[A, R any](ctx context.Context, f func(context.Context, A) (R, error), c chunk[A]) batch[R] {
	b := batch[R]{First: c.First, Results: make([]R, len(c.Items))}
	for i, item := range c.Items {
		r, err := guarded(ctx, f, item)
		if err != nil {
			b.Failures = append(b.Failures, failure{c.First + i, *err})
			continue
		}
		b.Results[i] = r
	}
	return b
}

// guarded runs one task. A panic costs the task and not the worker.
func guarded[A, R any](ctx context.Context, f func(context.Context, A) (R, error), item A) (r R, re *RemoteError) {
	defer func() {
		if v := recover(); v != nil {
			re = &RemoteError{Msg: fmt.Sprint("panic: ", v), Stack: stack()}
		}
	}()
	r, err := f(ctx, item)
	if err != nil {
		return r, &RemoteError{Msg: err.Error()}
	}
	return r, nil
}
