package cluster_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// folders are those in the folder for temporary files that are a server's.
func folders(t *testing.T) (n int) {
	t.Helper()
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "cluster-ipc-") {
			n++
		}
	}
	return n
}

func openEmbedded(ctx context.Context, _ ipc.None) error {
	if _, err := cluster.Open(ctx, ""); err != nil {
		return err
	}
	if err := os.WriteFile(os.TempDir()+"/open", nil, 0o600); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

var embeddedTarget = ipc.NewTarget(openEmbedded)

func TestEmbeddedLeavesNothing(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	t.Setenv("TMPDIR", t.TempDir())

	p := ipc.NewProcess(embeddedTarget, ipc.None{})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	until(ctx, func() bool { _, err := os.Stat(os.TempDir() + "/open"); return err == nil })
	_ = p.Kill()
	_ = p.Join(ctx)
	if n := folders(t); n != 1 {
		t.Fatalf("a killed process leaves %d folders; want its own", n)
	}

	c, pool := openPool(t, ctx, cluster.Config{}, "", actFunc)
	if n := folders(t); n != 1 {
		t.Errorf("%d folders; want ours, and that of the killed process removed", n)
	}
	other, err := cluster.Open(ctx, "") // while the first one is there
	if err != nil {
		t.Fatal(err)
	}
	if n := folders(t); n != 2 {
		t.Errorf("%d folders of two servers", n)
	}
	got, err := pool.Map(ctx, deeds("", "", 20))
	checkOnce(t, got, err)
	for _, c := range []*cluster.Cluster{c, other, other} {
		if err := c.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	if n := folders(t); n != 0 {
		t.Errorf("%d folders are left", n)
	}
}

func TestDirOfAnother(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, deadline)
	config := cluster.Config{Dir: t.TempDir()}
	_, _ = openPool(t, ctx, config, "", actFunc)
	if _, err := config.Open(ctx, ""); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("Open() = %v; want that the folder is in use", err)
	}
	config.Dir = "/proc/no/such"
	if _, err := config.Open(ctx, ""); err == nil {
		t.Error("Open() = nil with a folder that can't be")
	}
}

func TestBadConfigs(t *testing.T) {
	ctx := ipctest.Deadline(t, deadline)
	for _, c := range []cluster.Config{{Workers: -1}, {Lease: 1}, {Lease: -1}, {Patience: -1}, {Replicas: -1}} {
		if _, err := c.Open(ctx, ""); err == nil {
			t.Errorf("Open() of %+v = nil", c)
		}
		if err := c.Serve(ctx, "nats://127.0.0.1:1"); err == nil {
			t.Errorf("Serve() of %+v = nil", c)
		}
	}
	_, err := cluster.Open(ctx, "nats://me:secret@127.0.0.1:1")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Open() = %v; want an error without the password", err)
	}
}
