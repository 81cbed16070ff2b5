package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// inStep is a party that leaves a mark before each wait, and looks after it
// whether the marks of all are there.
type inStep struct {
	B      *ipc.Barrier
	Passes int
	Marks  *ipc.Queue[int]
}

func (a inStep) Run(ctx context.Context) error {
	for pass := range a.Passes {
		if err := a.Marks.Put(ctx, pass); err != nil {
			return err
		}
		if _, err := a.B.Wait(ctx); err != nil {
			return err
		}
		if n, want := a.Marks.Len(), (pass+1)*a.B.Parties(); n < want {
			return fmt.Errorf("past wait %d with %d marks; want %d", pass, n, want)
		}
	}
	return nil
}

var inStepTarget = ipc.TargetOf[inStep]()

func TestBarrierKeepsPartiesInStep(t *testing.T) { // BAR-01, BAR-02
	for _, passes := range []int{1, 10} {
		t.Run(fmt.Sprint(passes), func(t *testing.T) {
			guard(t)
			b, marks := newBarrier(t, 5), newQueue[int](t, 0)
			var ps []*ipc.Process
			for range 5 {
				ps = append(ps, ipc.NewProcess(inStepTarget, inStep{b, passes, marks}))
			}
			start(t, ps...)
			join(t, ps...)
			if b.Waiting() != 0 || b.Broken() || marks.Len() != 5*passes {
				t.Errorf("%d wait, broken: %v, %d marks", b.Waiting(), b.Broken(), marks.Len())
			}
		})
	}
}

type rounds struct {
	B     *ipc.Barrier
	L     *ipc.Lock
	Times int
	Out   *ipc.Sender[int]
}

