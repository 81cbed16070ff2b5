package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mpbox/mpbox/ipc/internal/engine"
)

// Serve has this process do tasks of callers of the same executable, in worker
// processes of pools of package ipc, until ctx ends. It is what runs on each
// host of a cluster, and the only one there that talks to the server. See
// [Config.Serve].
func Serve(ctx context.Context, url string) error { return Config{}.Serve(ctx, url) }

// Serve joins the server, which it waits for as long as Patience, and returns
// nil when ctx has ended, and the workers too. What they had in their hands then
// goes to other hosts. It returns a [*BuildError] if another executable is at
// work under this Name, and other errors if the server will not have it.
//
// A caller that is not heard of for as long as Lease is taken for dead: its tasks
// are ended, and what the server keeps of it is removed.
func (c Config) Serve(ctx context.Context, url string) error {
	c, err := c.complete()
	if err != nil {
		return err
	}
	var a *agent
	for until := time.Now().Add(c.Patience); ; {
		a, err = newAgent(ctx, c, url)
		if !mayPass(err) || time.Now().After(until) {
			break
		}
		if !pause(ctx, min(c.Lease, time.Second)) {
			return nil
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	select {
	case <-ctx.Done():
		a.stop()
		return nil
	case <-a.lost:
		a.stop()
		return fmt.Errorf("%w: %w", ErrDisconnected, a.nc.LastError())
	}
}

// mayPass reports whether err is that of a server which is not ready yet.
func mayPass(err error) bool {
	for _, e := range []error{nats.ErrNoServers, nats.ErrNoResponders, nats.ErrTimeout, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// An agent is a host's side: it takes chunks from the server as there is room for
// them, and has the crews of their pools do them.
type agent struct {
	*link
	id       string
	consumer jetstream.Consumer
	room     chan struct{} // there may be some
	cancel   context.CancelFunc
	ctx      context.Context
	work     sync.WaitGroup

	mu      sync.Mutex
	closing bool
	inHand  map[string]*task       // by the key of the chunk
	pools   map[string]*crew       // by C.P
	callers map[string]*callerInfo // that were heard of, or have something here
	dropped map[string][]*chunk    // what was in hand of callers that were not heard of
	stopped map[string]time.Time   // jobs C.P.J and pools C.P that nobody wants, and since when
	done    int                    // tasks
	running int                    // chunks in hand that are not over
	alone   []*task                // those of them that wait until nothing else is running
	lonely  *task                  // the one of them that is running
	load    float64                // the nanoseconds that they will take a worker, as far as is known
	mean    float64                // of that, for the chunks that came last; 0 if not known
}

// callerInfo is what a host knows of a caller.
type callerInfo struct {
	signed bool      // it has given a sign of life; else there is only a task of it
	heard  time.Time // when that was last, or the task came
	pools  []string  // as it last said
}

// A task is a chunk that this host has.
type task struct {
	*chunk
	crew     *crew
	msg      jetstream.Msg // its latest delivery
	leased   time.Time     // when that was, or the lease was extended
	run      engine.Run    // nil before it is begun
	begun    time.Time
	load     float64   // nanoseconds, as they were guessed when it came
	over     bool      // it is not running any more
	suspect  bool      // the caller is to be asked before it is begun
	recalled bool      // nobody wants it
	result   []byte    // the outcome, when it is on its way
	failed   time.Time // when it was not stored for the first time
}

func newAgent(ctx context.Context, c Config, url string, extra ...nats.Option) (a *agent, err error) {
	a = &agent{
		id: token(c.Host) + "-" + nuid.Next(), room: make(chan struct{}, 1),
		inHand: map[string]*task{}, pools: map[string]*crew{}, callers: map[string]*callerInfo{}, stopped: map[string]time.Time{}, dropped: map[string][]*chunk{},
	}
	if a.link, err = connect(ctx, c, url, "host", extra...); err != nil {
		return nil, err
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	if err = a.start(ctx); err != nil {
		a.cancel()
		a.nc.Close()
		return nil, err
	}
	return a, nil
}

func (a *agent) start(ctx context.Context) (err error) {
	// The outcomes are published by a second client of the connection, whose
	// handlers say what has become of them.
	if a.js, err = jetstream.New(a.nc, jetstream.WithPublishAsyncMaxPending(mostInHand+1),
		jetstream.WithPublishAsyncTimeout(a.Lease), // a stream that changes its server may never answer
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, _ *jetstream.PubAck) { a.stored(m) }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { a.notStored(m, err) }),
	); err != nil {
		return err
	}
	if err := a.openConsumer(ctx); err != nil {
		return err
	}
	if err := a.listen(a.subject("alive", "*"), a.hear); err != nil {
		return err
	}
	if err := a.listen(a.subject("order", "*"), a.obey); err != nil {
		return err
	}
	a.beat(false)
	a.work.Go(a.pull)
	a.work.Go(a.watch)
	return nil
}

// openConsumer finds what the hosts have in common, or makes it.
func (a *agent) openConsumer(ctx context.Context) error {
	const forgotten = time.Hour
	consumer, err := a.tasks.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "hosts_" + a.build, FilterSubject: a.subject("task", ">"), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: a.Lease, MaxAckPending: 1 << 16, InactiveThreshold: forgotten,
	})
	if err != nil {
		return fmt.Errorf("cluster: consumer of the tasks: %w", err)
	}
	a.consumer = consumer
	return nil
}

// stop ends the workers, and gives back what they had.
func (a *agent) stop() {
	a.mu.Lock()
	a.closing = true
	pools := a.pools
	a.pools = map[string]*crew{}
	a.mu.Unlock()
	a.cancel()
	a.hush()
	a.work.Wait()
	for _, p := range pools {
		p.terminate()
	}
	for _, p := range pools {
		<-p.gone()
	}
	a.handBack()
	select {
	case <-a.js.PublishAsyncComplete():
	case <-time.After(a.Lease):
	}
	a.mu.Lock()
	for _, t := range a.inHand {
		a.giveBack(t.chunk)
		_ = t.msg.Nak()
	}
	a.inHand = nil
	a.mu.Unlock()
	a.beat(true)
	_ = a.nc.FlushTimeout(a.Lease / 4)
	a.nc.Close()
}

// beat tells callers that this host is here, or is leaving.
func (a *agent) beat(gone bool) {
	a.mu.Lock()
	h := heartbeat{Host: Host{Name: a.Host, Pid: os.Getpid(), Workers: a.Workers, Tasks: a.done, Running: len(a.inHand)}, Gone: gone}
	a.mu.Unlock()
	a.send(h, "host", a.id)
}

// handBack sends outcomes of what was not begun. With those of what was, callers
// know what is done, and that none of it has ended this host.
func (a *agent) handBack() {
	a.mu.Lock()
	var left []*task
	for _, t := range a.inHand {
		if t.result == nil {
			left = append(left, t)
		}
	}
	a.mu.Unlock()
	for _, t := range left {
		a.finish(t, outcome{})
	}
}

// giveBack tells the caller of a chunk that this host has given it up, and lives.
func (a *agent) giveBack(c *chunk) {
	a.send(question{Pool: c.pool, Chunk: c.number, Back: true}, "ask", c.caller)
}

// hear takes note of a caller.
func (a *agent) hear(m *nats.Msg) {
	var s sign
	caller := lastToken(m.Subject)
	if json.Unmarshal(m.Data, &s) != nil {
		return
	}
	if s.Gone {
		a.drop(caller)
		return
	}
	a.mu.Lock()
	_, known := a.callers[caller]
	c := a.caller(caller)
	c.signed, c.heard, c.pools = true, time.Now(), s.Pools
	dropped := a.dropped[caller]
	delete(a.dropped, caller)
	a.mu.Unlock()
	for _, c := range dropped {
		a.giveBack(c) // it was only out of reach
	}
	if !known {
		a.beat(false) // it need not wait to know of us
	}
}

// caller is what is known of one. The caller holds mu.
func (a *agent) caller(id string) *callerInfo {
	c := a.callers[id]
	if c == nil {
		c = &callerInfo{heard: time.Now()}
		a.callers[id] = c
	}
	return c
}

// pull takes chunks as long as the agent is there.
func (a *agent) pull() {
	for a.ctx.Err() == nil {
		n := a.free()
		if n == 0 {
			select {
			case <-a.room:
			case <-a.ctx.Done():
			}
			continue
		}
		if err := a.fetch(n); err != nil && a.ctx.Err() == nil {
			a.Log.Warn("cluster: taking tasks", "error", err)
			pause(a.ctx, a.Lease/10)
			if errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, nats.ErrNoResponders) {
				ctx, cancel := context.WithTimeout(a.ctx, a.Lease)
				_ = a.openConsumer(ctx) // else at the next time
				cancel()
			}
		}
	}
}

// fetch takes up to n chunks. It waits for them, but not long: a request may be
// lost with its server.
func (a *agent) fetch(n int) error {
	ctx, cancel := context.WithTimeout(a.ctx, a.Lease)
	defer cancel()
	batch, err := a.consumer.Fetch(n, jetstream.FetchContext(ctx))
	if err != nil {
		return err
	}
	for msg := range batch.Messages() {
		a.take(msg)
	}
	if err := batch.Error(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

const (
	// mostInHand is how many chunks a host has at most.
	mostInHand = 4096
	// busyTime is for how long the workers should have tasks, done and not, if
	// they are short, in nanoseconds.
	busyTime = 20e6
)

// free is how many more chunks to take: two for each worker, and more of them if
// they are small. Few are not worth the question, unless workers wait for them.
func (a *agent) free() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.alone) > 0 || a.lonely != nil {
		return 0
	}
	n := 2*a.Workers - a.running
	if a.mean > 0 {
		more := int((busyTime*float64(a.Workers) - a.load) / a.mean)
		if n <= 0 && more < (a.running+more)/4 {
			return 0
		}
		n = max(n, more)
	}
	return max(0, min(n, mostInHand-len(a.inHand)))
}
