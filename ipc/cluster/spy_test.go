package cluster_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A spy is a client of the server without package cluster.
type spy struct {
	t   testing.TB
	nc  *nats.Conn
	js  jetstream.JetStream
	sub *nats.Subscription
}

// newSpy hears what is sent to a subject from now on.
func newSpy(t testing.TB, s *server, subject string, options []nats.Option) *spy {
	t.Helper()
	nc, err := nats.Connect(s.url(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	y := &spy{t: t, nc: nc}
	if y.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	if y.sub, err = nc.SubscribeSync(subject); err != nil {
		t.Fatal(err)
	}
	y.flush()
	return y
}

// flush returns when the server has taken what was sent, and what it had to
// send before has come.
func (y *spy) flush() {
	y.t.Helper()
	if err := y.nc.Flush(); err != nil {
		y.t.Error(err)
	}
}

// heard is what has come since it was last asked for.
func (y *spy) heard() (messages []*nats.Msg) {
	y.t.Helper()
	y.flush()
	for {
		m, err := y.sub.NextMsg(10 * time.Millisecond)
		if err != nil {
			return messages
		}
		messages = append(messages, m)
	}
}

// streams are the names of those that it can see.
func (y *spy) streams(ctx context.Context) (names []string) {
	y.t.Helper()
	list := y.js.StreamNames(ctx)
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		y.t.Error(err)
	}
	return names
}

// stored is how many messages there are in the streams that it can see.
func (y *spy) stored(ctx context.Context) (messages map[string]uint64) {
	y.t.Helper()
	messages = map[string]uint64{}
	list := y.js.ListStreams(ctx)
	for info := range list.Info() {
		messages[info.Config.Name] = info.State.Msgs
	}
	if err := list.Err(); err != nil {
		y.t.Error(err)
	}
	return messages
}

// ask sends a request to the server's interface for streams, and returns what it
// objects to. Some want no body.
func (y *spy) ask(ctx context.Context, subject string, body any) (err error) {
	var data []byte
	if body != nil {
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	m, err := y.nc.RequestWithContext(ctx, "$JS.API."+subject, data)
	if err != nil {
		return err
	}
	var reply struct{ Error *jetstream.APIError }
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return err
	}
	if reply.Error != nil {
		return reply.Error
	}
	return nil
}
