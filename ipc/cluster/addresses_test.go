package cluster_test

import (
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
