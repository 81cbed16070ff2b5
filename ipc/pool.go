package ipc

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
)

// A Pool runs a function on many values in a number of worker processes,
// which it starts with the first task and uses again. Use [NewPool]; the zero
// value does not work. Several goroutines may use it. It must not be copied.
//
//	Map ── chunks ──► tasks ──► slot 1 ── pipe ──► worker process 1
//	 ▲                     └──► slot 2 ── pipe ──► worker process 2
//	 └────── results ◄────────── slots ◄── pipe ──┘
//
// Each worker has a pipe pair and a segment of its own, so that a worker that
// dies holds nothing that another one needs. A slot is the goroutine that
// feeds one worker and starts the next one if it dies; the tasks that a
// worker had in its hands then fail, and only those. Workers are daemons:
// they end with this process, however it ends. In Python:
// multiprocessing.Pool.
type Pool[A, R any] struct {
	// ChunkSize is how many items go to a worker at once; 0 means a quarter
	// of an even share. To be set before the first task.
	ChunkSize int

	entry   *entry
	workers int
	tasks   chan task[A, R]
	quit    context.CancelFunc // ends the waits of the slots
	ctx     context.Context
	slots   sync.WaitGroup

	mu      sync.Mutex
	started bool
	closed  bool
	senders sync.WaitGroup // Maps that may still put into tasks
}

// ErrTerminated is what unfinished tasks end with when their pool is
// terminated.
var ErrTerminated = errors.New("ipc: pool was terminated")

// task is a chunk with the way back to its Map.
type task[A, R any] struct {
	chunk chunk[A]
	done  chan<- outcome[R]
}

type outcome[R any] struct {
	batch batch[R]
	err   error
}

// NewPool makes a pool of that many workers for f. It panics if workers is
// less than 1.
func NewPool[A, R any](f Func[A, R], workers int) *Pool[A, R] {
	if f.entry == nil {
		panic("ipc: zero Func")
	}
	if workers < 1 {
		panic("ipc: a pool has at least 1 worker, not " + strconv.Itoa(workers))
	}
	ctx, quit := context.WithCancel(context.Background())
	return &Pool[A, R]{
		entry:   f.entry,
		workers: workers,
		tasks:   make(chan task[A, R]),
		ctx:     ctx,
		quit:    quit,
	}
}

// enter starts the slots and keeps the pool from closing its task channel
// until the caller is done with it (senders.Done).
func (p *Pool[A, R]) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if p.ChunkSize < 0 {
		panic("ipc: ChunkSize is negative")
	}
	p.senders.Add(1)
	if !p.started {
		p.started = true
		for range p.workers {
			p.slots.Go(p.slot)
		}
	}
	return nil
}

// Map runs the function on each item and returns the results in the order of
// the items. It returns ctx.Err() if ctx ends first, what is under way then
// going on unseen, and ErrClosed after Close.
//
// If a task fails Map returns a [*TaskError], that of the lowest index among
// the tasks that were tried; no new ones are handed out after the first.
func (p *Pool[A, R]) Map(ctx context.Context, items []A) ([]R, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.senders.Done()
	m := &mapping[A, R]{
		pool:    p,
		items:   items,
		results: make([]R, len(items)),
		size:    p.chunkSize(len(items)),
		done:    make(chan outcome[R], p.workers),
	}
	return m.run(ctx)
}

func (p *Pool[A, R]) chunkSize(n int) int {
	if p.ChunkSize > 0 {
		return p.ChunkSize
	}
	share := 4 * p.workers
	return max(1, (n+share-1)/share)
}

// A mapping is one call of Map.
type mapping[A, R any] struct {
	pool    *Pool[A, R]
	items   []A
	results []R
	size    int
	next    int // the first item that was not handed out
	pending int
	failed  *TaskError
	done    chan outcome[R] // as long as there are slots, so none blocks on it
}

func (m *mapping[A, R]) run(ctx context.Context) ([]R, error) {
	for m.pending > 0 || m.more() {
		var tasks chan<- task[A, R]
		if m.more() {
			tasks = m.pool.tasks
		}
		end := min(m.next+m.size, len(m.items))
		select {
		case tasks <- task[A, R]{chunk[A]{m.next, m.items[m.next:end]}, m.done}:
			m.next = end
			m.pending++
		case o := <-m.done:
			m.pending--
			if err := m.take(o); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-m.pool.ctx.Done():
			return nil, ErrTerminated
		}
	}
	if m.failed != nil {
		return nil, m.failed
	}
	return m.results, nil
}

