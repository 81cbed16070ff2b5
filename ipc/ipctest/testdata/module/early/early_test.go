// Package early has its children leave in an init function.
package early

import (
	"context"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

func init() { ipc.Dispatch() }

func TestMain(m *testing.M) { ipctest.Main(m) }

func send(ctx context.Context, to *ipc.Sender[string]) error { return to.Send(ctx, "hello") }

var sendTarget = ipc.NewTarget(send)

func TestSend(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, time.Minute)
	r, s, err := ipc.OneWay[string]()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer s.Close()
	p := ipc.NewProcess(sendTarget, s)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Recv(ctx); got != "hello" || err != nil {
		t.Errorf("Recv() = %q, %v; want hello", got, err)
	}
	if err := p.Join(ctx); err != nil {
		t.Error(err)
	}
}
