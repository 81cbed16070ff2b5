package ipc

import (
	"context"
	"io"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/eventlog"
)

// workerEnds are a worker's ends of what it shares with its pool.
type workerEnds struct {
	Tasks   *Receiver[[]byte]
	Results *Sender[[]byte]
	Board   *board
	Setup   string // the name of a [Setup], or nothing
}

// quiet keeps the pipes out of the event log.
func (e *workerEnds) quiet() {
	e.Tasks.h.Quiet()
	e.Results.h.Quiet()
}

// A station does the tasks of one function in a worker.
type station[A, R any] struct {
	f             func(context.Context, A) (R, error)
	args, results strip
	orders        *orders
	tasks         *Receiver[[]byte]
	board         *board
	draft         draft

	log   *eventlog.Log // nil for none
	index uint64        // in its call: of the task that comes next, less its number

	todo  batchHead // the rest of the batch
	items []byte    // of it
}

// serve does batch after batch until the pool closes its pipe.
func (s *station[A, R]) serve(ctx context.Context) error {
	var buf []byte
	for {
		err := s.next(ctx, &buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if s.todo, s.items, err = parseBatch(buf); err != nil {
			return err
		}
		s.index = s.todo.worked - s.todo.first
		s.draft.since = time.Now()
		for s.todo.count > 0 {
			if err := s.work(); err != nil {
				return err
			}
		}
		if err := s.draft.post(); err != nil {
			return err
		}
		if cap(buf) > maxKept {
			buf = nil
		}
	}
}

// next receives the next batch.
func (s *station[A, R]) next(ctx context.Context, buf *[]byte) error {
	defer logWait(s.log, eventlog.Event{Why: eventlog.ForTask})()
	return s.tasks.RecvInto(ctx, buf)
}

// maxKept is the largest buffer that is kept for the next message.
const maxKept = 1 << 20

// work does what there is to do, on a goroutine that a task may end, or until a
// task panics.
func (s *station[A, R]) work() (err error) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		failed := &RemoteError{Msg: "the task ended its goroutine (runtime.Goexit)"}
		defer func() {
			if v := recover(); v != nil {
				failed = newRemotePanic(v)
			}
			if failed != nil {
				n := s.todo.first - 1
				s.logTask(eventlog.TaskEnd, n, true)
				err = s.draft.fail(n, failed)
			}
		}()
		err = s.doAll()
		failed = nil
	}()
	<-over
	return err
}

// doAll does what there is to do. An error is the end of the worker.
func (s *station[A, R]) doAll() error {
	for s.todo.count > 0 {
		n := s.todo.first
		item, rest, err := s.args.next(s.items)
		if err != nil {
			return err
		}
		s.todo.first, s.todo.count, s.items = n+1, s.todo.count-1, rest
		if !s.board.begin(n) {
			continue
		}
		s.logTask(eventlog.TaskBegin, n, false)
		err = s.do(n, item)
		s.logTask(eventlog.TaskEnd, n, err != nil)
		if err != nil {
			if err := s.draft.fail(n, newRemoteError(err)); err != nil {
				return err
			}
		}
	}
	return nil
}

// logTask writes that this process begins or ends task n of its worker.
func (s *station[A, R]) logTask(k eventlog.Kind, n uint64, failed bool) {
	if s.log != nil {
		s.log.Add(eventlog.Event{Kind: k, First: uint32(n + s.index), Failed: failed})
	}
}

// do does task n. Its error is the task's: what is wrong with the pipe comes out
// with the next message. Values that are plain stay on the stack.
func (s *station[A, R]) do(n uint64, item []byte) error {
	var a A
	if s.args.plain {
		a = valueAt[A](item)
	} else {
		p := new(A)
		if err := decode(s.args.plan, item, unsafe.Pointer(p)); err != nil {
			return err
		}
		a = *p
	}
	r, err := s.f(s.orders.contextFor(n), a)
	switch {
	case err != nil:
		return err
	case s.results.plain && s.results.size <= draftSize:
		putAt(s.draft.room(n, s.results.size), r)
		return nil
	}
	return s.keep(n, r)
}

// valueAt is the plain value whose memory is b, and putAt puts one there. The
// processors that there are for Go take it from any address.
func valueAt[T any](b []byte) (v T) {
	if len(b) > 0 {
		v = *(*T)(unsafe.Pointer(unsafe.SliceData(b)))
	}
	return v
}

func putAt[T any](b []byte, v T) {
	if len(b) > 0 {
		*(*T)(unsafe.Pointer(unsafe.SliceData(b))) = v
	}
}

// keep notes a result that has to be encoded.
func (s *station[A, R]) keep(n uint64, r R) error {
	b, err := s.results.append(s.draft.buf[:0], unsafe.Pointer(&r))
	if err != nil {
		return err
	}
	s.draft.add(n, b)
	if s.draft.buf = b; cap(b) > maxKept {
		s.draft.buf = nil
	}
	return nil
}

// newWork is what a worker for f does.
func newWork[A, R any](f func(context.Context, A) (R, error), args, results func() *codec.Plan) workFunc {
	return func(ctx context.Context, ends workerEnds, o *orders) error {
		s := &station[A, R]{
			log:     eventlog.Current(),
			f:       f,
			args:    newStrip(args()),
			results: newStrip(results()),
			orders:  o,
			tasks:   ends.Tasks,
			board:   ends.Board,
			draft:   draft{board: ends.Board, to: ends.Results},
		}
		return s.serve(ctx)
	}
}
