package cluster

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A link is a member's connection to the server, and the names there. With N
// for the name of the program, B for its build, C for a caller, H for a host:
//
//	ipc.N.hello              who is here, with which build
//	ipc.N.B.task.C.P.J       chunks of job J of pool P: in the stream IPC_N
//	ipc.N.B.result.C.P       what has become of them: in the stream IPC_N_RESULTS
//	ipc.N.B.alive.C          caller C is here, and has these pools
//	ipc.N.B.host.H           host H is here
//	ipc.N.B.ask.C            asks C for the settings of a pool
//	ipc.N.B.order.C          C tells all hosts something, and they answer
//	ipc.N.B.out.C            lines that workers write
//	IPC_N_B_C                bucket for what is too large for a message
//
// Only the streams and the bucket are kept by the server.
type link struct {
	Config
	build, base    string
	nc             *nats.Conn
	js             jetstream.JetStream
	tasks, results jetstream.Stream
	large          int           // the most bytes of a message
	lost           chan struct{} // closed when the connection is closed for good

	mu   sync.Mutex
	subs []*nats.Subscription
}

// connect joins the server as a caller or a host, which who says.
func connect(ctx context.Context, c Config, address string, who string, extra ...nats.Option) (_ *link, err error) {
	l := &link{Config: c, lost: make(chan struct{})}
	if l.build, err = build(); err != nil {
		return nil, err
	}
	l.base = "ipc." + token(c.Name) + "." + l.build
	shown, err := withoutPasswords(address)
	if err != nil {
		return nil, err
	}
	options := append([]nats.Option{
		nats.Name(c.Name + " " + who), nats.MaxReconnects(-1), nats.ReconnectWait(min(c.Lease/10, 250*time.Millisecond)),
		nats.PingInterval(c.Lease / 2), nats.MaxPingsOutstanding(2), nats.Timeout(dialTime),
		nats.ClosedHandler(func(*nats.Conn) { close(l.lost) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.Log.Warn("cluster: disconnected", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.Log.Warn("cluster: connection", "error", err) }),
	}, c.Options...)
	if l.nc, err = dial(ctx, address, append(options, extra...)); err != nil {
		return nil, fmt.Errorf("cluster: %s: %w", shown, err)
	}
	defer func() {
		if err != nil {
			l.nc.Close()
		}
	}()
	l.large = min(int(l.nc.MaxPayload()), usualPayload) - headRoom
	if l.large < headRoom {
		return nil, fmt.Errorf("cluster: %s takes no messages of more than %d bytes", shown, l.nc.MaxPayload())
	}
	if l.js, err = jetstream.New(l.nc); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	if err = l.greet(ctx); err != nil {
		return nil, err
	}
	if err = l.awaitStreams(ctx); err != nil {
		return nil, err
	}
	if err = l.answerGreetings(who); err != nil {
		return nil, err
	}
	return l, nil
}

// dial is [nats.Connect], and ends with ctx.
func dial(ctx context.Context, address string, options []nats.Option) (*nats.Conn, error) {
	type result struct {
		nc  *nats.Conn
		err error
	}
	connected := make(chan result, 1)
	go func() {
		nc, err := nats.Connect(address, options...)
		connected <- result{nc, err}
	}()
	select {
	case r := <-connected:
		return r.nc, r.err
	case <-ctx.Done():
		go func() {
			if r := <-connected; r.err == nil {
				r.nc.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

const (
	// headRoom is more than what goes with items or results in a message.
	headRoom = 4 << 10
	// dialTime is how long a server may take to answer.
	dialTime = 5 * time.Second
	// usualPayload is what NATS advises not to go far beyond in a message.
	usualPayload = 1 << 20
)

// withoutPasswords is the address of servers for people. The error of a bad one
// does not show it.
func withoutPasswords(address string) (string, error) {
	if address == "" {
		return "embedded server", nil
	}
	var shown []string
	for a := range strings.SplitSeq(address, ",") {
		a = strings.TrimSpace(a)
		if !strings.Contains(a, "://") {
			a = "nats://" + a
		}
		u, err := url.Parse(a)
		if err != nil || u.Host == "" {
			return "", errors.New("cluster: this is no address of a server, or of several with commas between")
		}
		shown = append(shown, u.Scheme+"://"+u.Host)
	}
	return strings.Join(shown, ","), nil
}

func (l *link) subject(parts ...string) string { return l.base + "." + strings.Join(parts, ".") }

// A greeting is what members tell each other before anything else.
type greeting struct{ Build, Who string }

func (l *link) hello() string { return "ipc." + token(l.Name) + ".hello" }

// greet asks who is here. All have the same build, so the first one to answer
// speaks for all.
func (l *link) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.Lease)
	defer cancel()
	msg, err := l.nc.RequestWithContext(ctx, l.hello(), nil)
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, context.DeadlineExceeded):
		return nil // who does not answer is about to go
	case err != nil:
		return fmt.Errorf("cluster: %w", err)
	}
	var g greeting
	if err := json.Unmarshal(msg.Data, &g); err != nil {
		return fmt.Errorf("cluster: %s is not answered as it should: %w", l.hello(), err)
	}
	if g.Build != l.build {
		return &BuildError{l.Name, l.build, g.Build, g.Who}
	}
	return nil
}

func (l *link) answerGreetings(who string) error {
	b, err := json.Marshal(greeting{l.build, fmt.Sprintf("%s on %s (pid %d)", who, l.Host, os.Getpid())})
	if err != nil {
		return err
	}
	return l.listen(l.hello(), func(m *nats.Msg) { _ = m.Respond(b) })
}

// listen calls f with each message to a subject, one after the other.
func (l *link) listen(subject string, f func(*nats.Msg)) error {
	s, err := l.nc.Subscribe(subject, f)
	if err != nil {
		return fmt.Errorf("cluster: %s: %w", subject, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subs = append(l.subs, s)
	return nil
}

// hush ends what listen has begun.
func (l *link) hush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.subs {
		_ = s.Unsubscribe()
	}
	l.subs = nil
}

func (l *link) send(v any, parts ...string) {
	b, err := json.Marshal(v)
	if err == nil {
		err = l.nc.Publish(l.subject(parts...), b)
	}
	if err != nil {
		l.Log.Warn("cluster: not sent", "subject", l.subject(parts...), "error", err)
	}
}

// awaitStreams opens the streams. A cluster of servers that has just been started
// needs a while for that.
func (l *link) awaitStreams(ctx context.Context) error {
	for until := time.Now().Add(l.Patience); ; {
		try, cancel := context.WithTimeout(ctx, 2*l.Lease)
		err := l.openStreams(try)
		cancel()
		if err == nil || !isStarting(err) || time.Now().After(until) || !pause(ctx, l.Lease/10) {
			return err
		}
	}
}

// isStarting reports whether err is that of a cluster of servers without a leader.
func isStarting(err error) bool {
	const noLeader, noPeers = 10008, 10005
	api, isAPI := errors.AsType[*jetstream.APIError](err)
	return errors.Is(err, context.DeadlineExceeded) || isAPI && (api.ErrorCode == noLeader || api.ErrorCode == noPeers)
}

// openStreams makes the streams, or finds them.
func (l *link) openStreams(ctx context.Context) (err error) {
	name := "IPC_" + token(l.Name)
	subjects := "ipc." + token(l.Name) + ".*."
	l.tasks, err = l.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{subjects + "task.>"}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, Replicas: l.Replicas, AllowDirect: true,
	})
	if err == nil {
		l.results, err = l.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: name + "_RESULTS", Subjects: []string{subjects + "result.>"}, Retention: jetstream.LimitsPolicy,
			Storage: jetstream.FileStorage, Replicas: l.Replicas,
		})
	}
	if err != nil {
		return fmt.Errorf("cluster: stream of %s: %w", l.Name, err)
	}
	return nil
}

