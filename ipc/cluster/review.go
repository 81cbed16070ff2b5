package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// stored notes where a chunk is.
func (p *remotePool) stored(number, sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.out[number]; c != nil {
		c.sequence = sequence
	}
}

// notStored has a chunk be sent again at the next review.
func (p *remotePool) notStored(number uint64, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.out[number]; c != nil {
		c.stored, c.why = false, why
		if c.failed.IsZero() {
			c.failed = time.Now()
		}
	}
}

// review looks after what is out from time to time, down being how long the server
// is out of reach: it sends again what the
// server does not have, and gives up when nobody is there for too long.
func (p *remotePool) review(down time.Duration) {
	p.signal()
	p.giveUp()
	p.askAgain()
	if down > p.c.Patience {
		p.source.Break(ErrDisconnected)
		p.abandon()
	}
	if down > 0 && !p.c.nc.IsConnected() {
		return
	}
	p.awaitHosts()
	p.resend()
}

// awaitHosts ends the calls when there was no host for too long.
func (p *remotePool) awaitHosts() {
	hosts := p.workers()
	p.mu.Lock()
	switch {
	case hosts > 0 || len(p.out) == 0:
		p.hostless = time.Time{}
	case p.hostless.IsZero():
		p.hostless = time.Now()
	}
	late := !p.hostless.IsZero() && time.Since(p.hostless) > p.c.Patience
	p.mu.Unlock()
	if late {
		p.source.Break(ErrNoHosts)
	}
}

// resend sends again what the server says that it does not have, and what it did
// not say that it has. A chunk whose outcome is on its way is not with the server
// neither: so it must be missing twice.
func (p *remotePool) resend() {
	p.mu.Lock()
	var again []*parcel
	old := false
	var full error
	for _, c := range p.out {
		switch {
		case p.jobs[c.Job()].stopping:
		case !c.stored && time.Since(c.failed) > p.c.Patience:
			full = c.why
		case !c.stored:
			c.stored, c.sent = true, time.Now()
			again = append(again, c)
		case time.Since(c.sent) > 2*p.c.Lease:
			old = true
		}
	}
	p.mu.Unlock()
	if full != nil {
		p.source.Break(fmt.Errorf("cluster: the server does not keep tasks: %w", full))
		p.signal()
	}
	if old {
		again = append(again, p.missing()...)
	}
	for _, c := range again {
		if len(c.Items()) > p.c.large {
			go p.sendLarge(c, (&chunk{pool: p.id, number: strconv.FormatUint(c.number, 10)}).objectName())
			continue
		}
		p.publish(c)
	}
}

// missing are old chunks that the server does not have for the second time.
func (p *remotePool) missing() (lost []*parcel) {
	const most = 100 // at a time
	var old []*parcel
	p.mu.Lock()
	for _, c := range p.out {
		if c.sequence > 0 && time.Since(c.sent) > 2*p.c.Lease && !p.jobs[c.Job()].stopping && len(old) < most {
			old = append(old, c)
		}
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(p.c.over, p.c.Lease)
	defer cancel()
	for _, c := range old {
		m, err := p.c.tasks.GetMsg(ctx, c.sequence)
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err == nil && m.Subject == p.taskSubject(c) {
			c.missing = false
			continue
		}
		p.mu.Lock()
		if c.missing && p.out[c.number] == c {
			lost = append(lost, c)
			c.sent, c.failed, c.sequence = time.Now(), time.Time{}, 0
		}
		c.missing = !c.missing
		p.mu.Unlock()
	}
	return lost
}
