package ipc_test

import (
	"context"
	"slices"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

type barrierArgs struct {
	B      *ipc.Barrier
	Rounds int
	Out    *ipc.Queue[arrival]
}

type arrival struct {
	Round, Index int
	Err          string
}

func pass(ctx context.Context, a barrierArgs) error {
	for r := range a.Rounds {
		i, err := a.B.Wait(ctx)
		if err != nil {
			return a.Out.Put(ctx, arrival{r, i, err.Error()})
		}
		if err := a.Out.Put(ctx, arrival{Round: r, Index: i}); err != nil {
			return err
		}
	}
	return nil
}

var passTarget = ipc.NewTarget(pass)

func newBarrier(t *testing.T, parties int) *ipc.Barrier {
	t.Helper()
	b, err := ipc.NewBarrier(parties)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestBarrierGoesInRounds(t *testing.T) { // BAR-01 to BAR-04, BAR-15
	ctx := guard(t)
	const parties, rounds = 5, 200
	b, q := newBarrier(t, parties), newQueue[arrival](t, 0)
	var ps []*ipc.Process
	for range parties {
		ps = append(ps, ipc.NewProcess(passTarget, barrierArgs{b, rounds, q}))
	}
	start(t, ps...)
	indices := make([][]int, rounds)
	for v, err := range q.All(ctx) {
		if err != nil || v.Err != "" {
			t.Fatal(err, v.Err)
		}
		indices[v.Round] = append(indices[v.Round], v.Index)
		if v.Round > 1 && len(indices[v.Round-2]) != parties {
			t.Fatalf("someone is in round %d before round %d is over", v.Round, v.Round-2)
		}
	}
	join(t, ps...)
	for r, is := range indices {
		if slices.Sort(is); !slices.Equal(is, []int{0, 1, 2, 3, 4}) {
			t.Errorf("round %d: indices %v", r, is)
		}
	}
	if b.Waiting() != 0 || b.Broken() || b.Parties() != parties {
		t.Errorf("waiting %d, broken %t, parties %d", b.Waiting(), b.Broken(), b.Parties())
	}
}

func TestBarrierBreaks(t *testing.T) { // BAR-07, BAR-08, BAR-10, BAR-11, BAR-16, BAR-17, KF-19, ROB-17
	tests := []struct {
		name string
		do   func(b *ipc.Barrier, waiting *ipc.Process)
		left bool // whether it is broken then
	}{
		{"abort", func(b *ipc.Barrier, _ *ipc.Process) { b.Abort() }, true},
		{"reset", func(b *ipc.Barrier, _ *ipc.Process) { b.Reset() }, false},
		{"a party is killed", func(_ *ipc.Barrier, p *ipc.Process) { _ = p.Kill() }, true},
		{"a wait is given up", func(b *ipc.Barrier, _ *ipc.Process) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, _ = b.Wait(ctx)
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := guard(t)
			b, q := newBarrier(t, 4), newQueue[arrival](t, 0)
			one := ipc.NewProcess(passTarget, barrierArgs{b, 1, q})
			two := ipc.NewProcess(passTarget, barrierArgs{b, 1, q})
			start(t, one, two)
			until(func() bool { return b.Waiting() == 2 }, func() { t.Fatalf("Waiting() = %d", b.Waiting()) })
			tt.do(b, two)
			got := ok(q.Get(ctx))(t)
			if got.Err != ipc.ErrBrokenBarrier.Error() {
				t.Errorf("Wait() = %+v", got)
			}
			_ = one.Join(ctx)
			_ = two.Join(ctx)
			if b.Broken() != tt.left {
				t.Errorf("Broken() = %t", b.Broken())
			}
			if !tt.left {
				return
			}
			if _, err := b.Wait(ctx); err != ipc.ErrBrokenBarrier {
				t.Errorf("Wait() at a broken barrier = %v", err)
			}
			b.Reset()
			if b.Broken() {
				t.Error("Reset() left it broken")
			}
		})
	}
}

func TestBarrierOfOne(t *testing.T) { // BAR-14
	ctx := guard(t)
	b := newBarrier(t, 1)
	for range 3 {
		if i, err := b.Wait(ctx); i != 0 || err != nil {
			t.Errorf("Wait() = %d, %v", i, err)
		}
	}
}

func TestBarrierRefusesBadNumbers(t *testing.T) { // KF-23
	for _, n := range []int{-1, 0, 1 << 14} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("NewBarrier(%d) did not panic", n)
				}
			}()
			_, _ = ipc.NewBarrier(n)
		}()
	}
}
