package cluster_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Request and reply by JetStream itself, as fast as its client can: what a pool
// on it is measured by. The caller stores tasks in a work queue, a host in
// another process takes them, stores the replies, and acknowledges a task when
// its reply is stored; the caller reads the replies.

const (
	rawFlight = 4096 // messages that a side has under way
	rawBatch  = 2000 // that it asks for at a time
	rawWait   = time.Minute
)

var rawStreams = []jetstream.StreamConfig{
	{Name: "RAW", Subjects: []string{"raw.task"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage},
	{Name: "RAW_RESULTS", Subjects: []string{"raw.result"}, Storage: jetstream.FileStorage},
}

func rawConnect(url string) (*nats.Conn, jetstream.JetStream, error) {
	nc, err := nats.Connect(url)
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(rawFlight))
	if err != nil {
		nc.Close()
	}
	return nc, js, err
}

func init() { roles["rawhost"] = rawHost }

// An answered task is one whose reply is on its way to its stream.
type answered struct {
	task  jetstream.Msg
	reply jetstream.PubAckFuture
}

func rawHost() error {
	ctx, stop := untilClosed(os.Stdin)
	defer stop()
	nc, js, err := rawConnect(os.Getenv("RAW_URL"))
	if err != nil {
		return err
	}
	defer nc.Close()
	consumer, err := js.Consumer(ctx, "RAW", "hosts")
	if err != nil {
		return err
	}
	replies := make(chan answered, rawFlight)
	failed := make(chan error, 2)
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		reply, err := js.PublishAsync("raw.result", m.Data(), jetstream.WithStallWait(rawWait))
		if err != nil {
			failed <- err
			return
		}
		replies <- answered{m, reply}
	}, jetstream.PullMaxMessages(rawBatch))
	if err != nil {
		return err
	}
	defer consuming.Stop()
	go func() { failed <- acknowledge(ctx, replies) }()
	return <-failed
}

// acknowledge acknowledges tasks when their replies are stored, until ctx ends.
func acknowledge(ctx context.Context, replies <-chan answered) error {
	for {
		select {
		case a := <-replies:
			select {
			case <-a.reply.Ok():
			case err := <-a.reply.Err():
				return err
			}
			if err := a.task.Ack(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// A rawCaller has tasks done by a rawHost.
type rawCaller struct {
	b       *testing.B
	js      jetstream.JetStream
	replies chan int
}

func newRawCaller(b *testing.B, s *server) *rawCaller {
	b.Helper()
	nc, js, err := rawConnect(s.url())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	c := &rawCaller{b: b, js: js, replies: make(chan int, rawFlight)}
	for _, config := range rawStreams {
		if _, err := js.CreateStream(b.Context(), config); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := js.CreateConsumer(b.Context(), "RAW", jetstream.ConsumerConfig{
		Durable: "hosts", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 2 * rawFlight,
	}); err != nil {
		b.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(b.Context(), "RAW_RESULTS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	consuming, err := consumer.Consume(c.take, jetstream.PullMaxMessages(rawBatch))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(consuming.Stop)
	startPart(b, "rawhost", "RAW_URL="+s.url())
	c.measure(rawTasks / 10)
	return c
}

func (c *rawCaller) take(m jetstream.Msg) {
	n, err := strconv.Atoi(string(m.Data()))
	if err != nil {
		n = -1
	}
	c.replies <- n
}

// measure has n tasks done, checks the replies, and returns tasks per second.
func (c *rawCaller) measure(n int) float64 {
	c.b.Helper()
	begin := time.Now()
	go c.send(n)
	seen := make([]bool, n)
	for range n {
		select {
		case i := <-c.replies:
			if i < 0 || i >= n || seen[i] {
				c.b.Fatalf("the reply to task %d: there before, or to none", i)
			}
			seen[i] = true
		case <-time.After(rawWait):
			c.b.Fatal("no reply for a minute")
		}
	}
	return float64(n) / time.Since(begin).Seconds()
}

func (c *rawCaller) send(n int) {
	for i := range n {
		data := strconv.AppendInt(nil, int64(i), 10)
		if _, err := c.js.PublishAsync("raw.task", data, jetstream.WithStallWait(rawWait)); err != nil {
			c.b.Errorf("task %d: %v", i, err)
		}
	}
}
