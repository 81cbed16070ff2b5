package cluster

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/engine"
)

// A remotePool is the engine of a pool: it gives its tasks to the server in
// chunks, and settles them when their outcomes come.
type remotePool struct {
	c      *Cluster
	id     string
	source engine.Source

	specified chan struct{} // closed when spec is there
	spec      []byte
	woken     chan struct{} // there is something to look at
	closed    chan struct{} // by Close: no more will come
	written   chan struct{} // by the last line
	once      sync.Once

	mu         sync.Mutex
	jobs       map[uint64]*remoteJob // that have chunks out
	out        map[uint64]*parcel
	tasks      int // in out
	numbers    uint64
	pace       float64 // nanoseconds of a task, 0 if not known
	last       int     // tasks in the last chunk
	terminated bool
	hostless   time.Time // since when there is none, zero if there is
	waiters    []chan struct{}
	told       map[string]answer // the last insights of each host, by its id
}

// A remoteJob is the part of a job that is out.
type remoteJob struct {
	out      map[uint64]*parcel
	stopping bool      // nobody wants it, and the hosts are told
	asked    time.Time // when they have answered, zero before
}

// A parcel is a chunk that is out.
type parcel struct {
	engine.Batch
	number   uint64
	sequence uint64 // in the stream, 0 if not known
	message  []byte
	stored   bool      // as far as is known
	failed   time.Time // since when it can't be stored
	why      error
	missing  bool // it was not found with the server, and had no outcome
	sent     time.Time
	holder   string   // the host that has it, if its job was stopped
	risks    int      // how often it was begun, as far as that is not known to have ended well
	advised  []string // hosts that were told to begin it
}

const (
	mostOut = 4096 // chunks of a pool
	// chunkTime is how long the tasks of a chunk should take, if they are short,
	// and outTime how long all that are out take the workers, in nanoseconds.
	chunkTime = 20e6
	outTime   = 100e6
	mostTasks = 1 << 16  // in a chunk
	mostBytes = 16 << 20 // of results that were sent here and not looked at
)

func newRemotePool(c *Cluster, id string, s engine.Source) *remotePool {
	return &remotePool{
		c: c, id: id, source: s, specified: make(chan struct{}), woken: make(chan struct{}, 1), closed: make(chan struct{}), written: make(chan struct{}),
		jobs: map[uint64]*remoteJob{}, out: map[uint64]*parcel{}, told: map[string]answer{},
	}
}

// signal has run look at what has changed.
func (p *remotePool) signal() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// Wake is part of engine.Engine.
func (p *remotePool) Wake() { p.signal() }

// run hands out tasks until the pool is closed.
func (p *remotePool) run() {
	spec, err := p.source.Spec()
	if len(spec) > p.c.large/2 { // it grows by a third on the way
		err = errors.New("cluster: the value of the pool's Setup is too large for a message")
	}
	if p.spec = spec; err != nil {
		p.spec = nil
		p.source.Break(err)
	}
	close(p.specified)
	var looked time.Time
	var later <-chan time.Time
	for {
		select {
		case <-p.woken:
		case <-later:
		case <-p.closed:
			return
		case <-p.c.over.Done():
			return
		}
		later = nil
		// Who cancels one of many jobs wakes us; a look at all of them is not for
		// each result that comes.
		if wait := stopLook - time.Since(looked); wait > 0 {
			later = time.After(wait)
		} else {
			looked = time.Now()
			p.stopJobs()
		}
		if err == nil {
			p.fill()
		}
	}
}

// stopLook is how often to look for jobs that nobody wants any more.
const stopLook = 10 * time.Millisecond

// workers is how many there are on all hosts, 0 if there is none.
func (p *remotePool) workers() int { return int(p.c.workers.Load()) }

// fill hands out chunks as long as there is room for more.
func (p *remotePool) fill() {
	workers := max(1, p.workers())
	for p.roomFor(workers) {
		b := p.source.Claim(func(left int) int { return p.want(left, workers) })
		if b == nil {
			return
		}
		p.send(b)
	}
}

