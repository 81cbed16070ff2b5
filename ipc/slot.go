package ipc

import (
	"context"
	"fmt"
	"io"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// A slot feeds one worker after the other until the pool ends.
type slot struct {
	entry *entry
	tasks <-chan task
	ctx   context.Context // ends when the pool is terminated

	worker *worker // nil before the first task, and after a death
}

// A worker is a process with our ends of its pipes.
type worker struct {
	proc    *Process
	tasks   *Sender[chunk]
	results *Receiver[batch]
	space   *space.Space
}

func (s *slot) run() {
	defer func() { s.dismiss(s.ctx) }()
	for {
		select {
		case t, ok := <-s.tasks:
			if !ok {
				return
			}
			o := s.do(t.chunk)
			select {
			case t.done <- o:
			case <-t.gone:
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// maxHires is how often a chunk is offered to a new worker when the old one
// died before it had taken it.
const maxHires = 3

// do has the worker do a chunk.
func (s *slot) do(c chunk) outcome {
	for hires := 1; ; hires++ {
		if err := s.hire(); err != nil {
			return outcome{err: fmt.Errorf("ipc: pool: %w", err)}
		}
		b, taken, err := s.worker.ask(s.ctx, c)
		if err == nil {
			return outcome{chunk: c, batch: b}
		}
		if s.ctx.Err() != nil {
			return outcome{err: ErrTerminated}
		}
		err = s.postMortem(err)
		if taken || hires == maxHires {
			return outcome{chunk: c, lost: err}
		}
	}
}

// ask sends a chunk and waits for the answer. If there is none, taken says
// whether the worker has taken the chunk out of its pipe: if it has not,
// another one may do it without its being done twice.
func (w *worker) ask(ctx context.Context, c chunk) (b batch, taken bool, err error) {
	if err := w.tasks.Send(ctx, c); err != nil {
		return b, false, err
	}
	b, err = w.results.Recv(ctx)
	return b, w.tasks.out.Len() == 0, err
}

// postMortem frees a worker that could not be talked to, and says why: how
// it ended, if it ended by itself.
func (s *slot) postMortem(err error) error {
	p := s.worker.proc
	if err == io.EOF || err == ErrBrokenPipe {
		select {
		case <-p.Sentinel():
			err = &ExitError{Name: p.Name, Pid: p.Pid(), Code: p.code, Err: p.err}
		case <-time.After(time.Second):
		case <-s.ctx.Done():
		}
	}
	s.dismiss(ended)
	return err
}

// ended is a context that is over.
var ended = word.Ended

// hire starts a worker unless there is one that lives.
func (s *slot) hire() (err error) {
	if s.worker != nil {
		select {
		case <-s.worker.proc.Sentinel(): // it was killed while it was idle
			s.dismiss(ended)
		default:
			return nil
		}
	}
	w := new(worker)
	if w.space, err = space.New(); err != nil {
		return err
	}
	s.worker = w
	defer func() {
		if err != nil {
			s.dismiss(ended)
		}
	}()
	var ends workerEnds
	if ends.Tasks, w.tasks, err = oneWay[chunk](w.space.Alloc); err != nil {
		return err
	}
	defer ends.Tasks.Close()
	if w.results, ends.Results, err = oneWay[batch](w.space.Alloc); err != nil {
		return err
	}
	defer ends.Results.Close()
	plan := mustPlan[workerEnds](s.entry.name)
	p := newProcess(s.entry, func(e *codec.Encoder) error { return plan.Encode(e, unsafe.Pointer(&ends)) })
	p.Daemon = true
	if err := p.Start(); err != nil {
		return err
	}
	w.proc = p
	return nil
}

// dismiss lets the worker end by itself until ctx ends, then kills it, and
// frees what it had.
func (s *slot) dismiss(ctx context.Context) {
	w := s.worker
	if w == nil {
		return
	}
	s.worker = nil
	if w.tasks != nil {
		w.tasks.Close()
	}
	if w.proc != nil {
		select {
		case <-w.proc.Sentinel():
		case <-ctx.Done():
			_ = w.proc.Kill()
		}
		_ = w.proc.Join(context.Background())
	}
	if w.results != nil {
		w.results.Close()
	}
	w.space.Unpin()
}
