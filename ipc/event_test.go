package ipc_test

import (
	"context"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

type eventArgs struct {
	E     *ipc.Event
	Ready *ipc.Sender[bool]
	Set   bool
}

func useEvent(ctx context.Context, a eventArgs) error {
	if a.Set {
		a.E.Set()
		return nil
	}
	if err := a.Ready.Send(ctx, true); err != nil {
		return err
	}
	return a.E.Wait(ctx)
}

var eventTarget = ipc.NewTarget(useEvent)

func newEvent(t *testing.T) *ipc.Event {
	t.Helper()
	e, err := ipc.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestEventWakesProcesses(t *testing.T) { // EVT-01 to EVT-04
	ctx := guard(t)
	e := newEvent(t)
	if e.IsSet() || e.String() != "<Event unset>" {
		t.Errorf("a new event is %v", e)
	}
	r, s := channel[bool](t)
	var ps []*ipc.Process
	for range 3 {
		p := ipc.NewProcess(eventTarget, eventArgs{E: e, Ready: s})
		start(t, p)
		ok(r.Recv(ctx))(t)
		ps = append(ps, p)
	}
	// A waiter that is stopped or killed must not hold up Set.
	_ = ps[2].Kill()
	e.Set()
	e.Set()
	join(t, ps[:2]...)
	_ = ps[2].Join(ctx)
	if err := e.Wait(ctx); err != nil || !e.IsSet() || e.String() != "<Event set>" {
		t.Errorf("Wait() = %v, %v", err, e)
	}
	e.Clear()
	e.Clear()
	if e.IsSet() {
		t.Error("Clear() left it set")
	}
}

func TestEventPulseIsSeen(t *testing.T) { // KF-20
	ctx := guard(t)
	for range 100 {
		e := newEvent(t)
		var err error
		waiting := make(chan struct{})
		done := make(chan struct{})
		go func() { close(waiting); err = e.Wait(ctx); close(done) }()
		<-waiting
		for open := true; open; {
			e.Set()
			e.Clear()
			select {
			case <-done:
				open = false
			default:
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		e.Close()
	}
}

func TestEventIsSetByAChild(t *testing.T) { // EVT-02, KF-18, ROB-15
	ctx := guard(t)
	e := newEvent(t)
	p := ipc.NewProcess(eventTarget, eventArgs{E: e, Set: true})
	start(t, p)
	if err := e.Wait(ctx); err != nil {
		t.Error(err)
	}
	join(t, p)
	e.Clear()
	short, cancel := context.WithCancel(ctx)
	var werr error
	wait := mustBlock(t, "Wait", func() { werr = e.Wait(short) })
	cancel()
	wait()
	if werr != context.Canceled {
		t.Errorf("Wait() = %v", werr)
	}
}