func (m *mapping[A, R]) more() bool { return m.next < len(m.items) && m.failed == nil }

// take keeps the results of a chunk. Its error ends the whole Map.
func (m *mapping[A, R]) take(o outcome[R]) error {
	if te, ok := o.err.(*TaskError); ok {
		m.fail(te)
		return nil
	}
	if o.err != nil {
		return o.err
	}
	copy(m.results[o.batch.First:], o.batch.Results)
	for _, f := range o.batch.Failures {
		m.fail(&TaskError{Index: f.Index, Attempts: 1, Err: &f.Err})
	}
	return nil
}

func (m *mapping[A, R]) fail(err *TaskError) {
	if m.failed == nil || err.Index < m.failed.Index {
		m.failed = err
	}
}

// A crew is one worker process with our ends of its pipes.
type crew[A, R any] struct {
	proc    *Process
	tasks   *Sender[chunk[A]]
	results *Receiver[batch[R]]
	space   *space.Space
}

// slot feeds one worker after the other until the pool ends.
func (p *Pool[A, R]) slot() {
	var w *crew[A, R]
	defer func() { w.dismiss(p.ctx.Err() != nil) }()
	for {
		select {
		case t, ok := <-p.tasks:
			if !ok {
				return
			}
			var o outcome[R]
			w, o = p.do(w, t.chunk)
			t.done <- o
		case <-p.ctx.Done():
			return
		}
	}
}

// do has the worker do a chunk, and returns the worker for the next one: nil
// if it died.
func (p *Pool[A, R]) do(w *crew[A, R], c chunk[A]) (*crew[A, R], outcome[R]) {
	if w == nil {
		var err error
		if w, err = p.hire(); err != nil {
			return nil, outcome[R]{err: err}
		}
	}
	err := w.tasks.Send(p.ctx, c)
	var b batch[R]
	if err == nil {
		b, err = w.results.Recv(p.ctx)
	}
	switch {
	case err == nil:
		return w, outcome[R]{batch: b}
	case p.ctx.Err() != nil:
		return w, outcome[R]{err: ErrTerminated}
	}
	// A worker that can't be talked to is gone, or as good as gone.
	_ = w.proc.Kill()
	if jerr := w.proc.Join(context.Background()); jerr != nil {
		err = jerr
	}
	w.dismiss(true)
	return nil, outcome[R]{err: &TaskError{Index: c.First, Attempts: 1, Err: err}}
}

// hire starts a worker.
func (p *Pool[A, R]) hire() (_ *crew[A, R], err error) {
	w := new(crew[A, R])
	if w.space, err = space.New(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.dismiss(true)
		}
	}()
	var ends workerEnds[A, R]
	if ends.Tasks, w.tasks, err = oneWay[chunk[A]](w.space.Alloc); err != nil {
		return nil, err
	}
	defer ends.Tasks.Close()
	if w.results, ends.Results, err = oneWay[batch[R]](w.space.Alloc); err != nil {
		return nil, err
	}
	defer ends.Results.Close()
	plan := mustPlan[workerEnds[A, R]](p.entry.name)
	w.proc = newProcess(p.entry, func(e *codec.Encoder) error { return plan.Encode(e, unsafe.Pointer(&ends)) })
	w.proc.Daemon = true
	return w, w.proc.Start()
}

// dismiss lets a worker end, or ends it, and frees what it had.
func (w *crew[A, R]) dismiss(kill bool) {
	if w == nil {
		return
	}
	if w.tasks != nil {
		w.tasks.Close()
	}
	if w.proc != nil {
		if kill {
			_ = w.proc.Kill()
		}
		_ = w.proc.Join(context.Background())
	}
	if w.results != nil {
		w.results.Close()
	}
	w.space.Unpin()
}

// Close says that no more tasks will come. The workers end when the tasks
// under way are done. It can be called again.
func (p *Pool[A, R]) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	go func() {
		p.senders.Wait()
		close(p.tasks)
	}()
}

// Join waits until all workers have ended, after Close or Terminate. It
// returns ctx.Err() if ctx ends first.
func (p *Pool[A, R]) Join(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		p.slots.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Terminate kills the workers. Calls of Map under way return ErrTerminated,
// later ones ErrClosed. It does not wait; see Join.
func (p *Pool[A, R]) Terminate() {
	p.quit()
	p.Close()
}
