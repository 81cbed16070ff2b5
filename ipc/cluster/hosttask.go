package cluster

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// take begins a chunk, unless it is here already or nobody wants it.
func (a *agent) take(msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		return
	}
	c, err := parseChunk(msg.Subject()[len(a.base)+1:], msg.Data())
	if err != nil {
		a.Log.Error("cluster: a task is damaged", "subject", msg.Subject())
		_ = msg.Term()
		return
	}
	// A chunk that was here or elsewhere before may have ended that host.
	t := &task{chunk: c, msg: msg, leased: time.Now(), suspect: c.alone || meta.NumDelivered > 1}
	a.mu.Lock()
	had := a.inHand[c.key()]
	if had != nil {
		had.msg, had.leased = msg, time.Now()
	}
	unwanted := a.unwanted(c)
	if a.closing || had != nil || unwanted {
		a.mu.Unlock()
		if unwanted && had == nil {
			_ = msg.Ack()
		}
		return
	}
	t.crew = a.pool(c)
	t.load = t.crew.pace() * float64(c.n)
	a.inHand[c.key()] = t
	a.running++
	if a.load += t.load; t.load > 0 {
		const weight = 0.1
		a.mean += (t.load - a.mean) * weight
	}
	if c.alone {
		a.alone = append(a.alone, t)
	}
	a.mu.Unlock()
	if c.alone {
		a.beginAlone()
		return
	}
	t.crew.add(t)
}

// beginAlone begins the first one of those that are to be alone, if nothing else
// is running. Pull takes nothing before they are over.
func (a *agent) beginAlone() {
	a.mu.Lock()
	var t *task
	if len(a.alone) > 0 && a.running == len(a.alone) {
		t, a.alone = a.alone[0], a.alone[1:]
		a.lonely = t
	}
	a.mu.Unlock()
	if t != nil {
		t.crew.add(t)
	}
}

// unwanted reports whether the job or the pool of a chunk was stopped. The caller
// holds mu.
func (a *agent) unwanted(c *chunk) bool {
	pool := c.caller + "." + c.pool
	_, job := a.stopped[pool+"."+c.job]
	_, all := a.stopped[pool]
	return job || all
}

// reportTo is what becomes of t when its crew has done what it can.
func (a *agent) reportTo(t *task) func(report []byte) {
	return func(report []byte) {
		if len(report) <= a.large {
			a.finish(t, outcome{what: reported, body: report})
			return
		}
		go a.finishLarge(t, report) // the crew has other things to do
	}
}

func (a *agent) finishLarge(t *task, report []byte) {
	name := "result." + t.pool + "." + t.number + "." + a.id
	for a.wanted(t) {
		ctx, cancel := context.WithTimeout(a.ctx, a.patienceFor(len(report)))
		err := a.putLarge(ctx, t.caller, name, report)
		cancel()
		if err == nil {
			a.finish(t, outcome{what: large, body: []byte(name)})
			return
		}
		a.Log.Warn("cluster: keeping a large result", "error", err)
		pause(a.ctx, a.Lease/10)
	}
	a.finish(t, outcome{})
}

// patienceFor is how long the transfer of that many bytes may take.
func (l *link) patienceFor(bytes int) time.Duration {
	const slow = 1 << 20 // bytes in a second
	return 2*l.Lease + time.Duration(bytes)*time.Second/slow
}

// wanted reports whether anybody is to get the outcome of t.
func (a *agent) wanted(t *task) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.closing && a.inHand[t.key()] == t && a.callers[t.caller] != nil
}

// finish sends the outcome of t, if anybody is to get it.
func (a *agent) finish(t *task, o outcome) {
	o.host = a.Host
	o.number = t.count()
	a.mu.Lock()
	if t.result != nil { // it was handed back
		a.mu.Unlock()
		return
	}
	a.rest(t)
	mine := a.inHand[t.key()] == t
	t.result = o.append(nil)
	a.done += t.n
	a.mu.Unlock()
	a.signal()
	a.beginAlone()
	if mine {
		a.publish(t)
	}
}