func (a rounds) Run(ctx context.Context) error {
	for i := range a.Times {
		if _, err := a.B.Wait(ctx); err != nil {
			return err
		}
		if err := a.L.Acquire(ctx); err != nil {
			return err
		}
		err := a.Out.Send(ctx, i)
		a.L.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

var roundsTarget = ipc.TargetOf[rounds]()

func TestBarrierPassesAThousandTimes(t *testing.T) { // BAR-15
	ctx := guard(t)
	const parties, times = 5, 1000
	b, l := newBarrier(t, parties), newLock(t)
	r, s := channel[int](t)
	var ps []*ipc.Process
	for range parties {
		ps = append(ps, ipc.NewProcess(roundsTarget, rounds{b, l, times, s}))
	}
	start(t, ps...)
	for i := range times {
		for range parties {
			if got := ok(r.Recv(ctx))(t); got != i {
				t.Fatalf("round %d came in round %d", got, i)
			}
		}
	}
	join(t, ps...)
}

// party is one of five of which one, the last, has something else to do.
type party struct {
	B, Sync *ipc.Barrier
	Plot    string
	Last    bool
	Out     *ipc.Sender[string]
}

func (p party) Run(ctx context.Context) error {
	report := func(wait context.Context) error {
		result := "passed"
		if _, err := p.B.Wait(wait); err != nil {
			result = err.Error()
		}
		return p.Out.Send(ctx, result)
	}
	switch p.Plot {
	case "abort":
		return p.abort(ctx, report)
	case "reset":
		if !p.Last {
			return errors.Join(report(ctx), report(ctx))
		}
		var err error
		until(func() bool { return p.B.Waiting() == 4 }, func() { err = fmt.Errorf("Waiting() = %d", p.B.Waiting()) })
		p.B.Reset()
		return errors.Join(err, report(ctx))
	case "abort and reset":
		if err := p.abort(ctx, report); err != nil {
			return err
		}
		_, err := p.Sync.Wait(ctx)
		if p.Last {
			p.B.Reset()
		}
		_, again := p.Sync.Wait(ctx)
		return errors.Join(err, again, report(ctx))
	case "late":
		if p.Last {
			var err error
			until(p.B.Broken, func() { err = errors.New("the barrier does not break") })
			return errors.Join(err, report(ctx))
		}
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		return report(short)
	}
	return nil
}

// abort is one common pass, and a second one that the last party aborts.
func (p party) abort(ctx context.Context, report func(context.Context) error) error {
	if err := report(ctx); err != nil {
		return err
	}
	if p.Last {
		p.B.Abort()
		return nil
	}
	return report(ctx)
}

var partyTarget = ipc.TargetOf[party]()

func TestBarrierOfFiveBreaks(t *testing.T) { // BAR-07, BAR-08, BAR-10, BAR-11
	broken := ipc.ErrBrokenBarrier.Error()
	for plot, want := range map[string]map[string]int{
		"abort":           {"passed": 5, broken: 4},
		"reset":           {"passed": 5, broken: 4},
		"abort and reset": {"passed": 10, broken: 4},
		// Each of the four gives up, or sees first that another one has.
		"late": {broken: 5},
	} {
		t.Run(plot, func(t *testing.T) {
			ctx := guard(t)
			b, sync := newBarrier(t, 5), newBarrier(t, 5)
			r, s := channel[string](t)
			var ps []*ipc.Process
			for i := range 5 {
				ps = append(ps, ipc.NewProcess(partyTarget, party{b, sync, plot, i == 4, s}))
			}
			start(t, ps...)
			s.Close()
			got := map[string]int{}
			for result, err := range r.All(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				if result == context.DeadlineExceeded.Error() {
					result = broken
				}
				got[result]++
			}
			join(t, ps...)
			if !maps.Equal(got, want) {
				t.Errorf("results %v; want %v", got, want)
			}
			if left := plot == "abort" || plot == "late"; b.Broken() != left {
				t.Errorf("Broken() = %v", b.Broken())
			}
		})
	}
}

func TestBarrierCountsThoseWhoWait(t *testing.T) { // BAR-16
	ctx := guard(t)
	b, q := newBarrier(t, 3), newQueue[arrival](t, 0)
	one := ipc.NewProcess(passTarget, barrierArgs{b, 1, q})
	two := ipc.NewProcess(passTarget, barrierArgs{b, 1, q})
	start(t, one, two)
	until(func() bool { return b.Waiting() == 2 }, func() { t.Fatalf("Waiting() = %d", b.Waiting()) })
	if i, err := b.Wait(ctx); i != 2 || err != nil || b.Waiting() != 0 || b.Parties() != 3 {
		t.Errorf("Wait() = %d, %v; Waiting() = %d, Parties() = %d", i, err, b.Waiting(), b.Parties())
	}
	join(t, one, two)
}

func TestAbortBreaksAnIdleBarrier(t *testing.T) { // BAR-17, BAR-19
	ctx := guard(t)
	b, q := newBarrier(t, 2), newQueue[arrival](t, 0)
	b.Abort()
	p := ipc.NewProcess(passTarget, barrierArgs{b, 1, q})
	start(t, p)
	if got := ok(q.Get(ctx))(t); got.Err != ipc.ErrBrokenBarrier.Error() {
		t.Errorf("in a child Wait() = %+v", got)
	}
	join(t, p)
	for _, c := range []context.Context{ctx, soon(t)} {
		if _, err := b.Wait(c); err != ipc.ErrBrokenBarrier {
			t.Errorf("Wait() = %v; want ErrBrokenBarrier", err)
		}
	}
	if _, err := b.Wait(over()); err == nil || !b.Broken() {
		t.Errorf("Wait() without time = %v, Broken() = %v", err, b.Broken())
	}
}

// Two wait for a third, which is killed on its way.
func TestBarrierBreaksWhenAPartyDiesBeforeIt(t *testing.T) { // ROB-17
	ctx := guard(t)
	b, q := newBarrier(t, 3), newQueue[arrival](t, 0)
	one := ipc.NewProcess(passTarget, barrierArgs{b, 1, q})
	two := ipc.NewProcess(passTarget, barrierArgs{b, 1, q})
	r, s := channel[bool](t)
	late := ipc.NewProcess(victimTarget, victim{
		How: "kill", Where: "before the barrier", Barrier: b, Ready: s,
	})
	start(t, one, two)
	until(func() bool { return b.Waiting() == 2 }, func() { t.Fatalf("Waiting() = %d", b.Waiting()) })
	start(t, late)
	ok(r.Recv(ctx))(t)
	got := []string{ok(q.Get(ctx))(t).Err, ok(q.Get(ctx))(t).Err}
	if want := ipc.ErrBrokenBarrier.Error(); !slices.Equal(got, []string{want, want}) {
		t.Errorf("Wait() = %q", got)
	}
	join(t, one, two)
	_ = late.Join(ctx)
}
