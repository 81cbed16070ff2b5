// Package forgets has no TestMain.
package forgets

import (
	"context"
	"os"
	"testing"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// A line for each process that runs this package.
func init() {
	f, err := os.OpenFile(os.Getenv("RUNS"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	f.WriteString("run\n")
}

func double(_ context.Context, n int) (int, error) { return 2 * n, nil }

var doubleFunc = ipc.NewFunc(double)

func noop(context.Context, ipc.None) error { return nil }

var noopTarget = ipc.NewTarget(noop)

func TestStart(t *testing.T) {
	ipctest.NoLeaks(t)
	if err := ipc.NewProcess(noopTarget, ipc.None{}).Start(); err != nil {
		t.Error(err)
	}
}

func TestPool(t *testing.T) {
	ipctest.NoLeaks(t)
	pool := ipc.NewPool(doubleFunc, 2)
	defer pool.Terminate()
	if _, err := pool.Map(t.Context(), []int{1, 2, 3}); err != nil {
		t.Error(err)
	}
}