// bucket is where a caller's large values are.
func (l *link) bucket(caller string) string {
	return "IPC_" + token(l.Name) + "_" + l.build + "_" + caller
}

// putLarge keeps a value that is too large for a message.
func (l *link) putLarge(ctx context.Context, caller, name string, value []byte) error {
	store, err := l.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: l.bucket(caller), Replicas: l.Replicas})
	if err == nil {
		_, err = store.Put(ctx, jetstream.ObjectMeta{
			Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: uint32(min(l.large, 128<<10))},
		}, bytes.NewReader(value))
	}
	return err
}

func (l *link) getLarge(ctx context.Context, caller, name string) ([]byte, error) {
	store, err := l.js.ObjectStore(ctx, l.bucket(caller))
	if err != nil {
		return nil, err
	}
	return store.GetBytes(ctx, name)
}

// dropLarge removes a value, and also what the store keeps of one that was.
func (l *link) dropLarge(ctx context.Context, caller, name string) {
	bucket := l.bucket(caller)
	store, err := l.js.ObjectStore(ctx, bucket)
	if err != nil || store.Delete(ctx, name) != nil {
		return
	}
	if stream, err := l.js.Stream(ctx, "OBJ_"+bucket); err == nil {
		_ = stream.Purge(ctx, jetstream.WithPurgeSubject("$O."+bucket+".M."+base64.URLEncoding.EncodeToString([]byte(name))))
	}
}

// forget removes what the server keeps of a caller.
func (l *link) forget(ctx context.Context, caller string) error {
	var errs []error
	for _, err := range []error{
		l.tasks.Purge(ctx, jetstream.WithPurgeSubject(l.subject("task", caller, ">"))),
		l.results.Purge(ctx, jetstream.WithPurgeSubject(l.subject("result", caller, ">"))),
		l.js.DeleteObjectStore(ctx, l.bucket(caller)),
	} {
		if !errors.Is(err, jetstream.ErrBucketNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
