package ipc

import (
	"context"
	"io"
	"os"
	"os/signal"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// A chunk is a run of items that a pool hands to a worker at once, and a
// batch is the worker's answer: the results of those that did not fail. Items
// and results are encoded one by one, so that one that can't be decoded costs
// itself only.
type chunk struct {
	First int // index in the input
	Items [][]byte
}

type batch struct {
	Results  [][]byte // nil for an item that failed
	Failures []failure
}

type failure struct {
	Index int // in the input
	Err   RemoteError
}

// workerEnds are a worker's ends of its two pipes.
type workerEnds struct {
	Tasks   *Receiver[chunk]
	Results *Sender[batch]
}

// A taskFunc runs one task: from encoded argument to encoded result.
type taskFunc func(ctx context.Context, item []byte) ([]byte, error)

func newTaskFunc[A, R any](f func(context.Context, A) (R, error), args, results *codec.Plan) taskFunc {
	return func(ctx context.Context, item []byte) ([]byte, error) {
		var a A
		if err := decode(args, item, unsafe.Pointer(&a)); err != nil {
			return nil, err
		}
		r, err := f(ctx, a)
		if err != nil {
			return nil, err
		}
		var e codec.Encoder
		err = results.Encode(&e, unsafe.Pointer(&r))
		return e.Buf, err
	}
}

// work is the life of a pool's worker: chunk after chunk until the pool
// closes its pipe.
func work(ctx context.Context, f taskFunc, ends workerEnds) error {
	// A terminal sends Ctrl-C to every process of the group. What becomes of
	// the tasks is for the parent to decide. It is caught, not ignored: the
	// programs that tasks start would inherit that.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
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

// answer runs the tasks of a chunk. One that fails or panics costs itself and
// not the worker.
func answer(ctx context.Context, f taskFunc, c chunk) batch {
	b := batch{Results: make([][]byte, len(c.Items))}
	for i, item := range c.Items {
		failed := guarded(func() (err error) {
			b.Results[i], err = f(ctx, item)
			return err
		})
		if failed != nil {
			b.Results[i] = nil
			b.Failures = append(b.Failures, failure{c.First + i, *failed})
		}
	}
	return b
}
