package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/internal/engine"
)

// A Cluster is where pools have their tasks done: see [Open]. Several goroutines
// may use it.
type Cluster struct {
	*link
	id     string // of this process as a caller
	server *embedded
	host   *agent // of the embedded server
	stop   context.CancelFunc
	over   context.Context // ends with Close
	work   sync.WaitGroup

	mu      sync.Mutex
	pools   map[string]*remotePool
	numbers int
	hosts   map[string]heartbeat // by their ids; Seen is when that came
	closing bool
	workers atomic.Int64 // of all hosts, as of the last look
}

// Open joins the cluster at url, "nats://host:port" or "tls://host:port", or
// several of these with commas between, whose JetStream keeps the tasks. Its
// hosts are the processes that call [Serve].
//
// With an empty url there is nothing to set up: the server is in this process,
// without a socket, and this process is the one host. So a program works on one
// machine and on many. See [Config] for what can be chosen.
func Open(ctx context.Context, url string) (*Cluster, error) { return Config{}.Open(ctx, url) }

// Open is described at the function of that name. It does not wait for hosts.
// The error is a [*BuildError] if another executable is at work under this Name.
func (c Config) Open(ctx context.Context, url string) (_ *Cluster, err error) {
	c, err = c.complete()
	if err != nil {
		return nil, err
	}
	cl := &Cluster{id: nuid.Next(), pools: map[string]*remotePool{}, hosts: map[string]heartbeat{}}
	cl.over, cl.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			_ = cl.Close()
		}
	}()
	var extra []nats.Option
	if url == "" {
		if cl.server, err = startEmbedded(c); err != nil {
			return nil, err
		}
		extra = []nats.Option{nats.InProcessServer(cl.server)}
	}
	if cl.link, err = connect(ctx, c, url, "caller", extra...); err != nil {
		return nil, err
	}
	if err := cl.start(ctx); err != nil {
		return nil, err
	}
	if cl.server != nil {
		if cl.host, err = newAgent(ctx, c, url, extra...); err != nil {
			return nil, err
		}
	}
	return cl, nil
}

func (c *Cluster) start(ctx context.Context) (err error) {
	if c.js, err = jetstream.New(c.nc, jetstream.WithPublishAsyncMaxPending(2*mostOut),
		jetstream.WithPublishAsyncTimeout(c.Lease), // a stream that changes its server may never answer
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, ack *jetstream.PubAck) { c.stored(m, ack.Sequence) }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { c.notStored(m, err) }),
	); err != nil {
		return err
	}
	for subject, f := range map[string]func(*nats.Msg){
		c.subject("host", "*"): c.hear,
		c.subject("ask", c.id): c.advise,
		c.subject("out", c.id): c.write,
	} {
		if err := c.listen(subject, f); err != nil {
			return err
		}
	}
	c.sign(false)
	if err := c.readResults(ctx); err != nil {
		return err
	}
	c.work.Go(c.signal)
	c.work.Go(c.watch)
	return nil
}

// Close ends the pools that are not closed, as their Terminate does, and leaves
// the cluster: the server keeps nothing of this process. Hosts stay, but for
// that of an embedded server.
func (c *Cluster) Close() error {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return nil
	}
	c.closing = true
	pools := slices.Collect(maps.Values(c.pools))
	c.mu.Unlock()
	for _, p := range pools {
		p.source.Break(ErrClosed)
		p.Terminate()
	}
	for _, p := range pools {
		<-p.empty()
	}
	c.stop()
	c.work.Wait()
	var err error
	if c.link != nil {
		ctx, cancel := context.WithTimeout(context.Background(), c.Lease)
		defer cancel()
		if c.tasks != nil {
			if err = c.forget(ctx, c.id); err != nil {
				err = fmt.Errorf("cluster: removing what is left: %w", err) // hosts will
			}
			c.sign(true)
		}
		_ = c.nc.FlushTimeout(c.Lease / 4)
	}
	if c.host != nil {
		c.host.stop()
	}
	if c.link != nil {
		c.hush()
		c.nc.Close()
	}
	if c.server != nil {
		c.server.stop()
	}
	return err
}

// NewPool makes a pool whose tasks the hosts of c do. It is the pool of package
// ipc: all its methods and fields are there, and do what they do on one machine,
// for each host where they are about workers. How many workers there are is for
// the hosts to say. Progress and Retry of all pools of c are called one at a time, as
// results come in: one that blocks holds up the others.
//
// A task is done once at least: when its host is gone before its result is
// stored, another one does it again. The results come once, and Map, Imap and
// the others treat them as ever. MaxDeaths bounds how many hosts a task may end,
// too. A task or a setup whose value has shared objects or files of this machine
// in it is an error.
func NewPool[A, R any](c *Cluster, f ipc.Func[A, R]) *ipc.Pool[A, R] {
	p := ipc.NewPool(f, 1)
	c.attach(p)
	return p
}

// attach has the tasks of an *ipc.Pool done here.
func (c *Cluster) attach(pool any) { ipc.AttachEngine(pool, c.open) }

// open is the engine of a new pool. It is called with locks held.
func (c *Cluster) open(s engine.Source) engine.Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers++
	p := newRemotePool(c, strconv.Itoa(c.numbers), s)
	if c.closing {
		go s.Break(ErrClosed)
		return p
	}
	c.pools[p.id] = p
	c.work.Go(p.run)
	return p
}

// Hosts are those that were heard of within the lease, by name.
func (c *Cluster) Hosts() []Host {
	var hosts []Host
	for _, h := range c.living() {
		hosts = append(hosts, h.Host)
	}
	slices.SortFunc(hosts, func(a, b Host) int { return cmp.Or(cmp.Compare(a.Name, b.Name), a.Pid-b.Pid) })
	return hosts
}

