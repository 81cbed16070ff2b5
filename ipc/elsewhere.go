package ipc

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/engine"
)

// AttachEngine has the tasks of a pool, a *Pool, done by the engine that open
// returns. Open is called at the first task, if the pool is not to do its tasks
// inline.
//
// It is for package ipc/cluster, as NewHostCrew is: the types are internal ones.
// A program that calls neither of them has nothing of what they need linked in.
func AttachEngine(pool any, open func(engine.Source) engine.Engine) {
	pool.(interface{ attach(func(*crew) elsewhere) }).attach(func(c *crew) elsewhere {
		return engaged{open(&source{c})}
	})
}

func (p *Pool[A, R]) attach(open func(*crew) elsewhere) { p.open = open }

// Elsewhere is where the tasks of a crew are done that has no workers of its own.
type elsewhere interface {
	Wake()
	Ahead() int
	Terminate()
	Close()
	insights() Insights
}

// moveTo has the tasks of the crew done elsewhere, unless the crew has ended.
func (c *crew) moveTo(open func(*crew) elsewhere) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.elsewhere = open(c)
	}
}

// engaged is an engine as a crew sees it.
type engaged struct{ engine.Engine }

func (e engaged) insights() Insights {
	var all Insights
	for host, b := range e.Insights() {
		var in Insights
		if decode(mustPlan[Insights]("insights"), b, unsafe.Pointer(&in)) == nil {
			all.add(host, in)
		}
	}
	return all
}

// add adds what a host says.
func (in *Insights) add(host string, of Insights) {
	for _, w := range of.Workers {
		w.Name = host + "/" + w.Name
		in.Workers = append(in.Workers, w)
	}
	slices.SortStableFunc(in.Workers, func(a, b WorkerInsight) int { return cmp.Compare(a.Name, b.Name) })
	in.Slowest = append(in.Slowest, of.Slowest...)
	slices.SortStableFunc(in.Slowest, func(a, b SlowTask) int { return cmp.Compare(b.Took, a.Took) })
	in.Slowest = in.Slowest[:min(len(in.Slowest), mostSlow)]
}

// A spec is what a host knows of a pool.
type spec struct {
	Func     string
	Chunk    int
	Lifetime int
	IdleTime time.Duration
	Timeout  time.Duration
	Grace    time.Duration
	Recycle  int64
	Limits   Limits
	Setup    string
	Config   []byte // of Setup
	Stdout   bool   // is wanted
	Stderr   bool
}

// A source is a crew for its engine.
type source struct{ crew *crew }

func (s *source) Spec() ([]byte, error) {
	c := s.crew
	sp := spec{
		Func: c.entry.name, Chunk: c.chunk, Lifetime: c.lifetime, IdleTime: c.idleTime, Timeout: c.timeout,
		Grace: c.grace, Recycle: c.recycle, Limits: c.limits, Stdout: c.stdout != nil, Stderr: c.stderr != nil,
	}
	if c.setup.entry != nil {
		var config codec.Encoder
		if err := c.setup.encode(&config); err != nil {
			return nil, err
		}
		sp.Setup, sp.Config = c.setup.entry.name, config.Buf
	}
	var e codec.Encoder
	err := mustPlan[spec]("pool").Encode(&e, unsafe.Pointer(&sp))
	return e.Buf, err
}

func (s *source) Chunk() int                         { return s.crew.chunk }
func (s *source) Deaths() int                        { return s.crew.policy.deaths }
func (s *source) Output() (stdout, stderr io.Writer) { return s.crew.stdout, s.crew.stderr }

func (s *source) Claim(want func(left int) int) engine.Batch {
	for {
		j, index, n := s.crew.claim(want)
		if n == 0 {
			return nil
		}
		if items, done := j.pack(nil, index, n); done > 0 {
			return &consignment{crew: s.crew, job: j, index: index, n: done, items: items}
		}
	}
}

func (s *source) Break(err error) {
	c := s.crew
	c.mu.Lock()
	if c.broken == nil {
		c.broken = err
	}
	c.mu.Unlock()
	c.stopAll(err)
	c.poke()
}

// A consignment is a batch that goes to another machine.
type consignment struct {
	crew     *crew
	job      *job
	index, n int
	items    []byte

	mu      sync.Mutex
	settled []bool // tasks; nil for none
	over    bool   // all are settled or given back
}

func (c *consignment) Job() uint64   { return c.job.id }
func (c *consignment) First() int    { return c.index }
func (c *consignment) Len() int      { return c.n }
func (c *consignment) Items() []byte { return c.items }
func (c *consignment) Stopped() bool { return c.job.stopped() != nil }
func (c *consignment) GiveBack()     { c.Settle("", nil) }

