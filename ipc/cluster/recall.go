package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stopJobs has the hosts end what nobody wants any more.
func (p *remotePool) stopJobs() {
	p.mu.Lock()
	var stop []uint64
	for id, j := range p.jobs {
		for _, c := range j.out { // one speaks for all
			if !j.stopping && c.Stopped() {
				j.stopping = true
				stop = append(stop, id)
			}
			break
		}
	}
	p.mu.Unlock()
	for _, id := range stop {
		go p.stopJob(id)
	}
}

func (p *remotePool) stopJob(id uint64) {
	job := strconv.FormatUint(id, 10)
	p.recall(order{Verb: stopJob, Pool: p.id, Job: job}, p.c.subject("task", p.c.id, p.id, job),
		func(c *parcel) bool { return c.Job() == id })
}

// recall takes chunks back that no host has, and notes who has the others: their
// outcomes will come, or their hosts are gone.
func (p *remotePool) recall(o order, queued string, concerned func(*parcel) bool) {
	ctx, cancel := context.WithTimeout(p.c.over, p.c.Lease)
	defer cancel()
	if err := p.c.tasks.Purge(ctx, jetstream.WithPurgeSubject(queued)); err != nil && ctx.Err() == nil {
		p.c.Log.Warn("cluster: recalling tasks", "error", err)
	}
	holders := map[string]string{}
	for id, a := range p.c.command(o) {
		for _, number := range a.Has {
			holders[number] = id
		}
	}
	p.mu.Lock()
	for number, c := range p.out {
		if concerned(c) {
			c.holder = holders[strconv.FormatUint(number, 10)]
		}
	}
	for _, j := range p.jobs {
		for _, c := range j.out {
			if concerned(c) {
				j.asked = time.Now()
			}
		}
	}
	p.mu.Unlock()
	p.giveUp()
}

// giveUp takes back what was recalled and no living host has.
func (p *remotePool) giveUp() {
	living := p.c.living()
	p.mu.Lock()
	var lost []uint64
	for _, j := range p.jobs {
		if j.asked.IsZero() {
			continue
		}
		for number, c := range j.out {
			if _, lives := living[c.holder]; !lives {
				lost = append(lost, number)
			}
		}
	}
	p.mu.Unlock()
	for _, number := range lost {
		if c := p.remove(number); c != nil {
			p.dropLarge(c)
			c.GiveBack()
		}
	}
}

// askAgain recalls what was recalled long ago and is with a host as far as is
// known: the outcome may be lost.
func (p *remotePool) askAgain() {
	p.mu.Lock()
	var late []uint64
	for id, j := range p.jobs {
		if !j.asked.IsZero() && time.Since(j.asked) > 2*p.c.Lease {
			j.asked = time.Now()
			late = append(late, id)
		}
	}
	p.mu.Unlock()
	for _, id := range late {
		go p.stopJob(id)
	}
}

// abandon takes all back.
func (p *remotePool) abandon() {
	p.mu.Lock()
	all := slices.Collect(maps.Keys(p.out))
	p.mu.Unlock()
	for _, number := range all {
		if c := p.remove(number); c != nil {
			c.GiveBack()
		}
	}
}

// Terminate is part of engine.Engine.
func (p *remotePool) Terminate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminated {
		return
	}
	p.terminated = true
	for _, j := range p.jobs {
		j.stopping = true
	}
	go p.recall(order{Verb: endPool, Pool: p.id}, p.c.subject("task", p.c.id, p.id, ">"), func(*parcel) bool { return true })
}

// empty is closed when nothing is out.
func (p *remotePool) empty() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := make(chan struct{})
	if len(p.out) == 0 {
		close(w)
	} else {
		p.waiters = append(p.waiters, w)
	}
	return w
}

// Close is part of engine.Engine.
func (p *remotePool) Close() {
	p.note(p.c.command(order{Verb: closePool, Pool: p.id}))
	p.awaitLines()
	p.c.mu.Lock()
	delete(p.c.pools, p.id)
	p.c.mu.Unlock()
	close(p.closed)
}

// awaitLines waits until what has come of the workers' lines is written: behind
// them comes what we send to ourselves. That may be lost, as they may.
func (p *remotePool) awaitLines() {
	for p.c.nc.IsConnected() {
		p.c.send(output{Pool: p.id, Stream: lastLine}, "out", p.c.id)
		select {
		case <-p.written:
			return
		case <-p.c.over.Done():
			return
		case <-time.After(p.c.Lease / 4):
		}
	}
}

// command tells all hosts something, and returns the answers by the hosts' ids,
// when all that were there and live have answered.
func (c *Cluster) command(o order) map[string]answer {
	answers := map[string]answer{}
	inbox := c.nc.NewRespInbox()
	replies, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return answers
	}
	defer func() { _ = replies.Unsubscribe() }()
	b, err := json.Marshal(o)
	if err == nil {
		err = c.nc.PublishRequest(c.subject("order", c.id), inbox, b)
	}
	if err != nil {
		return answers
	}
	asked := c.living()
	for c.over.Err() == nil && c.nc.IsConnected() {
		living := c.living()
		maps.DeleteFunc(asked, func(id string, _ heartbeat) bool {
			_, has := answers[id]
			_, lives := living[id]
			return has || !lives
		})
		if len(asked) == 0 {
			break
		}
		msg, err := replies.NextMsg(c.Lease / 20)
		if errors.Is(err, nats.ErrTimeout) {
			continue
		}
		var a answer
		if err != nil || len(msg.Data) == 0 {
			break // nobody listens
		}
		if json.Unmarshal(msg.Data, &a) == nil {
			answers[a.ID] = a
		}
	}
	return answers
}
