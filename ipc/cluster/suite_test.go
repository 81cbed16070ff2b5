package cluster_test

import (
	"log/slog"
	"testing"

	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/internal/pooltest"
)

// TestPoolSuite has the promises of ipc.Pool kept by a host.
func TestPoolSuite(t *testing.T) {
	c, err := cluster.Config{Workers: 3, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	pooltest.Run(t, pooltest.Backend{Workers: 3, Attach: c.Attach})
}