func (c *consignment) Alone() bool {
	c.job.mu.Lock()
	defer c.job.mu.Unlock()
	return c.job.alone[c.index]
}

func (c *consignment) Kills(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if !c.Alone() {
		for i := range c.n {
			if c.settled == nil || !c.settled[i] {
				c.job.giveBackAlone(c.index+i, 1)
			}
		}
		return
	}
	c.job.endTask(&TaskError{
		Index: c.index, Attempts: c.crew.policy.deaths, Cause: CauseUnknown, Err: &endedError{ErrQuarantined, err},
	}, true)
}

// A report says what has become of a run of tasks: the nanoseconds that one
// takes, 8 bytes; then for each part of it a head, and what the head tells of.
//
//	0   number of the first task in the run
//	4   how many tasks
//	8   what it is, as in a batch: sentResults, sentFailed, or sentBroken if the
//	    host can't do any
//	9   sentFailed: 1 if the worker ended with the task
//	10  how many bytes follow: results, or a RemoteError
const (
	reportHeader = 8
	partHeader   = 18
)

type part struct {
	index, n int
	what     byte
	lost     bool
	body     []byte
}

func (p part) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(p.index))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.n))
	lost := byte(0)
	if p.lost {
		lost = 1
	}
	b = append(b, p.what, lost)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(p.body)))
	return append(b, p.body...)
}

// parsePart takes the first part off b.
func parsePart(b []byte) (p part, rest []byte, err error) {
	if len(b) < partHeader {
		return p, nil, errBatch
	}
	size := binary.LittleEndian.Uint64(b[10:])
	if size > uint64(len(b)-partHeader) {
		return p, nil, errBatch
	}
	p.index, p.n = int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	p.what, p.lost = b[8], b[9] == 1
	end := partHeader + int(size)
	p.body = b[partHeader:end:end]
	return p, b[end:], nil
}

// Settle is part of engine.Batch.
func (c *consignment) Settle(host string, report []byte) (pace float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	pace = c.take(host, report)
	for i := 0; i < c.n; i++ {
		first := i
		for i < c.n && !c.settled[i] {
			i++
		}
		c.job.giveBack(c.index+first, i-first)
	}
	return pace
}

// SettlePart is part of engine.Batch.
func (c *consignment) SettlePart(host string, report []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.take(host, report)
	}
}

// take believes a host that its bytes are those of the same executable, but not
// that they are whole, nor that they are new: another host may have done a part of
// it already.
func (c *consignment) take(host string, report []byte) (pace float64) {
	if c.settled == nil {
		c.settled = make([]bool, c.n)
	}
	if len(report) < reportHeader {
		return 0
	}
	pace = math.Float64frombits(binary.LittleEndian.Uint64(report))
	for rest := report[reportHeader:]; len(rest) > 0; {
		var p part
		var err error
		if p, rest, err = parsePart(rest); err != nil {
			break
		}
		if p.what == sentBroken {
			(&source{c.crew}).Break(fmt.Errorf("ipc: pool on %s: %w", host, parseRemoteError(p.body)))
			break
		}
		if p.n < 1 || p.index+p.n > c.n || !c.settle(host, p) {
			break
		}
	}
	if !(pace > 0) || math.IsInf(pace, 0) {
		return 0
	}
	return pace
}

// settle takes a part but for tasks that are settled. It reports false if the rest
// of the report can't be trusted.
func (c *consignment) settle(host string, p part) bool {
	switch p.what {
	case sentFailed:
		if !c.settled[p.index] {
			c.settled[p.index] = true
			c.fail(host, p)
		}
		return p.n == 1
	case sentResults:
	default:
		return false
	}
	body := p.body
	for i := p.index; i < p.index+p.n; {
		n := 1
		for i+n < p.index+p.n && c.settled[i+n] == c.settled[i] {
			n++
		}
		var err error
		if c.settled[i] {
			body, err = c.crew.results.skip(body, n)
		} else {
			var taken int
			taken, body, err = c.job.take(c.crew.results, c.index+i, n, body, TaskError{Host: host})
			for k := range taken {
				c.settled[i+k] = true
			}
		}
		if err != nil {
			return false
		}
		i += n
	}
	return true
}

// fail takes the failure of a task.
func (c *consignment) fail(host string, p part) {
	remote := parseRemoteError(p.body)
	e, isTask := errors.AsType[*TaskError](remote)
	if !isTask {
		e = &TaskError{Cause: CauseError, Err: remote}
	}
	e.Index, e.Host = c.index+p.index, host
	if e.Err == nil {
		e.Err = remote
	}
	c.job.fails(e, p.lost)
}