// roomFor reports whether the workers should have more ahead: two chunks each, or
// for outTime.
func (p *remotePool) roomFor(workers int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminated || len(p.out) >= mostOut {
		return false
	}
	return len(p.out) < 4*workers || p.pace > 0 && float64(p.tasks)*p.pace < outTime*float64(workers)
}

// want is how many of the tasks that are left go into a chunk.
func (p *remotePool) want(left, workers int) int {
	if n := p.source.Chunk(); n > 0 {
		return min(n, left)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 1
	if p.pace > 0 {
		n = int(min(max(1, chunkTime/p.pace), mostTasks, 8*float64(max(1, p.last))))
	}
	return min(n, (left+2*workers-1)/(2*workers))
}

// send gives a batch to the server.
func (p *remotePool) send(b engine.Batch) {
	p.mu.Lock()
	p.numbers++
	c := &parcel{Batch: b, number: p.numbers, sent: time.Now(), stored: true}
	j := p.jobs[b.Job()]
	if j == nil {
		j = &remoteJob{out: map[uint64]*parcel{}}
		p.jobs[b.Job()] = j
	}
	j.out[c.number], p.out[c.number] = c, c
	p.tasks += b.Len()
	p.last = b.Len()
	f := chunk{pool: p.id, number: strconv.FormatUint(c.number, 10), first: b.First(), n: b.Len(), alone: b.Alone(), items: b.Items()}
	if !f.alone {
		c.risks = 1 // who gets it first does not ask
	}
	p.mu.Unlock()

	if len(f.items) > p.c.large {
		f.large, f.items = true, nil
		c.message = f.append(nil)
		go p.sendLarge(c, f.objectName()) // others need not wait
		return
	}
	c.message = f.append(make([]byte, 0, len(f.items)+16))
	p.publish(c)
}

func (p *remotePool) sendLarge(c *parcel, name string) {
	ctx, cancel := context.WithTimeout(p.c.over, p.c.patienceFor(len(c.Items())))
	defer cancel()
	if err := p.c.putLarge(ctx, p.c.id, name, c.Items()); err != nil {
		p.c.Log.Warn("cluster: keeping a large task", "error", err)
		p.notStored(c.number, err)
		return
	}
	p.mu.Lock()
	wanted := p.out[c.number] == c
	p.mu.Unlock()
	if !wanted {
		p.c.dropLarge(ctx, p.c.id, name)
		return
	}
	p.publish(c)
}

func (p *remotePool) taskSubject(c *parcel) string {
	return p.c.subject("task", p.c.id, p.id, strconv.FormatUint(c.Job(), 10))
}

func (p *remotePool) publish(c *parcel) {
	if _, err := p.c.js.PublishAsync(p.taskSubject(c), c.message); err != nil {
		p.c.Log.Warn("cluster: keeping a task", "error", err)
		p.notStored(c.number, err)
	}
}

// Ahead is part of engine.Engine.
func (p *remotePool) Ahead() int {
	workers := max(1, p.workers())
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 8 * workers * max(1, p.last)
	if p.pace > 0 {
		n = max(n, int(min(2*outTime/p.pace, mostTasks))*workers)
	}
	return n
}

// Insights is part of engine.Engine. Those of hosts that are gone stay as they
// were.
func (p *remotePool) Insights() map[string][]byte {
	select {
	case <-p.closed: // the hosts have said all they know
	default:
		p.note(p.c.command(order{Verb: tellInsights, Pool: p.id}))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	named := map[string][]byte{}
	for _, a := range p.told {
		name := a.Host
		if named[name] != nil {
			name = a.ID // another agent on that machine
		}
		named[name] = a.Insights
	}
	return named
}

// note keeps the insights in answers.
func (p *remotePool) note(answers map[string]answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, a := range answers {
		if a.Insights != nil {
			p.told[id] = a
		}
	}
}

// lastLine is the stream of what awaitLines sends.
const lastLine = "end"

func (p *remotePool) write(o output) {
	if o.Stream == lastLine {
		p.once.Do(func() { close(p.written) })
		return
	}
	stdout, stderr := p.source.Output()
	w := map[string]io.Writer{"out": stdout, "err": stderr}[o.Stream]
	if w != nil {
		_, _ = w.Write(o.Lines)
	}
}
