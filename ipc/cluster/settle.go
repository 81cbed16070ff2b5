package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// remove takes a chunk off those that are out. It returns nil if it was not.
func (p *remotePool) remove(number uint64) *parcel {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.out[number]
	if c == nil {
		return nil
	}
	delete(p.out, number)
	p.tasks -= c.Len()
	j := p.jobs[c.Job()]
	if delete(j.out, number); len(j.out) == 0 {
		delete(p.jobs, c.Job())
	}
	if len(p.out) == 0 {
		for _, w := range p.waiters {
			close(w)
		}
		p.waiters = nil
	}
	return c
}

// settle takes an outcome. One that comes again is of no interest.
func (p *remotePool) settle(data []byte) {
	o, err := parseOutcome(data)
	if err != nil {
		p.c.Log.Error("cluster: a result is damaged", "error", err)
		return
	}
	switch o.what {
	case large:
		go p.settleLarge(o)
		return
	case partial:
		p.settlePart(o)
		return
	}
	c := p.remove(o.number)
	if c == nil {
		return
	}
	p.dropLarge(c)
	switch o.what {
	case reported:
		p.measure(c.Settle(o.host, o.body))
	case refused:
		p.source.Break(errors.New("cluster: pool on " + o.host + ": " + string(o.body)))
		c.GiveBack()
	default:
		c.GiveBack()
	}
	p.signal()
}

// settlePart takes what is done of a chunk.
func (p *remotePool) settlePart(o outcome) {
	p.mu.Lock()
	c := p.out[o.number]
	p.mu.Unlock()
	if c != nil {
		c.SettlePart(o.host, o.body)
	}
}

// mayBegin advises a host that has a chunk which was begun before, or would be
// begun alone: not if that has gone wrong as often as it may.
func (p *remotePool) mayBegin(number, host string) bool {
	n, err := strconv.ParseUint(number, 10, 64)
	p.mu.Lock()
	c := p.out[n]
	if err != nil || c == nil {
		p.mu.Unlock()
		return false
	}
	if slices.Contains(c.advised, host) { // the answer was lost, or came late
		p.mu.Unlock()
		return true
	}
	deaths := c.risks
	if deaths < p.source.Deaths() {
		c.risks++
		c.advised = append(c.advised, host)
		p.mu.Unlock()
		return true
	}
	p.mu.Unlock()
	if c := p.remove(n); c != nil {
		p.dropLarge(c)
		c.Kills(fmt.Errorf("cluster: %d hosts that had begun it were not heard of again", deaths))
		p.signal()
	}
	return false
}

// cameBack notes that a host has given up a chunk that it had begun.
func (p *remotePool) cameBack(number string) {
	n, err := strconv.ParseUint(number, 10, 64)
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.out[n]; err == nil && c != nil && c.risks > 0 {
		c.risks--
	}
}

// settleLarge fetches a report from the bucket.
func (p *remotePool) settleLarge(o outcome) {
	number, name := o.number, string(o.body)
	for {
		p.mu.Lock()
		wanted := p.out[number] != nil
		p.mu.Unlock()
		if !wanted {
			return
		}
		ctx, cancel := context.WithTimeout(p.c.over, p.c.patienceFor(1<<30))
		report, err := p.c.getLarge(ctx, p.c.id, name)
		if err == nil {
			p.c.dropLarge(ctx, p.c.id, name)
		}
		cancel()
		switch {
		case err == nil:
			if c := p.remove(number); c != nil {
				p.dropLarge(c)
				p.measure(c.Settle(o.host, report))
				p.signal()
			}
			return
		case errors.Is(err, jetstream.ErrObjectNotFound), errors.Is(err, jetstream.ErrBucketNotFound):
			if c := p.remove(number); c != nil { // it is lost: once more
				c.GiveBack()
				p.signal()
			}
			return
		}
		p.c.Log.Warn("cluster: fetching a large result", "error", err)
		if !pause(p.c.over, p.c.Lease/10) {
			return
		}
	}
}

// dropLarge removes the items of c from the bucket if they were too large for a
// message.
func (p *remotePool) dropLarge(c *parcel) {
	if len(c.Items()) > p.c.large {
		go func() {
			ctx, cancel := context.WithTimeout(p.c.over, p.c.Lease)
			defer cancel()
			p.c.dropLarge(ctx, p.c.id, (&chunk{pool: p.id, number: strconv.FormatUint(c.number, 10)}).objectName())
		}()
	}
}

func (p *remotePool) measure(pace float64) {
	if pace == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pace > 0 {
		pace = (p.pace + pace) / 2
	}
	p.pace = pace
}
