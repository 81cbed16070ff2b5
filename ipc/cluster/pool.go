package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
	number  uint64
	message []byte
	stored  bool      // as far as is known
	failed  time.Time // since when it can't be stored
	why     error
	missing bool // it was not found with the server, and had no outcome
	sent    time.Time
	holder  string   // the host that has it, if its job was stopped
	risks   int      // how often it was begun, as far as that is not known to have ended well
	advised []string // hosts that were told to begin it
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
		p.notStored(strconv.FormatUint(c.number, 10), err)
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
	return p.c.subject("task", p.c.id, p.id, strconv.FormatUint(c.Job(), 10), strconv.FormatUint(c.number, 10))
}

func (p *remotePool) publish(c *parcel) {
	if _, err := p.c.js.PublishAsync(p.taskSubject(c), c.message); err != nil {
		p.c.Log.Warn("cluster: keeping a task", "error", err)
		p.notStored(strconv.FormatUint(c.number, 10), err)
	}
}

// notStored has a chunk be sent again at the next review.
func (p *remotePool) notStored(number string, why error) {
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.out[n]; c != nil {
		c.stored, c.why = false, why
		if c.failed.IsZero() {
			c.failed = time.Now()
		}
	}
}

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
func (p *remotePool) settle(number uint64, data []byte) {
	o, err := parseOutcome(data)
	if err != nil {
		p.c.Log.Error("cluster: a result is damaged", "error", err)
		return
	}
	if o.what == large {
		go p.settleLarge(number, o)
		return
	}
	c := p.remove(number)
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
func (p *remotePool) settleLarge(number uint64, o outcome) {
	name := string(o.body)
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
	p.recall(order{Verb: stopJob, Pool: p.id, Job: job}, p.c.subject("task", p.c.id, p.id, job, ">"),
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
	ctx, cancel := context.WithTimeout(p.c.over, p.c.Lease)
	defer cancel()
	info, err := p.c.tasks.Info(ctx, jetstream.WithSubjectFilter(p.c.subject("task", p.c.id, p.id, ">")))
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.out {
		if time.Since(c.sent) <= 2*p.c.Lease || p.jobs[c.Job()].stopping {
			continue
		}
		if _, there := info.State.Subjects[p.taskSubject(c)]; there {
			c.missing = false
			continue
		}
		if c.missing {
			lost = append(lost, c)
			c.sent, c.failed = time.Now(), time.Time{}
		}
		c.missing = !c.missing
	}
	return lost
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
