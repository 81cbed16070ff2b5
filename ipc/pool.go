package ipc

import (
	"context"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

// A Pool runs a function on many values in a number of worker processes, which
// it starts when there are tasks for them and uses again. Use [NewPool]; the
// zero value does not work. The fields are to be set before the first task.
// Several goroutines may use it. It must not be copied, and can't be handed to
// other processes; workers may have pools of their own.
//
// Each worker has a pipe pair and a segment of its own, so that a worker that
// dies holds nothing that another one needs. The task that it had in its hands
// then fails, and only that one: those that it has done are done, and those that
// it has not begun go to others. Each worker leads a process group, and when it
// ends, what is left of that ends with it. Workers are daemons: they end with
// this process, however it ends. A pool that is not used any more must be closed
// or terminated, or its workers stay until then. In Python: multiprocessing.Pool.
type Pool[A, R any] struct {
	// ChunkSize is how many items in a row go to the same worker; 0 means as
	// the pool thinks best, by the time that tasks take. A worker that is quick
	// is given several chunks at a time, up to a millisecond's worth.
	ChunkSize int

	// MaxTasksPerChild is how many tasks a worker does before another process
	// takes its place; 0 means any number. Up to an eighth less, by chance, so
	// that they do not all end together. In Python: maxtasksperchild, which
	// counts chunks.
	MaxTasksPerChild int

	// MaxResident is the resident size in bytes above which a worker is
	// replaced when it has done its tasks; 0 means any. It is looked at ten
	// times a second at most, and on Linux only. See Limits for one that kills.
	MaxResident int64

	// IdleTimeout is how long a worker waits for a task before it ends; 0
	// means as long as the pool is there.
	IdleTimeout time.Duration

	// Timeout is how long a task may take from when it begins; 0 means any
	// time. Then its context ends; Grace later its worker, if it is still at
	// it, gets SIGTERM, and Grace later SIGKILL, with its process group. The
	// error is [ErrTimeout], and has the stacks of the worker. Timeout is kept
	// to a hundredth of a second or a tenth of itself, whatever is more.
	Timeout time.Duration

	// Grace is how long a task that must end has at each step, see Timeout. 0
	// means a quarter of a second.
	Grace time.Duration

	// Retry says whether a task that has failed is to be tried again; nil
	// means never. It may be called by several goroutines at once.
	Retry func(*TaskError) bool

	// MaxDeaths is how many workers a task may kill before it is not tried
	// again, whatever Retry says: then the error is [ErrQuarantined]. 0 means 3.
	MaxDeaths int

	// Window is how many values Imap takes from its input ahead of the results
	// that were taken from it; 0 means as many as keep the workers busy for
	// some milliseconds.
	Window int

	// Setup prepares each worker, see [NewSetup].
	Setup Setup

	// Limits is what each worker may use. Limits.Procs, if it is 0, is the
	// worker's share of our processors.
	Limits Limits

	// Stdout and Stderr are given what the workers write, line by line, each
	// with the worker's name before it. nil means where ours goes, as it is.
	Stdout, Stderr io.Writer

	// Progress, if it is not nil, is called when tasks are done, by one
	// goroutine at a time. See [ShowProgress].
	Progress func(Progress)

	// Inline has goroutines of this process do the tasks, for debuggers, as
	// IPC_INLINE=1 in the environment does. Then no task can be killed, and
	// one that ends its process ends this one.
	Inline bool

	crew   *crew
	settle func()                // takes the fields over
	open   func(*crew) elsewhere // of a pool on other machines
}

// Defaults of a pool.
const (
	poolGrace  = 250 * time.Millisecond
	poolDeaths = 3
)

// CPUs is how many workers can work at the same time: the GOMAXPROCS of this
// process, which in a pool's worker is its share.
func CPUs() int { return runtime.GOMAXPROCS(0) }

// NewPool makes a pool of up to that many workers for f. [CPUs] is a good number
// for tasks that compute. It panics if workers is less than 1.
func NewPool[A, R any](f Func[A, R], workers int) *Pool[A, R] {
	if f.entry == nil {
		panic("ipc: zero Func")
	}
	if workers < 1 {
		panic("ipc: a pool has at least 1 worker, not " + strconv.Itoa(workers))
	}
	args, results := newStrip(mustPlan[A](f.entry.name)), newStrip(mustPlan[R](f.entry.name))
	p := &Pool[A, R]{crew: newCrew(f.entry, workers, args, results)}
	p.settle = sync.OnceFunc(func() {
		if p.crew.options = p.options(); p.open != nil && !p.crew.inline {
			p.crew.moveTo(p.open)
		}
	})
	return p
}

// begin takes the settings over, and gives a job to the workers.
func (p *Pool[A, R]) begin(j *job) error {
	p.settle()
	return p.crew.submit(j)
}

// options checks the settings: what can't be panics.
func (p *Pool[A, R]) options() options {
	for name, n := range map[string]int64{
		"ChunkSize": int64(p.ChunkSize), "MaxTasksPerChild": int64(p.MaxTasksPerChild),
		"MaxResident": p.MaxResident, "IdleTimeout": int64(p.IdleTimeout), "Timeout": int64(p.Timeout),
		"Grace": int64(p.Grace), "MaxDeaths": int64(p.MaxDeaths), "Window": int64(p.Window),
	} {
		if n < 0 {
			panic("ipc: " + name + " is negative")
		}
	}
	o := options{
		chunk: min(p.ChunkSize, maxBatch), lifetime: p.MaxTasksPerChild, idleTime: p.IdleTimeout, timeout: p.Timeout,
		grace: p.Grace, policy: policy{p.Retry, p.MaxDeaths}, setup: p.Setup, limits: p.Limits,
		recycle: p.MaxResident, stdout: p.Stdout, stderr: p.Stderr, progress: p.Progress,
		inline: p.Inline || os.Getenv("IPC_INLINE") == "1",
	}
	if o.grace == 0 {
		o.grace = poolGrace
	}
	if o.policy.deaths == 0 {
		o.policy.deaths = poolDeaths
	}
	return o
}

// Map runs the function on each item, and returns the results in the order of
// the items. If tasks fail, the others are done all the same, and the error is
// [TaskErrors], which has all that failed.
//
// Other errors end it: ctx.Err() if ctx ends first, [ErrTerminated], [ErrClosed]
// after Close, and an error that says why no worker can be started. Tasks that
// are under way then are ended as those that take longer than Timeout, and Map
// waits for that. The results that there are are returned with any error.
func (p *Pool[A, R]) Map(ctx context.Context, items []A) ([]R, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := &mapping[A, R]{crew: p.crew, items: items, results: make([]R, len(items))}
	j := newJob(m, len(items), false)
	if err := p.begin(j); err != nil {
		return nil, err
	}
	over := logWaitForTasks()
	j.wait(ctx, p.crew)
	over()
	return m.finish(j)
}

// Close says that no more tasks will come. The workers end when those that there
// are are done. It can be called again.
func (p *Pool[A, R]) Close() { p.crew.close() }

// Join waits until all workers have ended, after Close or Terminate; before, it
// returns [ErrNotClosed]. It returns ctx.Err() if ctx ends first.
func (p *Pool[A, R]) Join(ctx context.Context) error { return p.crew.join(ctx) }

// Terminate kills the workers and what they have started. Calls under way return
// [ErrTerminated], later ones [ErrClosed]. It does not wait; see Join.
func (p *Pool[A, R]) Terminate() {
	p.crew.close()
	p.crew.stopAll(ErrTerminated)
	p.crew.killAll()
}

// A mapping is the load of a Map.
type mapping[A, R any] struct {
	crew    *crew
	items   []A
	results []R
	mu      sync.Mutex
	failed  TaskErrors
}

// finish is what Map returns when j has ended.
func (m *mapping[A, R]) finish(j *job) ([]R, error) {
	if err := j.stopped(); err != nil {
		return m.results, err
	}
	if len(m.failed) == 0 {
		return m.results, nil
	}
	slices.SortFunc(m.failed, func(a, b *TaskError) int { return a.Index - b.Index })
	return m.results, m.failed
}

func (m *mapping[A, R]) encode(b []byte, i, n int) ([]byte, int, error) {
	return encodeItems(m.crew.args, b, m.items[i:i+n])
}

// encodeItems appends items to b, up to those that make it long.
func encodeItems[A any](s strip, b []byte, items []A) ([]byte, int, error) {
	if s.plain {
		n := min(len(items), max(1, maxAhead/max(1, s.size)))
		return append(b, elements(&items, uintptr(s.size))[:n*s.size]...), n, nil
	}
	for i := range items {
		if len(b) >= maxAhead {
			return b, i, nil
		}
		var err error
		if b, err = s.append(b, unsafe.Pointer(&items[i])); err != nil {
			return b, i, err
		}
	}
	return b, len(items), nil
}

func (m *mapping[A, R]) keep(b []byte, i, n int) (int, error) {
	return decodeResults(m.crew.results, b, m.results[i:i+n])
}

// decodeResults fills results from b.
func decodeResults[R any](s strip, b []byte, results []R) (int, error) {
	if s.plain {
		if err := settle(elements(&results, uintptr(s.size)), b[:min(len(b), len(results)*s.size)]); err != nil {
			return 0, err
		}
		return len(results), nil
	}
	for i := range results {
		value, rest, err := s.next(b)
		if err == nil {
			err = decode(s.plan, value, unsafe.Pointer(&results[i]))
		}
		if err != nil {
			clear(results[i : i+1])
			return i, err
		}
		b = rest
	}
	return len(results), nil
}

func (m *mapping[A, R]) fail(e *TaskError, _ bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = append(m.failed, e)
}
