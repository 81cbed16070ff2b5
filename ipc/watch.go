package ipc

import (
	"context"
	"slices"
	"time"
)

// A watch is how a slot looks after the task that its worker has begun: it sees
// when that takes long, and ends it when it has to. Its times are good to a
// look, of which there is one every shortLook at first, and fewer when nothing
// happens.
type watch struct {
	begun    uint64    // the task that was begun last, as seen
	since    time.Time // when that was seen first
	stage    stage
	why      error // of the stages
	deadline time.Time
	stacks   string // of the worker, before it was ended

	look time.Duration
	ctx  context.Context // ends when it is time for a look
	stop context.CancelFunc
}

// A stage of ending a task.
type stage int

const (
	untouched  stage = iota
	cancelled        // its context has ended
	terminated       // its worker got SIGTERM
	killed
)

const (
	shortLook = 10 * time.Millisecond
	longLook  = 100 * time.Millisecond
)

// saw notes that task n was begun, not before the last look.
func (w *watch) saw(n uint64) {
	w.begun, w.since, w.look = n, time.Now(), shortLook
}

// again has the next look be soon.
func (w *watch) again() {
	w.free()
	w.ctx, w.look = nil, shortLook
}

// context is one that ends when it is time for a look, or with a poke.
func (w *watch) context(s *slot) context.Context {
	if w.ctx == nil || w.ctx.Err() != nil {
		d, t := w.look, s.crew.timeout
		switch {
		case w.stage == untouched && t == 0 && s.count == 1 && s.worker.proven && !s.crew.hasTasks():
			return s.context() // there is nothing to take back, nor to end, nor to call others to
		case w.stage > untouched && s.worker.proc == nil: // there is no next stage
		case w.stage > untouched:
			d = min(d, time.Until(w.deadline))
		case t > 0 && s.running():
			d = min(d, max(t/10, shortLook), max(time.Until(w.since.Add(t)), shortLook/10))
		case t > 0:
			d = min(d, max(t/10, shortLook))
		}
		w.free()
		w.ctx, w.stop = context.WithTimeout(s.context(), d)
	}
	return w.ctx
}

// free frees the context.
func (w *watch) free() {
	if w.stop != nil {
		w.stop()
	}
}

// check looks after the worker while it has tasks.
func (s *slot) check() {
	w, board := &s.watch, s.worker.board
	s.untilPoked() // what happens from now on is for the next look
	if err := s.salvage(); err != nil {
		s.bury(err)
		return
	}
	if w.passed(s) {
		s.bury(nil)
		return
	}
	if s.count == 0 {
		return
	}
	if n := board.begun(); n != w.begun {
		if w.stage > untouched {
			return // what became of that task is on its way
		}
		w.saw(n)
		s.crew.more(s, false)
	} else {
		s.slow()
	}
	s.drive()
}

// slow is for a task that is under way, or not begun, for a look and more.
func (s *slot) slow() {
	w := &s.watch
	w.look = min(2*w.look, longLook)
	if s.count > 1 {
		s.takeBack() // other workers may be free
	}
	if s.running() {
		s.worker.proven = true
		s.crew.more(s, true)
	}
}

// takeBack takes back what the worker has not begun.
func (s *slot) takeBack() {
	if b := s.worker.board; !b.stopped() {
		s.giveBack(b.takeBack(s.sent))
	}
}

// drive ends the task that has been begun, step by step, if it must not go on.
// Before, all others are taken back: what hits the worker hits that task only.
func (s *slot) drive() {
	w := &s.watch
	if w.stage == untouched {
		if w.why = s.reason(); w.why == nil {
			return
		}
		s.takeBack()
		if !s.running() {
			return
		}
		s.worker.cancelTask(w.begun)
		w.next(cancelled, s.crew.grace)
		return
	}
	if !s.running() || time.Now().Before(w.deadline) || s.worker.proc == nil {
		return
	}
	switch w.stage {
	case cancelled:
		w.stacks = s.worker.stacks()
		_ = s.worker.proc.Terminate()
		w.next(terminated, s.crew.grace)
	case terminated:
		_ = s.worker.proc.Kill()
		w.next(killed, time.Hour)
	}
}

func (w *watch) next(st stage, d time.Duration) {
	w.stage, w.deadline, w.look = st, time.Now().Add(d), shortLook
}

// reason says why the task under way must end, nil if it need not.
func (s *slot) reason() error {
	if slices.ContainsFunc(s.out, func(b batch) bool { return b.job.stopped() != nil }) {
		s.takeBack() // also those that are only behind it
		if len(s.out) > 0 {
			if err := s.out[0].job.stopped(); err != nil {
				return err
			}
		}
	}
	if t := s.crew.timeout; t > 0 && s.running() && time.Since(s.watch.since) >= t {
		return ErrTimeout
	}
	return nil
}

// running reports whether the worker has begun the first task of out.
func (s *slot) running() bool {
	return len(s.out) > 0 && s.worker.board.begun() == s.out[0].first
}

// passed reports whether the worker has got past a task for which it is being
// ended by now. If it was told to hurry only, it may go on.
func (w *watch) passed(s *slot) bool {
	if w.stage == untouched || s.running() && s.out[0].first == w.begun {
		return false
	}
	if s.worker.results.in.Len() > 0 {
		return false // it says what has become of the task: first things first
	}
	late := w.stage > cancelled
	w.stage = untouched
	return late
}

// explain adds to the error of task n why it was ended.
func (w *watch) explain(n uint64, e *TaskError) *TaskError {
	if w.stage == untouched || n != w.begun {
		return e
	}
	e.Cause, e.Err = CauseCancelled, &endedError{w.why, e.Err}
	if w.why == ErrTimeout {
		e.Cause = CauseTimeout
	}
	if e.Stacks == "" {
		e.Stacks = w.stacks
	}
	return e
}
