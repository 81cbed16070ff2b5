package ipc_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func newSemaphore(t *testing.T, n int) *ipc.Semaphore {
	t.Helper()
	s, err := ipc.NewSemaphore(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

type semaphoreArgs struct {
	S     *ipc.Semaphore
	Times int
	Ready *ipc.Sender[int]
	Seen  *ipc.Queue[int]
}

// takeAndStay takes that many permits and keeps them.
func takeAndStay(ctx context.Context, a semaphoreArgs) error {
	for range a.Times {
		if err := a.S.Acquire(ctx); err != nil {
			return err
		}
	}
	if err := a.Ready.Send(ctx, a.S.Value()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// takeAndLeave takes that many permits and ends with them.
func takeAndLeave(ctx context.Context, a semaphoreArgs) error {
	for range a.Times {
		if err := a.S.Acquire(ctx); err != nil {
			return err
		}
	}
	return a.Ready.Send(ctx, a.S.Value())
}

// passThrough says when it has a permit, and when it has it no more.
func passThrough(ctx context.Context, a semaphoreArgs) error {
	for range a.Times {
		if err := a.S.Acquire(ctx); err != nil {
			return err
		}
		if err := a.Seen.Put(ctx, 1); err != nil {
			return err
		}
		if err := a.Seen.Put(ctx, -1); err != nil {
			return err
		}
		a.S.Release()
	}
	return nil
}

// spinThrough takes and gives permits until it is killed.
func spinThrough(ctx context.Context, a semaphoreArgs) error {
	for i := 0; ; i++ {
		if err := a.S.Acquire(ctx); err != nil {
			return err
		}
		if i == 100 {
			if err := a.Ready.Send(ctx, 0); err != nil {
				return err
			}
		}
		a.S.Release()
	}
}

// takePermits takes as many permits as it can.
func takePermits(ctx context.Context, a semaphoreArgs) error {
	for range a.Times {
		if err := a.S.Acquire(ctx); err != nil {
			return err
		}
		if err := a.Ready.Send(ctx, 1); err != nil {
			return err
		}
	}
	return nil
}

var (
	takeAndStayTarget  = ipc.NewTarget(takeAndStay)
	takeAndLeaveTarget = ipc.NewTarget(takeAndLeave)
	passThroughTarget  = ipc.NewTarget(passThrough)
	spinThroughTarget  = ipc.NewTarget(spinThrough)
	takePermitsTarget  = ipc.NewTarget(takePermits)
)

func TestSemaphoreCounts(t *testing.T) { // SEM-01, SEM-02, SEM-03
	ctx := guard(t)
	for _, bounded := range []bool{false, true} {
		s := newSemaphore(t, 2)
		if bounded {
			s = ok(ipc.NewBoundedSemaphore(2))(t)
			defer s.Close()
		}
		var values []int
		note := func() { values = append(values, s.Value()) }
		for range 2 {
			if err := s.Acquire(ctx); err != nil {
				t.Fatal(err)
			}
			note()
		}
		if err := s.TryAcquire(); err != ipc.ErrWouldBlock {
			t.Errorf("TryAcquire() of an empty one = %v", err)
		}
		note()
		s.Release()
		note()
		s.Release()
		note()
		want := []int{1, 0, 0, 1, 2}
		if !bounded {
			s.Release()
			note()
			s.Release()
			note()
			want = append(want, 3, 4)
		}
		if !slices.Equal(values, want) {
			t.Errorf("bounded %v: values %v; want %v", bounded, values, want)
		}
		if bounded {
			mustPanic(t, "Release() above the bound", s.Release)
			note()
			if s.Value() != 2 {
				t.Errorf("Value() after that = %d", s.Value())
			}
		}
	}
}

// mustPanic checks that f panics.
func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

func TestSemaphoreRefusesBadNumbers(t *testing.T) { // KF-23
	for _, n := range []int{-1, 1 << 20} {
		mustPanic(t, fmt.Sprintf("NewSemaphore(%d)", n), func() { _, _ = ipc.NewSemaphore(n) })
	}
}

func TestSemaphoreOfZeroWaits(t *testing.T) { // SEM-05
	ctx := guard(t)
	s := newSemaphore(t, 0)
	if err := s.TryAcquire(); err != ipc.ErrWouldBlock {
		t.Errorf("TryAcquire() = %v", err)
	}
	begin := time.Now()
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := s.Acquire(short); err != context.DeadlineExceeded {
		t.Errorf("Acquire() = %v", err)
	}
	if d := time.Since(begin); d < 100*time.Millisecond {
		t.Errorf("Acquire() gave up after %v", d)
	}
	wait := mustBlock(t, "Acquire()", func() {
		if err := s.Acquire(ctx); err != nil {
			t.Errorf("Acquire() = %v", err)
		}
	})
	s.Release()
	wait()
	s.Release()
	short, cancel = context.WithCancel(ctx)
	cancel()
	if err := s.Acquire(short); err != nil {
		t.Errorf("Acquire() of what is there = %v", err)
	}
	s.Release()
}

func TestSemaphoreIsSharedAndLimits(t *testing.T) { // SEM-06
	ctx := guard(t)
	const permits, times = 2, 50
	s, q := newSemaphore(t, permits), newQueue[int](t, 0)
	var ps []*ipc.Process
	for range 4 {
		ps = append(ps, ipc.NewProcess(passThroughTarget, semaphoreArgs{S: s, Times: times, Seen: q}))
	}
	start(t, ps...)
	inside, seen := 0, 0
	for v, err := range q.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if inside, seen = inside+v, seen+1; inside > permits {
			t.Errorf("%d have a permit; there are %d", inside, permits)
		}
	}
	join(t, ps...)
	if seen != 4*times*2 || s.Value() != permits {
		t.Errorf("seen %d, value %d", seen, s.Value())
	}
	if got, want := s.String(), "<Semaphore(value=2)>"; got != want {
		t.Errorf("String() = %q; want %q", got, want)
	}
	r, ready := channel[int](t)
	p := ipc.NewProcess(takeAndLeaveTarget, semaphoreArgs{S: s, Times: 1, Ready: ready})
	start(t, p)
	if v := ok(r.Recv(ctx))(t); v != permits-1 {
		t.Errorf("Value() in a child that has taken one = %d", v)
	}
	join(t, p)
}

// A process that only releases, and one that only acquires.
func TestSemaphoreSignals(t *testing.T) {
	ctx := guard(t)
	s := newSemaphore(t, 0)
	r, ready := channel[int](t)
	p := ipc.NewProcess(takePermitsTarget, semaphoreArgs{S: s, Times: 1000, Ready: ready})
	start(t, p)
	for i := range 1000 {
		s.Release()
		if i%3 == 0 {
			ok(r.Recv(ctx))(t)
		}
	}
	for range 1000 - 334 {
		ok(r.Recv(ctx))(t)
	}
	join(t, p)
}

func TestSemaphoreGetsBackWhatTheDeadHeld(t *testing.T) { // KF-17
	for _, how := range []string{"Acquire", "TryAcquire", "a clean end"} {
		t.Run(how, func(t *testing.T) {
			ctx := guard(t)
			s := ok(ipc.NewBoundedSemaphore(3))(t)
			defer s.Close()
			if err := s.Acquire(ctx); err != nil {
				t.Fatal(err)
			}
			r, ready := channel[int](t)
			target := takeAndStayTarget
			if how == "a clean end" {
				target = takeAndLeaveTarget
			}
			p := ipc.NewProcess(target, semaphoreArgs{S: s, Times: 2, Ready: ready})
			start(t, p)
			if v := ok(r.Recv(ctx))(t); v != 0 {
				t.Errorf("Value() with all taken = %d", v)
			}
			switch how {
			case "Acquire":
				wait := mustBlock(t, how, func() {
					if err := s.Acquire(ctx); err != nil {
						t.Errorf("Acquire() = %v", err)
					}
				})
				_ = p.Kill()
				wait()
				s.Release()
			case "TryAcquire":
				_ = p.Kill()
				<-p.Sentinel()
				if err := s.TryAcquire(); err != nil {
					t.Errorf("TryAcquire() = %v", err)
				}
				s.Release()
			}
			_ = p.Join(ctx)
			if v := s.Value(); v != 2 {
				t.Errorf("Value() = %d; want 2", v)
			}
			s.Release()
			mustPanic(t, "Release() of the dead one's permit", s.Release)
		})
	}
}

// Whatever a process was just doing with its permits when it was killed.
func TestSemaphoreStaysWholeWhoeverIsKilled(t *testing.T) { // KF-17
	ctx := guard(t)
	const permits = 2
	s := ok(ipc.NewBoundedSemaphore(permits))(t)
	defer s.Close()
	for i := range 10 {
		r, ready := channel[int](t)
		var ps []*ipc.Process
		for range 3 {
			ps = append(ps, ipc.NewProcess(spinThroughTarget, semaphoreArgs{S: s, Ready: ready}))
		}
		start(t, ps...)
		for range ps {
			ok(r.Recv(ctx))(t)
		}
		for _, p := range ps {
			_ = p.Kill()
		}
		for range permits { // and the others go on meanwhile
			if err := s.Acquire(ctx); err != nil {
				t.Errorf("Acquire() = %v", err)
			}
		}
		for range permits {
			s.Release()
		}
		for _, p := range ps {
			_ = p.Join(ctx)
		}
		if v := s.Value(); v != permits {
			t.Fatalf("Value() after %d rounds = %d; want %d", i+1, v, permits)
		}
	}
}

func TestSemaphoreCloseGivesPermitsBack(t *testing.T) {
	ctx := guard(t)
	s := newSemaphore(t, 2)
	r, ready := channel[int](t)
	p := ipc.NewProcess(takeAndStayTarget, semaphoreArgs{S: s, Times: 1, Ready: ready})
	start(t, p)
	ok(r.Recv(ctx))(t)
	if err := s.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	seen := ipc.NewProcess(takeAndStayTarget, semaphoreArgs{S: s, Times: 1, Ready: ready})
	start(t, seen) // it gets what this process gives back
	wait := mustBlock(t, "Acquire()", func() {
		if err := s.Acquire(ctx); err != ipc.ErrClosed {
			t.Errorf("Acquire() of a closed one = %v", err)
		}
	})
	s.Close()
	wait()
	ok(r.Recv(ctx))(t)
	s.Release()
	if err := s.TryAcquire(); err != ipc.ErrClosed || s.Value() != 0 {
		t.Errorf("closed: TryAcquire() = %v, Value() = %d", err, s.Value())
	}
	for _, p := range []*ipc.Process{p, seen} {
		_ = p.Kill()
		_ = p.Join(ctx)
	}
}
