package ipc

import (
	"context"
	"errors"
	"math"
	"time"
)

// collect waits for a message of the worker, or until it is time to look after
// it.
func (s *slot) collect() {
	w := s.worker
	msg, err := w.results.takeInto(s.watch.context(s), w.buf)
	switch {
	case err == nil:
		if cap(msg) <= maxKept {
			w.buf = msg[:0]
		}
		s.receive(msg)
	case s.crew.ctx.Err() != nil:
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		s.check()
	default:
		s.bury(err)
	}
}

// receive takes a message, and parts from the worker if there is a reason.
func (s *slot) receive(msg []byte) {
	w := s.worker
	switch err := s.absorb(msg); {
	case err != nil:
		s.bury(err)
	case w.broken != nil:
		s.neverReady(w.broken)
	case s.watch.passed(s):
		s.bury(nil) // SIGTERM is on its way to it
	default:
		w.weigh(s.crew.recycle)
	}
}

// absorb takes what a message says.
func (s *slot) absorb(msg []byte) error {
	h, body, err := parseBatch(msg)
	if err != nil {
		return err
	}
	switch h.what {
	case sentHere:
		s.crew.more(s, true) // its setup may take long
	case sentReady:
		s.worker.started = true
		s.crew.ledger.begin(s.worker.account)
		s.crew.ready(s)
	case sentBroken:
		s.worker.broken = parseRemoteError(body)
	case sentResults, sentFailed:
		if h.count > 0 {
			s.measure(h)
		}
		if !s.worker.proven {
			s.worker.proven = true
			defer s.crew.more(s, false)
		}
		if h.what == sentResults {
			return s.settle(h.first, h.count, body)
		}
		s.settleFailed(h.first, parseRemoteError(body))
	default:
		return errBatch
	}
	return nil
}

// measure notes how long tasks take.
func (s *slot) measure(h batchHead) {
	ns := float64(h.worked) / float64(h.count)
	if s.pace > 0 {
		ns = (s.pace + ns) / 2
	}
	s.pace = max(ns, 1)
	s.crew.pace.Store(math.Float64bits(s.pace))
	index := 0
	if len(s.out) > 0 {
		index = s.out[0].job.base + s.out[0].index
	}
	s.crew.ledger.enter(s.worker.account, index, h.count, time.Duration(h.worked))
}

// settle takes count results from task first on. Some of them may have been
// taken out of the draft before.
func (s *slot) settle(first uint64, count int, body []byte) (err error) {
	for count > 0 && len(s.out) > 0 {
		b := &s.out[0]
		if first < b.first {
			n := int(min(b.first-first, uint64(count)))
			if body, err = s.crew.results.skip(body, n); err != nil {
				return err
			}
			first, count = first+uint64(n), count-n
			continue
		}
		n := min(count, b.n)
		if first > b.first {
			return errBatch
		}
		n, body, err = b.job.take(s.crew.results, b.index, n, body, TaskError{Pid: s.worker.pid()})
		s.advance(n) // what was kept before an error must not be given back
		if err != nil {
			return err
		}
		first, count = first+uint64(n), count-n
	}
	return nil
}

// fails tells b's job that its i-th task has failed.
func (s *slot) fails(b *batch, i int, e *TaskError, lost bool) {
	e.Index = b.index + i
	e.Pid = s.worker.pid()
	b.job.fails(e, lost)
}

// advance takes n tasks off out.
func (s *slot) advance(n int) {
	b := &s.out[0]
	b.index, b.first, b.n = b.index+n, b.first+uint64(n), b.n-n
	if s.count -= n; s.count == 0 {
		s.bytes = 0
	}
	if b.n == 0 {
		s.out = s.out[1:]
	}
}

func (s *slot) settleFailed(n uint64, remote *RemoteError) {
	if len(s.out) == 0 || n != s.out[0].first {
		return
	}
	e := &TaskError{Cause: CauseError, Err: remote}
	if remote.Stack != "" {
		e.Cause = CausePanic
	}
	b := s.out[0]
	s.advance(1)
	s.fails(&b, 0, s.watch.explain(n, e), false)
}

// giveBack gives all tasks from number n on back to their jobs, which the worker
// has not begun.
func (s *slot) giveBack(n uint64) {
	s.drop()
	for i := len(s.out) - 1; i >= 0; i-- {
		b := &s.out[i]
		if b.first+uint64(b.n) <= n {
			break
		}
		keep := 0
		if n > b.first {
			keep = int(n - b.first)
		}
		back := b.n - keep
		b.n = keep
		s.count -= back
		s.worker.left += back
		if keep == 0 {
			s.out = s.out[:i]
		}
		b.job.giveBack(b.index+keep, back)
	}
	if s.count == 0 {
		s.bytes = 0
	}
}

// bury frees a worker that is gone, or not to be trusted any more. The task that
// it had in its hands has failed; all others go on elsewhere.
func (s *slot) bury(err error) {
	w := s.worker
	exit := w.postMortem(s.crew.ctx, err)
	for {
		msg, err := w.results.takeInto(ended, nil)
		if err != nil || s.absorb(msg) != nil {
			break
		}
	}
	_ = s.salvage()
	blamed := len(s.out) > 0 && w.board.begun() == s.out[0].first && s.crew.ctx.Err() == nil
	if blamed {
		b := s.out[0]
		s.advance(1)
		s.giveBack(0)
		s.fails(&b, 0, s.watch.explain(b.first, newLoss(exit)), true)
	} else {
		s.giveBack(0)
	}
	s.dismiss(ended)
	switch {
	case w.broken != nil:
		s.notStarted(w.broken)
	case !w.started && !blamed:
		s.notStarted(exit)
	}
}

// newLoss is the error of a task whose worker ended as err says.
func newLoss(err error) *TaskError {
	e := &TaskError{Err: err}
	if x, ok := errors.AsType[*ExitError](err); ok {
		e.Cause, e.Stderr, e.Stacks = x.Cause, x.Stderr, x.Stacks
	}
	return e
}

// neverReady frees a worker whose setup has failed.
func (s *slot) neverReady(err error) {
	s.giveBack(0)
	s.dismiss(s.crew.ctx)
	s.notStarted(err)
}

// notStarted counts a start that has failed, and waits before the next.
func (s *slot) notStarted(err error) {
	select {
	case <-time.After(s.crew.noStart(s, err)):
	case <-s.crew.ctx.Done():
	}
}

// salvage takes the results that lie in the draft, unless there is a message.
func (s *slot) salvage() error {
	board := s.worker.board
	begun := board.begun()
	first := board.first.Load()
	if len(s.out) == 0 || begun <= s.out[0].first || first == 0 || first > s.out[0].first {
		return nil
	}
	body := append([]byte(nil), board.draft...)
	// If the draft has gone into a message meanwhile, that tells what is in it.
	// So it does if a task behind those of the draft was posted by itself.
	if s.worker.results.in.Len() > 0 || board.first.Add(0) != first {
		return nil
	}
	end := s.out[0].first
	for _, b := range s.out {
		if b.first != end {
			break // the tasks between were taken back
		}
		end += uint64(b.n)
	}
	return s.settle(first, int(min(begun, end)-first), body)
}
