// Package ipctest helps to test programs that use package ipc: a test that
// leaves a process, a descriptor or a file behind fails and says what it was,
// and one that hangs fails with the stacks of all processes.
//
//	package greet_test
//
//	import (
//		"context"
//		"testing"
//		"time"
//
//		"github.com/mpbox/mpbox/ipc"
//		"github.com/mpbox/mpbox/ipc/ipctest"
//	)
//
//	func TestMain(m *testing.M) { ipctest.Main(m) }
//
//	func greet(ctx context.Context, to *ipc.Sender[string]) error {
//		return to.Send(ctx, "hello")
//	}
//
//	var greetTarget = ipc.NewTarget(greet)
//
//	func TestGreet(t *testing.T) {
//		ipctest.NoLeaks(t)
//		ctx := ipctest.Deadline(t, 20*time.Second)
//		receiver, sender, err := ipc.OneWay[string]()
//		if err != nil {
//			t.Fatal(err)
//		}
//		defer receiver.Close()
//		defer sender.Close()
//		p := ipc.NewProcess(greetTarget, sender)
//		if err := p.Start(); err != nil {
//			t.Fatal(err)
//		}
//		if got, err := receiver.Recv(ctx); got != "hello" || err != nil {
//			t.Errorf("Recv() = %q, %v; want hello", got, err)
//		}
//		if err := p.Join(ctx); err != nil {
//			t.Error(err)
//		}
//	}
//
// A package without that TestMain gets ErrNoMain from Start, and its test
// binary is run once only.
//
// # What counts as ours
//
// Processes are found on Linux by their parents, and by a variable in their
// environment, IPCTEST_PROCESS, which this package sets in the test binary.
// So those are found too whose parent has ended, unless they were given an
// environment without it. On other systems the ps command tells the
// descendants, which leaves out those whose parent has ended; where there is
// no ps, there are ipc's children only.
//
// The descriptors of the shared memory that ipc keeps for later are no leak; a
// handle (a Queue, a Lock, an end of a pipe) that was not closed is one.
//
// Under -race each child sleeps for a second at its end, unless GORACE has
// atexit_sleep_ms=0.
package ipctest
