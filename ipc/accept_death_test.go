package ipc_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A mortal is a task in which, or beside which, a worker dies. One whose State
// is not that of the victim just returns.
type mortal struct {
	N     int
	State string
}

// A relic is the result, which may tell while it is encoded.
type relic struct {
	N     int
	State string
	Body  []byte
	pids  *ipc.Sender[int]
}

func (r relic) MarshalBinary() ([]byte, error) {
	b := append([]byte{byte(r.N)}, r.Body...)
	if r.pids == nil {
		return b, nil
	}
	if err := r.pids.Send(context.Background(), os.Getpid()); err != nil {
		return nil, err
	}
	if r.State == "encoding" {
		select {}
	}
	return b, nil
}

func (r *relic) UnmarshalBinary(b []byte) error {
	if len(b) == 0 {
		return errors.New("no relic")
	}
	r.N, r.Body = int(b[0]), b[1:]
	return nil
}

func perish(ctx context.Context, m mortal) (relic, error) {
	r := relic{N: m.N, State: m.State}
	switch m.State {
	case "in a task":
		if err := ipc.State[gate](ctx).Pids.Send(ctx, os.Getpid()); err != nil {
			return r, err
		}
		select {}
	case "encoding":
		r.pids = ipc.State[gate](ctx).Pids
	case "replying": // for some milliseconds from then on
		r.pids, r.Body = ipc.State[gate](ctx).Pids, make([]byte, 64<<20)
	}
	return r, nil
}

// A gate is what a worker comes through as it is set up.
type gate struct {
	Firsts *ipc.Value[int]  // how many are to wait there for their end
	Pids   *ipc.Sender[int] // who is about to die tells so
}

func passGate(ctx context.Context, g gate) (gate, error) {
	if g.Firsts.Add(-1) < 0 {
		return g, nil
	}
	if err := g.Pids.Send(ctx, os.Getpid()); err != nil {
		return g, err
	}
	select {}
}

var (
	perishFunc = ipc.NewFunc(perish)
	gateSetup  = ipc.NewSetup(passGate, nil)
)

// A worker is killed in each of its states. The task that it had in its hands is
// lost, if there was one, and nothing else: all others are done, and the pool
// goes on.
func TestAcceptDeathInEachState(t *testing.T) { // users.md 10, test 1
	tests := []struct {
		state string
		lost  bool // the task is, always
		may   bool // it may be
	}{
		{"before it is ready", false, false},
		{"setting up", false, false},
		{"idle", false, false},
		{"in a task", true, true},
		{"encoding", true, true},
		{"replying", false, true},
		{"between tasks", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.state, func(t *testing.T) {
			for range repeats(2) {
				lost := dieInState(t, tt.state)
				if lost > 1 || lost == 1 && !tt.may || lost == 0 && tt.lost {
					t.Errorf("%d tasks were lost", lost)
				}
			}
		})
	}
}

const mortals = 40

// dieInState maps tasks in a new pool while a worker of it is killed, and maps
// more. It returns how many tasks were lost.
func dieInState(t *testing.T, state string) (lost int) {
	ctx := guard(t)
	pids, s := channel[int](t)
	pool := ipc.NewPool(perishFunc, 2)
	g := gate{ok(ipc.NewValue(0))(t), s}
	defer g.Firsts.Close()
	if state == "setting up" {
		g.Firsts.Store(1)
	}
	pool.Setup = gateSetup.With(g)
	in := make([]mortal, mortals)
	for i := range in {
		in[i] = mortal{i, ""}
	}
	const victim = 7
	in[victim].State = state
	if state == "between tasks" { // or in any of them
		for i := range in {
			in[i].State = state
		}
	}
	if state == "idle" {
		mapMortals(ctx, t, pool, in[:2])
	}
	killed := make(chan bool)
	go func() { defer close(killed); killInState(ctx, t, state, pids, g) }()
	if state == "idle" {
		<-killed
	}
	for range 2 { // the second one with what is left
		lost += mapMortals(ctx, t, pool, in)
		if state != "between tasks" { // where the end may come as late as here
			in[victim].State = ""
		}
	}
	<-killed
	finish(t, pool)
	return lost
}

// killInState kills a worker that is in the state, or soon will be.
func killInState(ctx context.Context, t *testing.T, state string, pids *ipc.Receiver[int], g gate) {
	var pid int
	switch state {
	case "before it is ready", "idle", "between tasks":
		until(func() bool { return len(ipc.ActiveChildren()) > 0 }, func() { t.Error("there is no worker") })
		for _, p := range ipc.ActiveChildren() {
			pid = p.Pid()
		}
		if state == "between tasks" {
			time.Sleep(rand.N(20 * time.Millisecond)) // anywhere in its life
		}
		if state == "before it is ready" {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
			if g.Firsts.Load() < 0 { // too late: it may have a task
				_ = syscall.Kill(pid, syscall.SIGCONT)
				return
			}
		}
	default:
		var err error
		if pid, err = pids.Recv(ctx); err != nil {
			t.Errorf("nobody comes to the state: %v", err)
		}
		if state == "replying" {
			time.Sleep(rand.N(20 * time.Millisecond))
		}
	}
	if pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// mapMortals maps, and returns how many tasks were lost with their workers.
func mapMortals(ctx context.Context, t *testing.T, pool *ipc.Pool[mortal, relic], in []mortal) int {
	t.Helper()
	got, err := pool.Map(ctx, in)
	failed, isTasks := errors.AsType[ipc.TaskErrors](err)
	if err != nil && !isTasks {
		t.Fatalf("Map() = %v", err)
	}
	lost := map[int]bool{}
	for _, e := range failed {
		x, isExit := errors.AsType[*ipc.ExitError](e)
		if !isExit || x.Code != -9 || e.Cause != ipc.CauseKilled || e.Attempts != 1 {
			t.Errorf("%v, cause %v, attempt %d; want a killed worker", e, e.Cause, e.Attempts)
		}
		if s := in[e.Index].State; s == "" {
			t.Errorf("%v; it was not its worker that was to die", e)
		}
		lost[e.Index] = true
	}
	for i, r := range got {
		if !lost[i] && r.N != i {
			t.Errorf("result %d is of task %d", i, r.N)
		}
	}
	return len(lost)
}