// living are the hosts that are there, by their ids.
func (c *Cluster) living() map[string]heartbeat {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, h := range c.hosts {
		if time.Since(h.Seen) > c.Lease {
			delete(c.hosts, id)
		}
	}
	c.countWorkers()
	return maps.Clone(c.hosts)
}

// countWorkers is called with mu held.
func (c *Cluster) countWorkers() {
	n := 0
	for _, h := range c.hosts {
		n += h.Workers
	}
	c.workers.Store(int64(n))
}

// hear takes note of a host.
func (c *Cluster) hear(m *nats.Msg) {
	var h heartbeat
	if json.Unmarshal(m.Data, &h) != nil {
		return
	}
	h.Seen = time.Now()
	id := lastToken(m.Subject)
	c.mu.Lock()
	_, known := c.hosts[id]
	if c.hosts[id] = h; h.Gone {
		delete(c.hosts, id)
	}
	c.countWorkers()
	pools := slices.Collect(maps.Values(c.pools))
	c.mu.Unlock()
	if known == h.Gone {
		for _, p := range pools {
			p.signal() // there is one more, or one less
		}
	}
}

// sign tells the hosts that this caller is here, or is leaving.
func (c *Cluster) sign(gone bool) {
	c.mu.Lock()
	s := sign{Pools: []string{}, Gone: gone}
	for id := range c.pools {
		s.Pools = append(s.Pools, id)
	}
	c.mu.Unlock()
	c.send(s, "alive", c.id)
}

// signal gives the signs of life.
func (c *Cluster) signal() {
	for pause(c.over, c.Lease/4) {
		c.sign(false)
	}
}

// watch has pools look after what they have out.
func (c *Cluster) watch() {
	down := time.Now() // if it is: since when
	for pause(c.over, c.Lease/4) {
		if c.nc.IsConnected() {
			down = time.Now()
		}
		c.mu.Lock()
		pools := slices.Collect(maps.Values(c.pools))
		c.mu.Unlock()
		for _, p := range pools {
			p.review(time.Since(down))
		}
	}
}

func (c *Cluster) pool(id string) *remotePool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pools[id]
}

// advise answers a host.
func (c *Cluster) advise(m *nats.Msg) {
	var q question
	if json.Unmarshal(m.Data, &q) != nil {
		return
	}
	var a advice
	if p := c.pool(q.Pool); p != nil {
		<-p.specified
		switch {
		case q.Back:
			p.cameBack(q.Chunk)
			return
		case q.Why != "":
			p.source.Break(errors.New("cluster: the server does not keep results: " + q.Why))
			return
		}
		if a.Spec = p.spec; q.Chunk != "" {
			a.Spec, a.Begin = nil, p.mayBegin(q.Chunk, q.Host)
		}
	}
	if b, err := json.Marshal(a); err == nil {
		if err := m.Respond(b); err != nil {
			c.Log.Warn("cluster: answering a host", "error", err)
		}
	}
}

// write writes what workers wrote to where the pool wants it.
func (c *Cluster) write(m *nats.Msg) {
	var o output
	if json.Unmarshal(m.Data, &o) != nil {
		return
	}
	if p := c.pool(o.Pool); p != nil {
		p.write(o)
	}
}

// readResults settles what comes in, and has the server drop it then.
func (c *Cluster) readResults(ctx context.Context) error {
	subject := c.subject("result", c.id, ">")
	consumer, err := c.results.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		return fmt.Errorf("cluster: results: %w", err)
	}
	seen := make(chan uint64, 1) // the last one that may be dropped
	reading, err := consumer.Consume(func(m jetstream.Msg) {
		c.settle(m)
		if meta, err := m.Metadata(); err == nil {
			select {
			case <-seen:
			default:
			}
			seen <- meta.Sequence.Stream
		}
	}, jetstream.PullMaxMessagesWithBytesLimit(mostOut, mostBytes), jetstream.PullHeartbeat(min(max(500*time.Millisecond, c.Lease/2), 10*time.Second)),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			if c.over.Err() == nil {
				c.Log.Warn("cluster: results", "error", err)
			}
		}))
	if err != nil {
		return fmt.Errorf("cluster: results: %w", err)
	}
	c.work.Go(func() {
		defer reading.Stop()
		for pause(c.over, c.Lease/10) {
			select {
			case last := <-seen:
				ctx, cancel := context.WithTimeout(c.over, c.Lease)
				_ = c.results.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(last+1))
				cancel()
			default:
			}
		}
	})
	return nil
}

func (c *Cluster) settle(m jetstream.Msg) {
	if p := c.pool(lastToken(m.Subject())); p != nil {
		p.settle(m.Data())
	}
}

// stored is told where in the stream a chunk is.
func (c *Cluster) stored(m *nats.Msg, sequence uint64) {
	if p, number := c.chunkOf(m); p != nil {
		p.stored(number, sequence)
	}
}

// notStored is told that a chunk may not be stored.
func (c *Cluster) notStored(m *nats.Msg, err error) {
	c.Log.Warn("cluster: keeping a task", "error", err)
	if p, number := c.chunkOf(m); p != nil {
		p.notStored(number, err)
	}
}

// chunkOf tells which chunk of which pool a message of this caller has.
func (c *Cluster) chunkOf(m *nats.Msg) (*remotePool, uint64) {
	number, _, err := takeInt(m.Data)
	t := strings.Split(m.Subject[len(c.base)+1:], ".")
	if err != nil || len(t) != 4 {
		return nil, 0
	}
	return c.pool(t[2]), uint64(number)
}