// rest notes that t is not running any more. The caller holds mu.
func (a *agent) rest(t *task) {
	if t.over {
		return
	}
	t.over = true
	a.running--
	if a.lonely == t {
		a.lonely = nil
	}
	if a.load -= t.load; a.running == 0 {
		a.load = 0
	}
}

// signal has pull look for room.
func (a *agent) signal() {
	select {
	case a.room <- struct{}{}:
	default:
	}
}

func (a *agent) publish(t *task) {
	if _, err := a.js.PublishAsync(a.subject("result", t.caller, t.pool), t.result); err != nil {
		a.retry(t, err)
	}
}

// stored is told that an outcome is stored: the chunk is done.
func (a *agent) stored(m *nats.Msg) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.inHand[a.keyOf(m)]; t != nil {
		delete(a.inHand, t.key())
		_ = t.msg.Ack()
		a.signal()
	}
}

// notStored is told that an outcome may not be stored.
func (a *agent) notStored(m *nats.Msg, err error) {
	a.mu.Lock()
	t := a.inHand[a.keyOf(m)]
	a.mu.Unlock()
	if t != nil {
		a.retry(t, err)
	}
}

func (a *agent) keyOf(result *nats.Msg) string {
	number, _, _ := takeInt(result.Data[1:])
	return result.Subject[len(a.base)+len(".result."):] + "." + strconv.Itoa(number)
}

// retry publishes again after a while, in which the server may come back. If it is
// there, and can't keep the result, the caller has to know.
func (a *agent) retry(t *task, err error) {
	a.Log.Warn("cluster: keeping a result", "error", err)
	a.mu.Lock()
	if t.failed.IsZero() {
		t.failed = time.Now()
	}
	late := time.Since(t.failed) > a.Patience
	a.mu.Unlock()
	if late {
		a.send(question{Pool: t.pool, Why: err.Error()}, "ask", t.caller)
	}
	time.AfterFunc(a.Lease/10, func() {
		if a.wanted(t) {
			a.publish(t)
		}
	})
}

// obey does what a caller says.
func (a *agent) obey(m *nats.Msg) {
	var o order
	caller := lastToken(m.Subject)
	if json.Unmarshal(m.Data, &o) != nil {
		return
	}
	pool := caller + "." + o.Pool
	answer := answer{Host: a.Host, ID: a.id}
	a.mu.Lock()
	p := a.pools[pool]
	switch o.Verb {
	case stopJob:
		a.stopped[pool+"."+o.Job] = time.Now()
		answer.Has = a.has(func(t *task) bool { return t.caller == caller && t.pool == o.Pool && t.job == o.Job })
	case endPool:
		a.stopped[pool] = time.Now()
		answer.Has = a.has(func(t *task) bool { return t.caller == caller && t.pool == o.Pool })
	case closePool:
		a.stopped[pool] = time.Now()
		delete(a.pools, pool)
	}
	a.mu.Unlock()
	if p != nil {
		switch o.Verb {
		case endPool:
			p.terminate()
		case tellInsights:
			answer.Insights = p.insights()
		case closePool:
			p.close()
			go func() { // the workers may take their time
				select {
				case <-p.gone():
					answer.Insights = p.insights()
					a.answer(m, answer)
				case <-a.ctx.Done():
				}
			}()
			return
		}
	}
	a.answer(m, answer)
}

func (a *agent) answer(m *nats.Msg, v answer) {
	if b, err := json.Marshal(v); err == nil {
		_ = m.Respond(b)
	}
}

// has stops the chunks that f chooses, and names those that are here. The caller
// holds mu.
func (a *agent) has(f func(*task) bool) (numbers []string) {
	var begun []*task
	crews := map[*crew]bool{}
	for _, t := range a.inHand {
		if !f(t) {
			continue
		}
		numbers = append(numbers, t.number)
		t.recalled = true
		if t.run != nil {
			begun = append(begun, t)
			crews[t.crew] = true
		}
	}
	// The last ones first: they wait for the others, and would be next.
	slices.SortFunc(begun, func(x, y *task) int { return y.begun.Compare(x.begun) })
	go func() { // what ends reports, for which it needs mu
		for _, t := range begun {
			t.run.Stop()
		}
		for c := range crews {
			c.endStopped()
		}
	}()
	return numbers
}
