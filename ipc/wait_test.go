package ipc_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// Wait would wait for a result of none.
func TestWaitForNothing(t *testing.T) {
	if ready, err := ipc.Wait(guard(t)); len(ready) != 0 || err != nil {
		t.Errorf("Wait() for nothing = %v, %v", ready, err)
	}
}

// What was ready may not be any more when Wait looks which one it was: then it
// would return nothing.
func TestWaitGoesOnAfterPulse(t *testing.T) { // KF-20
	ctx := guard(t)
	ev := newEvent(t)
	for range 10 {
		wait := mustBlock(t, "Wait", func() {
			ready, err := ipc.Wait(ctx, ev)
			if err != nil || !slices.Equal(ready, []ipc.Waitable{ev}) {
				t.Errorf("Wait() = %v, %v; want the event", ready, err)
			}
		})
		for range 5 {
			ev.Set()
			ev.Clear()
			time.Sleep(time.Millisecond) // time for it to look
		}
		ev.Set()
		wait()
		ev.Clear()
	}
}
