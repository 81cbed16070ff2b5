package ipc

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// A worker is a process with our ends of what it shares with us. Without a
// process it is a goroutine.
type worker struct {
	proc    *Process
	orders  *orders // of a goroutine
	ended   <-chan struct{}
	tasks   *Sender[[]byte]
	results *Receiver[[]byte]
	board   *board
	space   *space.Space
	buf     []byte
	left    int   // how many tasks it may still have
	started bool  // it is set up
	proven  bool  // it has done a task, or is at it for a while
	broken  error // it can't be
	weighed time.Time
	account *account
	lines   []*Lines // what it writes
}

// ended is a context that is over.
var ended = word.Ended

// hire starts a worker. It reports false if that did not work.
func (s *slot) hire() bool {
	w := &worker{left: s.crew.workerLife()}
	err := w.start(s.crew)
	if err == nil {
		s.worker, s.sent = w, 1
		w.account = s.crew.ledger.open(w.name(), w.pid())
		s.watch = watch{}
		return true
	}
	w.free()
	s.drop()
	s.notStarted(err)
	return false
}

// workerLife is how many tasks a new worker may have. Workers that start
// together do not end together.
func (c *crew) workerLife() int {
	if c.lifetime == 0 {
		return math.MaxInt
	}
	return c.lifetime - rand.IntN(c.lifetime/8+1)
}

func (w *worker) start(c *crew) (err error) {
	if w.space, err = space.New(); err != nil {
		return err
	}
	var ends workerEnds
	if ends.Tasks, w.tasks, err = oneWay[[]byte](w.space.Alloc); err != nil {
		return err
	}
	defer func() {
		if w.orders == nil {
			ends.Tasks.Close()
		}
	}()
	if w.results, ends.Results, err = oneWay[[]byte](w.space.Alloc); err != nil {
		return err
	}
	defer func() {
		if w.orders == nil {
			ends.Results.Close()
		}
	}()
	ends.quiet()
	w.tasks.h.Quiet()
	w.results.h.Quiet()
	if w.board, err = newBoard(w.space.Alloc); err != nil {
		return err
	}
	w.board.cursor.Store(1)
	ends.Board = w.board
	if c.setup.entry != nil {
		ends.Setup = c.setup.entry.name
	}
	if c.inline {
		w.inline(c, ends)
		return nil
	}
	p := newProcess(c.entry, func(e *codec.Encoder) error { return encodeWorker(e, &ends, c.setup) })
	w.equip(c, p)
	if err := p.Start(); err != nil {
		return err
	}
	w.proc, w.ended = p, p.Sentinel()
	return nil
}

// equip sets the fields of the worker's process.
func (w *worker) equip(c *crew, p *Process) {
	if c.stdout != nil {
		w.lines = append(w.lines, NewLines(c.stdout, p.Name+": "))
		p.Stdout = w.lines[0]
	}
	if c.stderr != nil {
		lines := NewLines(c.stderr, p.Name+": ")
		w.lines = append(w.lines, lines)
		p.Stderr = lines
	}
	p.Daemon, p.Group, p.Grace = true, true, c.grace
	p.keepStderr = true
	p.Limits = c.limits
	if p.Limits.Procs == 0 {
		p.Limits.Procs = max(1, CPUs()/c.size)
	}
}

// inline has a goroutine of this process do the tasks.
func (w *worker) inline(c *crew, ends workerEnds) {
	ended := make(chan struct{})
	w.ended = ended
	ctx, cancel := context.WithCancel(c.ctx)
	w.orders = newOrders(ctx, w.board)
	go func() {
		defer close(ended)
		defer ends.Tasks.Close()
		defer ends.Results.Close()
		defer cancel()
		_ = setUp(ctx, ends, c.setup.direct, w.orders, c.entry.work)
	}()
}

func (w *worker) hasEnded() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

func (w *worker) name() string {
	if w.proc == nil {
		return "inline"
	}
	return w.proc.Name
}

func (w *worker) pid() int {
	if w.proc == nil {
		return os.Getpid()
	}
	return w.proc.Pid()
}

// cancelTask ends the context of a task.
func (w *worker) cancelTask(n uint64) {
	if w.proc == nil {
		w.orders.cancelTask(n)
		return
	}
	_ = w.proc.cancelTask(n) // if it can't be told, SIGTERM will
}

// stacks are those of the worker's goroutines, if it gives them.
func (w *worker) stacks() string {
	const most = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	stacks, _ := w.proc.Stacks(ctx)
	return stacks
}

// postMortem ends a worker that could not be talked to, and says how it ended,
// if it did by itself.
func (w *worker) postMortem(ctx context.Context, err error) error {
	if w.proc == nil {
		return err
	}
	if err == io.EOF || err == ErrBrokenPipe {
		select {
		case <-w.proc.Sentinel():
			err = nil
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	_ = w.proc.Kill()
	_ = w.proc.Join(context.Background())
	if err != nil {
		return err
	}
	if err := w.proc.exitError(); err != nil {
		return err
	}
	w.proc.mu.Lock()
	defer w.proc.mu.Unlock()
	e := &ExitError{Name: w.proc.Name, Pid: w.proc.pid}
	w.proc.explain(e)
	e.Cause = CauseExit // a task has called os.Exit(0)
	return e
}

// weigh has a worker end after what it has, if it has grown beyond most.
func (w *worker) weigh(most int64) {
	const often = 100 * time.Millisecond
	if most == 0 || w.proc == nil || time.Since(w.weighed) < often {
		return
	}
	w.weighed = time.Now()
	if r := openResident(w.pid()); r != nil {
		if r.read() > most {
			w.left = -1 << 30 // tasks that are taken back from it make no difference
		}
		r.close()
	}
}

// dismiss lets the worker end by itself until ctx ends, then kills it, and
// frees what it had.
func (s *slot) dismiss(ctx context.Context) {
	s.watch.free()
	s.watch.ctx = nil
	w := s.worker
	if w == nil {
		return
	}
	s.worker = nil
	w.tasks.Close()
	if !w.started && w.broken == nil && w.proc != nil && s.crew.setup.entry == nil {
		_ = w.proc.Kill() // nobody waits for it to be there
	}
	select {
	case <-w.ended:
	case <-ctx.Done():
		if w.proc != nil {
			_ = w.proc.Kill()
		}
	}
	if w.proc != nil {
		_ = w.proc.Join(context.Background())
	} else {
		<-w.ended
	}
	s.crew.ledger.end(w.account)
	if w.started {
		s.crew.down()
	}
	w.free()
}

// free frees the memory that is shared with the worker.
func (w *worker) free() {
	if w.tasks != nil {
		w.tasks.Close()
	}
	if w.results != nil {
		w.results.Close()
	}
	if w.board != nil {
		w.board.h.Close()
	}
	if w.space != nil {
		w.space.Unpin()
	}
	for _, l := range w.lines {
		_ = l.Close()
	}
}
