package cluster_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// TestServerIsFull: a server that has no room for a task ends its call.
func TestServerIsFull(t *testing.T) {
	ctx := ipctest.Deadline(t, deadline)
	conf := filepath.Join(t.TempDir(), "conf")
	text := "listen: $NATS_LISTEN\njetstream { store_dir: $NATS_STORE, max_file_store: 64KB }\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, freeAddr(t), conf)
	s.start()
	config := cluster.Config{Name: "full", Workers: 1, Lease: 300 * time.Millisecond, Patience: time.Second}
	_, pool := openPool(t, ctx, config, s.url(), echoFunc)
	serve(t, config, s.url())
	result := pool.ApplyAsync(strings.Repeat("x", 200<<10))
	wait, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if _, err := result.Get(wait); err == nil || wait.Err() != nil {
		t.Errorf("Get() = %v; want an error that says that the server is full", err)
	} else {
		t.Log(err)
	}
}

// TestServerLosesStreams takes the streams away, as a server does that comes back
// without its files.
func TestServerLosesStreams(t *testing.T) {
	ctx := ipctest.Deadline(t, deadline)
	_, y, m := aServer(t)
	startHost(t, m.at("host"))
	config := m.config()
	config.Patience = 2 * time.Second
	_, pool := openPool(t, ctx, config, m.URL, actFunc)
	if _, err := pool.Map(ctx, deeds("", "", 50)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"IPC_delivery", "IPC_delivery_RESULTS"} {
		if err := y.ask(ctx, "STREAM.DELETE."+name, nil); err != nil {
			t.Fatal(err)
		}
	}
	result := pool.MapAsync(deeds("", "", 50))
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_, err := result.Get(wait)
	t.Log(err)
	if wait.Err() != nil {
		t.Error("the call neither is done nor ends with an error")
	}
}
