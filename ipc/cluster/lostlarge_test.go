package cluster_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/ipctest"
)

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
	running := func(n int) func() bool {
		return func() bool { h := c.Hosts(); return len(h) == 1 && h[0].Running == n }
	}
	until(ctx, running(0))
	short, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	begun := time.Now()
	for time.Since(begun) < 3*m.Lease { // it comes, and is to go
		y.heard()
		time.Sleep(50 * time.Millisecond)
	}
	if !until(short, running(0)) {
		t.Error("the host has it still")
	}
}
