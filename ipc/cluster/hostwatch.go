package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watch does what is to be done from time to time.
func (a *agent) watch() {
	beats := time.NewTicker(a.Lease / 4)
	defer beats.Stop()
	sweeps := time.NewTicker(a.Lease)
	defer sweeps.Stop()
	parts := time.NewTicker(partTime)
	defer parts.Stop()
	noticed := map[string]time.Time{}
	for {
		select {
		case <-beats.C:
			a.beat(false)
			a.extend()
			a.review()
		case <-parts.C:
			a.sendParts()
		case <-sweeps.C:
			a.sweep(noticed)
		case <-a.ctx.Done():
			return
		}
	}
}

// partTime is how long what is done of a chunk waits for the rest.
const partTime = 100 * time.Millisecond

// sendParts sends what is done of chunks that take long: who waits for it need not
// wait for all of them. If it is lost, it comes again with the rest.
func (a *agent) sendParts() {
	a.mu.Lock()
	var long []*task
	for _, t := range a.inHand {
		if t.run != nil && !t.over && t.n > 1 && time.Since(t.begun) > partTime {
			long = append(long, t)
		}
	}
	a.mu.Unlock()
	for _, t := range long {
		report := t.run.Part()
		if report == nil || len(report) > a.large {
			continue
		}
		o := outcome{what: partial, number: t.count(), host: a.Host, body: report}
		if err := a.nc.Publish(a.subject("result", t.caller, t.pool), o.append(nil)); err != nil {
			a.Log.Warn("cluster: keeping a part of a result", "error", err)
		}
	}
}

// extend says of all chunks that they are at work still.
func (a *agent) extend() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.inHand {
		if time.Since(t.leased) > a.Lease/4 {
			t.leased = time.Now()
			_ = t.msg.InProgress()
		}
	}
}

// review drops callers that were not heard of, closes pools that theirs have no
// more, and forgets old orders.
func (a *agent) review() {
	a.mu.Lock()
	var dead []string
	for id, c := range a.callers {
		if time.Since(c.heard) > a.Lease {
			dead = append(dead, id)
		}
	}
	for key, since := range a.stopped {
		if time.Since(since) > 4*a.Lease {
			delete(a.stopped, key)
		}
	}
	var closed []*crew
	for key, p := range a.pools {
		if p.missed(a.callers[p.caller]) {
			delete(a.pools, key)
			closed = append(closed, p)
		}
	}
	a.mu.Unlock()
	for _, p := range closed {
		p.close()
	}
	for _, id := range dead {
		a.drop(id)
	}
}

// drop ends what this host does for a caller. What it has of it is nobody's any
// more; if the caller comes back, the server will send it again.
func (a *agent) drop(caller string) {
	a.mu.Lock()
	delete(a.callers, caller)
	for key, t := range a.inHand {
		if t.caller == caller {
			delete(a.inHand, key)
			a.rest(t)
			a.dropped[caller] = append(a.dropped[caller], &chunk{caller: caller, pool: t.pool, number: t.number})
		}
	}
	a.alone = slices.DeleteFunc(a.alone, func(t *task) bool { return t.caller == caller })
	var pools []*crew
	for key, p := range a.pools {
		if p.caller == caller {
			delete(a.pools, key)
			pools = append(pools, p)
		}
	}
	a.mu.Unlock()
	a.signal()
	a.beginAlone()
	for _, p := range pools {
		p.terminate()
	}
}

// sweep removes what the server keeps of callers that are gone: of those that
// were not heard of since an earlier sweep found them, a lease ago.
func (a *agent) sweep(noticed map[string]time.Time) {
	ctx, cancel := context.WithTimeout(a.ctx, 2*a.Lease)
	defer cancel()
	present, err := a.present(ctx)
	if err != nil {
		return // the next one
	}
	for id := range noticed {
		if !present[id] {
			delete(noticed, id)
		}
	}
	for id := range present {
		a.mu.Lock()
		c := a.callers[id]
		lives := c != nil && c.signed
		a.mu.Unlock()
		since, known := noticed[id]
		switch {
		case lives:
			delete(noticed, id)
		case !known:
			noticed[id] = time.Now()
		case time.Since(since) > a.Lease:
			a.mu.Lock()
			delete(a.dropped, id)
			a.mu.Unlock()
			if err := a.forget(ctx, id); err != nil {
				a.Log.Warn("cluster: removing what is left of a caller", "caller", id, "error", err)
			}
		}
	}
}

// present are the callers of this build of which the server keeps something.
func (a *agent) present(ctx context.Context) (map[string]bool, error) {
	callers := map[string]bool{}
	for stream, kind := range map[jetstream.Stream]string{a.tasks: "task", a.results: "result"} {
		prefix := a.subject(kind) + "."
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
		if err != nil {
			return nil, err
		}
		for subject := range info.State.Subjects {
			callers[firstToken(subject[len(prefix):])] = true
		}
	}
	prefix := a.bucket("")
	names := a.js.ObjectStoreNames(ctx)
	for name := range names.Name() {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			callers[name[len(prefix):]] = true
		}
	}
	return callers, names.Error()
}
