package cluster_test

import (
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// TestServerComesBack: who has tasks on a server that ends, in order or not,
// waits for it, and has each result once.
func TestServerComesBack(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, 2*time.Minute)
	s := newServer(t, freeAddr(t), "testdata/loopback.conf")
	s.start()
	config := cluster.Config{Name: "restart", Workers: 2, Lease: 2 * time.Second}
	_, pool := openPool(t, ctx, config, s.url(), waitFunc)
	serve(t, config, s.url())
	const tasks, each = 2000, 400
	n := 0
	for r, err := range pool.Imap(ctx, count(tasks)) {
		if err != nil || r != -n {
			t.Fatalf("result %d is %d, %v", n, r, err)
		}
		if n++; n%each == 0 && n < tasks {
			t.Logf("%d results", n)
			if n/each%2 == 0 {
				s.stop()
			} else {
				s.kill()
			}
			s.start()
		}
	}
	if n != tasks {
		t.Errorf("%d results; want %d", n, tasks)
	}
}
