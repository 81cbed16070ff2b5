package cluster_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

func TestLongLease(t *testing.T) {
	ctx := ipctest.Deadline(t, deadline)
	c, err := cluster.Config{Lease: time.Minute}.Open(ctx, "")
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoPasswords(t *testing.T) {
	ctx := ipctest.Deadline(t, deadline)
	for _, url := range []string{
		"nats://me:secret@127.0.0.1:port", "me:secret@127.0.0.1:1", "nats://me:secret@secret@127.0.0.1:1",
		"nats://127.0.0.1:1,me:secret@127.0.0.1:1", "nats://me:secret%zz@127.0.0.1:1",
	} {
		_, err := cluster.Open(ctx, url)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open() = %v", err)
		}
	}
}

// TestSilentServer: of a server that takes a connection and says nothing, neither
// a caller nor a host hears for longer than its context lasts.
func TestSilentServer(t *testing.T) {
	open := func(ctx context.Context, url string) error { _, err := cluster.Open(ctx, url); return err }
	for _, tt := range []struct {
		what string
		join func(ctx context.Context, url string) error
		want error
	}{
		{"Open", open, context.Canceled},
		{"Serve", cluster.Serve, nil},
	} {
		t.Run(tt.what, func(t *testing.T) {
			ipctest.NoLeaks(t)
			ctx, cancel := context.WithCancel(ipctest.Deadline(t, deadline))
			defer cancel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			joined := make(chan struct{})
			go func() {
				if conn, err := l.Accept(); err == nil {
					defer conn.Close()
					cancel()
					<-joined
				}
			}()
			if err := tt.join(ctx, "nats://"+l.Addr().String()); !errors.Is(err, tt.want) {
				t.Errorf("it returns %v; want %v", err, tt.want)
			}
			close(joined)
		})
	}
}
