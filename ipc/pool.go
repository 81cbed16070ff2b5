package ipc

import (
	"context"
	"strconv"
	"sync"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// A Pool runs a function on many values in a number of worker processes,
// which it starts with the first task and uses again. Use [NewPool]; the zero
// value does not work. Several goroutines may use it. It must not be copied.
//
//	Map ── chunks ──► tasks ──► slot 1 ── pipe ──► worker process 1
//	 ▲                     └──► slot 2 ── pipe ──► worker process 2
//	 └────── batches ◄────────── slots ◄── pipe ──┘
//
// Each worker has a pipe pair and a segment of its own, so that a worker that
// dies holds nothing that another one needs. A slot is the goroutine that
// feeds one worker and starts the next one if it dies; the tasks that a
// worker had in its hands then fail, and only those. Workers are daemons:
// they end with this process, however it ends. A pool that is not used any
// more must be closed or terminated, or its workers stay until then. In
// Python: multiprocessing.Pool.
type Pool[A, R any] struct {
	// ChunkSize is how many items go to a worker at once; 0 means a quarter
	// of an even share. To be set before the first task.
	ChunkSize int

	entry         *entry
	workers       int
	args, results *codec.Plan
	tasks         chan task
	ctx           context.Context // ends with Terminate
	terminate     context.CancelFunc
	slots         sync.WaitGroup
	joined        chan struct{} // closed when all slots have ended, after Close

	mu      sync.Mutex
	started bool
	closed  bool
	maps    sync.WaitGroup // those that may still put into tasks
}

// task is a chunk with the way back to its Map, until that has gone.
type task struct {
	chunk chunk
	done  chan<- outcome
	gone  <-chan struct{}
}

// outcome is what became of a chunk.
type outcome struct {
	chunk chunk
	batch batch
	lost  error // why the chunk was lost with its worker
	err   error // why no chunk can be done
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
	p := &Pool[A, R]{
		entry:   f.entry,
		workers: workers,
		args:    mustPlan[A](f.entry.name),
		results: mustPlan[R](f.entry.name),
		tasks:   make(chan task),
		joined:  make(chan struct{}),
	}
	p.ctx, p.terminate = context.WithCancel(context.Background())
	return p
}

// enter starts the slots, and keeps the pool from closing its task channel
// until the caller is done with it (maps.Done).
func (p *Pool[A, R]) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if p.ChunkSize < 0 {
		panic("ipc: ChunkSize is negative")
	}
	p.maps.Add(1)
	if !p.started {
		p.started = true
		for range p.workers {
			s := &slot{entry: p.entry, tasks: p.tasks, ctx: p.ctx}
			p.slots.Go(s.run)
		}
	}
	return nil
}

// Map runs the function on each item and returns the results in the order of
// the items. It returns ctx.Err() if ctx ends first, what is under way then
// going on unseen; ErrTerminated; ErrClosed after Close; and the system's
// error if a worker can't be started.
//
// If a task fails Map returns a [*TaskError], that of the lowest index among
// the tasks that were tried; no new ones are handed out after the first.
func (p *Pool[A, R]) Map(ctx context.Context, items []A) ([]R, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.maps.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	defer close(gone)
	m := &mapping[A, R]{
		pool:    p,
		items:   items,
		results: make([]R, len(items)),
		size:    min(p.chunkSize(len(items)), max(1, len(items))),
		done:    make(chan outcome, p.workers),
		gone:    gone,
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
		p.maps.Wait()
		close(p.tasks)
		p.slots.Wait()
		p.terminate() // frees the context
		close(p.joined)
	}()
}

// Join waits until all workers have ended, after Close or Terminate; before,
// it returns ErrNotClosed. It returns ctx.Err() if ctx ends first.
func (p *Pool[A, R]) Join(ctx context.Context) error {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if !closed {
		return ErrNotClosed
	}
	select {
	case <-p.joined:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Terminate kills the workers. Calls of Map under way return ErrTerminated,
// later ones ErrClosed. It does not wait; see Join.
func (p *Pool[A, R]) Terminate() {
	p.terminate()
	p.Close()
}

// A mapping is one call of Map.
type mapping[A, R any] struct {
	pool    *Pool[A, R]
	items   []A
	results []R
	size    int
	next    int // the first item that was not handed out
	pending int // chunks
	failed  *TaskError
	done    chan outcome
	gone    <-chan struct{}
}

func (m *mapping[A, R]) run(ctx context.Context) ([]R, error) {
	var tasks chan<- task // nil when there is none to hand out
	var t task
	for {
		if tasks == nil && m.next < len(m.items) && m.failed == nil {
			t = task{m.encode(), m.done, m.gone}
			if m.failed == nil {
				tasks = m.pool.tasks
			}
		}
		if tasks == nil && m.pending == 0 {
			break
		}
		select {
		case tasks <- t:
			tasks = nil
			m.pending++
		case o := <-m.done:
			m.pending--
			if err := m.take(o); err != nil {
				return nil, err
			}
			if m.failed != nil {
				tasks = nil
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

// encode makes the next chunk. It is done here and not by the slots, so that
// the items are the caller's again when Map returns.
func (m *mapping[A, R]) encode() chunk {
	end := min(m.next+m.size, len(m.items))
	c := chunk{m.next, make([][]byte, 0, end-m.next)}
	for i := m.next; i < end; i++ {
		var e codec.Encoder
		if err := m.pool.args.Encode(&e, unsafe.Pointer(&m.items[i])); err != nil {
			m.fail(i, 0, err)
			break
		}
		c.Items = append(c.Items, e.Buf)
	}
	m.next = end
	return c
}

// take keeps the results of a chunk. An error that is not a task's ends Map.
func (m *mapping[A, R]) take(o outcome) error {
	switch {
	case o.err != nil:
		return o.err
	case o.lost != nil:
		m.fail(o.chunk.First, 1, o.lost)
		return nil
	}
	failed := map[int]bool{}
	for _, f := range o.batch.Failures {
		failed[f.Index] = true
		m.fail(f.Index, 1, &f.Err)
	}
	for i, b := range o.batch.Results {
		if at := o.chunk.First + i; at < len(m.results) && !failed[at] {
			if err := decode(m.pool.results, b, unsafe.Pointer(&m.results[at])); err != nil {
				m.fail(at, 1, err)
			}
		}
	}
	return nil
}

func (m *mapping[A, R]) fail(index, attempts int, err error) {
	if m.failed == nil || index < m.failed.Index {
		m.failed = &TaskError{Index: index, Attempts: attempts, Err: err}
	}
}
