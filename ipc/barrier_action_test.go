package ipc_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// actions counts the actions. Each party sets it before it waits, since an
// action has no arguments.
var actions *ipc.Value[int]

func countAction(context.Context, ipc.None) error {
	actions.Add(1)
	return nil
}

// diesInAction counts, and dies as the party was told to.
func diesInAction(context.Context, ipc.None) error {
	actions.Add(1)
	return die(actionHow)
}

var actionHow string

type actionArgs struct {
	B      *ipc.Barrier
	V      *ipc.Value[int]
	How    string
	Rounds int
	Out    *ipc.Queue[string]
}

// passActing passes the barrier, and checks that its action has been done
// once each time. It says what went wrong.
func passActing(ctx context.Context, a actionArgs) error {
	actions, actionHow = a.V, a.How
	for r := range a.Rounds {
		_, err := a.B.Wait(ctx)
		if n := a.V.Load(); err == nil && n != r+1 {
			err = fmt.Errorf("%d actions in round %d", n, r+1)
		}
		if err != nil {
			return a.Out.Put(ctx, err.Error())
		}
	}
	return nil
}

var (
	countActionTarget  = ipc.NewTarget(countAction)
	diesInActionTarget = ipc.NewTarget(diesInAction)
	passActingTarget   = ipc.NewTarget(passActing)
)

func TestBarrierActsOncePerRound(t *testing.T) { // BAR-05
	ctx := guard(t)
	const parties, rounds = 5, 50
	b := ok(ipc.NewBarrier(parties, countActionTarget))(t)
	defer b.Close()
	a := actionArgs{B: b, V: newValue(t, 0), Rounds: rounds, Out: newQueue[string](t, 0)}
	var ps []*ipc.Process
	for range parties - 1 {
		ps = append(ps, ipc.NewProcess(passActingTarget, a))
	}
	start(t, ps...)
	if err := passActing(ctx, a); err != nil {
		t.Error(err)
	}
	for what, err := range a.Out.All(ctx) {
		t.Error(what, err)
	}
	join(t, ps...)
	if a.V.Load() != rounds || b.Broken() || b.Waiting() != 0 || b.Parties() != parties {
		t.Errorf("%d actions; broken %v, waiting %d", a.V.Load(), b.Broken(), b.Waiting())
	}
}

func TestBarrierBreaksByItsAction(t *testing.T) { // KF-19, ROB-17
	for _, how := range []string{"error", "panic", "exit", "kill"} {
		t.Run(how, func(t *testing.T) {
			ctx := guard(t)
			b := ok(ipc.NewBarrier(3, diesInActionTarget))(t)
			defer b.Close()
			a := actionArgs{B: b, V: newValue(t, 0), How: how, Rounds: 1, Out: newQueue[string](t, 0)}
			var ps []*ipc.Process
			for i := range 3 {
				p := ipc.NewProcess(passActingTarget, a)
				p.Stderr = io.Discard
				ps = append(ps, p)
				start(t, p)
				until(func() bool { return b.Waiting() == i+1 || b.Broken() }, func() { t.Fatalf("Waiting() = %d", b.Waiting()) })
			}
			var got []string
			for range map[bool]int{true: 3, false: 2}[how == "error"] {
				got = append(got, ok(a.Out.Get(ctx))(t))
			}
			want := []string{ipc.ErrBrokenBarrier.Error(), ipc.ErrBrokenBarrier.Error()}
			if how == "error" {
				want = append(want, "no luck")
			}
			if slices.Sort(got); !slices.Equal(got, want) || a.V.Load() != 1 || !b.Broken() {
				t.Errorf("%q after %d actions, broken %v; want %q", got, a.V.Load(), b.Broken(), want)
			}
			for _, p := range ps {
				_ = p.Join(ctx)
			}
		})
	}
}

func TestBarrierRefusesBadActions(t *testing.T) {
	mustPanic(t, "a zero action", func() { _, _ = ipc.NewBarrier(2, ipc.Target[ipc.None]{}) })
	mustPanic(t, "two actions", func() { _, _ = ipc.NewBarrier(2, countActionTarget, countActionTarget) })
}

func TestBarrierHasDefaultTimeout(t *testing.T) { // BAR-11, BAR-12
	ctx := guard(t)
	const limit = 100 * time.Millisecond
	b, q := newBarrier(t, 3), newQueue[arrival](t, 0)
	b.SetTimeout(limit)
	begin := time.Now()
	p := ipc.NewProcess(passTarget, barrierArgs{b, 1, q}) // has no deadline, and comes in time
	start(t, p)
	until(func() bool { return b.Waiting() == 1 }, func() { t.Fatalf("Waiting() = %d", b.Waiting()) })
	mine, cancel := context.WithTimeout(ctx, limit*100)
	defer cancel()
	if _, err := b.Wait(mine); err != ipc.ErrBrokenBarrier {
		t.Errorf("Wait() with a deadline of its own = %v; want ErrBrokenBarrier", err)
	}
	if d := time.Since(begin); d < limit {
		t.Errorf("broken after %v", d)
	}
	if got := ok(q.Get(ctx))(t); got.Err != context.DeadlineExceeded.Error() {
		t.Errorf("Wait() in the child = %q", got.Err)
	}
	if _, err := b.Wait(ctx); err != ipc.ErrBrokenBarrier { // who comes too late
		t.Errorf("Wait() = %v; want ErrBrokenBarrier", err)
	}
	join(t, p)
	b.Reset()
	begin = time.Now()
	if _, err := b.Wait(ctx); err != context.DeadlineExceeded || time.Since(begin) < limit {
		t.Errorf("Wait() = %v after %v", err, time.Since(begin))
	}
	b.Reset()
	b.SetTimeout(time.Millisecond)
	b.SetTimeout(-1)
	wait := mustBlock(t, "Wait() without a limit", func() { _, _ = b.Wait(ctx) })
	b.Abort()
	wait()
}
