package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/internal/engine"
)

// A crew does the tasks of one pool on this host.
type crew struct {
	agent        *agent
	caller, pool string
	misses       int // how often its caller did not name it

	mu      sync.Mutex
	ready   bool        // open has done what it could
	waiting []*task     // for that
	crew    engine.Crew // nil if it can't be
	err     error       // why
	ended   bool        // it is not to be
}

// pool is the crew for a chunk. The caller holds mu.
func (a *agent) pool(c *chunk) *crew {
	key := c.caller + "." + c.pool
	p := a.pools[key]
	if p == nil {
		a.caller(c.caller)
		p = &crew{agent: a, caller: c.caller, pool: c.pool}
		a.pools[key] = p
		go p.open()
	}
	return p
}

// errUnknownPool says that the caller has no such pool any more.
var errUnknownPool = errors.New("cluster: no such pool")

// open asks the caller how the pool is to be, as long as the caller is there.
func (p *crew) open() {
	spec, err := p.ask()
	p.mu.Lock()
	if p.ended {
		err = errUnknownPool
	}
	if p.err = err; err == nil {
		p.crew, p.err = ipc.NewHostCrew(spec, p.agent.Workers, newForwarder(p, "out"), newForwarder(p, "err"))
	}
	p.mu.Unlock()
	for { // in the order in which they came
		p.mu.Lock()
		first := p.waiting
		p.waiting, p.ready = nil, len(first) == 0
		p.mu.Unlock()
		if len(first) == 0 {
			return
		}
		for _, t := range first {
			p.begin(t)
		}
	}
}

func (p *crew) ask() (spec []byte, err error) {
	a, err := p.agent.ask(p.caller, question{Pool: p.pool})
	if err == nil && a.Spec == nil {
		err = errUnknownPool
	}
	return a.Spec, err
}

// ask asks a caller, for as long as it is there.
func (a *agent) ask(caller string, q question) (v advice, err error) {
	b, err := json.Marshal(q)
	if err != nil {
		return v, err
	}
	for {
		ctx, cancel := context.WithTimeout(a.ctx, a.Lease/2)
		msg, err := a.nc.RequestWithContext(ctx, a.subject("ask", caller), b)
		cancel()
		if err == nil {
			err = json.Unmarshal(msg.Data, &v)
			return v, err
		}
		a.mu.Lock()
		lives := a.callers[caller] != nil
		a.mu.Unlock()
		if !lives || !pause(a.ctx, a.Lease/20) {
			return v, errUnknownPool
		}
	}
}

// add does a chunk when the pool is ready, or says why not.
func (p *crew) add(t *task) {
	p.mu.Lock()
	ready := p.ready
	if !ready {
		p.waiting = append(p.waiting, t)
	}
	p.mu.Unlock()
	if ready {
		p.begin(t)
	}
}

func (p *crew) begin(t *task) {
	if !t.large && !t.suspect {
		p.do(t, t.items)
		return
	}
	go func() { // others need not wait
		if t.suspect {
			a, err := p.agent.ask(t.caller, question{Pool: p.pool, Chunk: t.number, Host: p.agent.id})
			if err != nil || !a.Begin {
				p.agent.finish(t, outcome{what: reported}) // it is settled
				return
			}
		}
		items, err := t.items, error(nil)
		if t.large {
			items, err = p.fetch(t)
		}
		if err != nil {
			p.agent.finish(t, outcome{})
			return
		}
		p.do(t, items)
	}()
}

// fetch gets items from the bucket, as long as they are wanted.
func (p *crew) fetch(t *task) ([]byte, error) {
	for {
		ctx, cancel := context.WithTimeout(p.agent.ctx, p.agent.patienceFor(1<<30))
		items, err := p.agent.getLarge(ctx, t.caller, t.objectName())
		cancel()
		lost := errors.Is(err, jetstream.ErrObjectNotFound) || errors.Is(err, jetstream.ErrBucketNotFound)
		if err == nil || lost || !p.agent.wanted(t) {
			return items, err
		}
		p.agent.Log.Warn("cluster: fetching a large task", "error", err)
		if !pause(p.agent.ctx, p.agent.Lease/10) {
			return nil, err
		}
	}
}

func (p *crew) do(t *task, items []byte) {
	p.mu.Lock()
	c, err := p.crew, p.err
	p.mu.Unlock()
	p.agent.mu.Lock()
	late := t.recalled || p.agent.unwanted(t.chunk)
	p.agent.mu.Unlock()
	switch {
	case late, errors.Is(err, errUnknownPool):
		p.agent.finish(t, outcome{what: reported}) // done for nobody
		return
	case err != nil:
		p.agent.finish(t, outcome{what: refused, body: []byte(err.Error())})
		return
	}
	run := c.Do(items, t.first, t.n, p.agent.reportTo(t))
	p.agent.mu.Lock()
	t.run, t.begun = run, time.Now()
	late = t.recalled || p.agent.unwanted(t.chunk)
	p.agent.mu.Unlock()
	if late {
		run.Stop()
		c.EndStopped()
	}
}

// endStopped ends what is under way of chunks that were stopped.
func (p *crew) endStopped() {
	p.mu.Lock()
	c := p.crew
	p.mu.Unlock()
	if c != nil {
		c.EndStopped()
	}
}

func (p *crew) pace() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crew == nil {
		return 0
	}
	return p.crew.Pace()
}

func (p *crew) insights() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crew == nil {
		return nil
	}
	return p.crew.Insights()
}

func (p *crew) terminate() { p.end(engine.Crew.Terminate) }
func (p *crew) close()     { p.end(engine.Crew.Close) }

// end must not be called with locks held: what ends reports.
func (p *crew) end(how func(engine.Crew)) {
	p.mu.Lock()
	p.ended = true
	c := p.crew
	p.mu.Unlock()
	if c != nil {
		how(c)
	}
}

// gone is closed when its workers have ended.
func (p *crew) gone() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crew == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return p.crew.Ended()
}

// missed reports whether the caller does not have the pool any more. It may not
// have it yet in what it said last: only what is not in the next one neither is
// gone.
func (p *crew) missed(c *callerInfo) bool {
	if c == nil || slices.Contains(c.pools, p.pool) || c.pools == nil {
		p.misses = 0
		return false
	}
	p.misses++
	const enough = 3
	return p.misses == enough
}

// A forwarder sends lines that workers write to the caller.
type forwarder struct {
	crew   *crew
	stream string
	mu     sync.Mutex
}

func newForwarder(p *crew, stream string) *forwarder { return &forwarder{crew: p, stream: stream} }

var _ io.Writer = (*forwarder)(nil)

// Write sends b, which is whole lines, before those that come later.
func (f *forwarder) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.crew.agent
	for rest := b; len(rest) > 0; {
		n := min(len(rest), a.large/2) // it grows by a third on the way
		a.send(output{Pool: f.crew.pool, Stream: f.stream, Lines: rest[:n]}, "out", f.crew.caller)
		rest = rest[n:]
	}
	return len(b), nil
}
