package cluster_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

func withPayload(t *testing.T, payload string) (*server, cluster.Config) {
	conf := filepath.Join(t.TempDir(), "conf")
	text := "listen: $NATS_LISTEN\njetstream { store_dir: $NATS_STORE }\nmax_payload: " + payload + "\nmax_pending: 128MB\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, freeAddr(t), conf)
	s.start()
	return s, cluster.Config{Name: "payload", Workers: 2, Lease: time.Second}
}

func TestPayloads(t *testing.T) {
	for payload, size := range map[string]int{"64KB": 100 << 10, "60MB": 20 << 20} {
		t.Run(payload, func(t *testing.T) {
			ipctest.NoLeaks(t)
			ctx := ipctest.Deadline(t, 30*time.Second)
			s, config := withPayload(t, payload)
			_, pool := openPool(t, ctx, config, s.url(), echoFunc)
			serve(t, config, s.url())
			got, err := pool.Apply(ctx, strings.Repeat("x", size))
			if err != nil || len(got) != size {
				t.Errorf("Apply() = %d bytes, %v", len(got), err)
			}
		})
	}
}

// inBuckets is how many messages the buckets have.
func inBuckets(ctx context.Context, y *spy) (n int) {
	for name, k := range y.stored(ctx) {
		if strings.HasPrefix(name, "OBJ_") {
			n += int(k)
		}
	}
	return n
}

// TestBucketIsEmptied: of large values nothing is kept when they are there.
func TestBucketIsEmptied(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, y, m := aServer(t)
	startHost(t, m.at("host"))
	_, pool := openPool(t, ctx, m.config(), m.URL, echoFunc)
	for range 3 {
		if _, err := pool.Apply(ctx, strings.Repeat("x", 2<<20)); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 10*m.Lease)
	defer cancel()
	if !until(short, func() bool { return inBuckets(ctx, y) == 0 }) {
		t.Errorf("%d messages are left of large values", inBuckets(ctx, y))
	}
}

// TestBucketAfterCancel is that for values that were given up on their way.
func TestBucketAfterCancel(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	_, y, m := aServer(t)
	_, pool := openPool(t, ctx, m.config(), m.URL, echoFunc)
	for range 5 {
		r := pool.ApplyAsync(strings.Repeat("x", 8<<20))
		r.Cancel()
		_, _ = r.Get(ctx)
	}
	short, cancel := context.WithTimeout(ctx, 10*m.Lease)
	defer cancel()
	for range 5 { // not only for a moment
		if !until(short, func() bool { return inBuckets(ctx, y) == 0 }) {
			t.Fatalf("%d messages are left of large values that nobody wants", inBuckets(ctx, y))
		}
		y.heard()
	}
}

// TestLargeTaskComesTwice: a large task that is sent again when it is done, as
// after a restart of the server, leaves the host.
func TestLargeTaskComesTwice(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	s, _, m := aServer(t)
	y := newSpy(t, s, "ipc.delivery.*.task.>", nil)
	startHost(t, m.at("host"))
	c, pool := openPool(t, ctx, m.config(), m.URL, echoFunc)
	if _, err := pool.Apply(ctx, strings.Repeat("x", 2<<20)); err != nil {
		t.Fatal(err)
	}
	for _, msg := range y.heard() {
		if msg.Reply != "" {
			if err := y.nc.Publish(msg.Subject, msg.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	y.flush()
	short, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if !until(short, func() bool { h := c.Hosts(); return len(h) == 1 && h[0].Tasks == 2 && h[0].Running == 0 }) {
		t.Errorf("the hosts are %+v; want one that has had it twice, and has it no more", c.Hosts())
	}
}

func echo(_ context.Context, s string) (string, error) { return s, nil }

var echoFunc = ipc.NewFunc(echo)
