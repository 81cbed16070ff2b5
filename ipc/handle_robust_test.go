package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// nothing takes any handles.
func nothing(context.Context, handles) error { return nil }

type handles struct {
	Lock   *ipc.Lock
	Sender *ipc.Sender[int]
	Conn   *ipc.Conn[[]byte]
	Queue  *ipc.Queue[int]
	Value  picky
}

var nothingTarget = ipc.NewTarget(nothing)

// embeds has the methods of a handle, but is none.
type embeds struct {
	*ipc.Lock
	N int
}

func (e *embeds) Run(context.Context) error {
	if err := e.TryAcquire(); err != ipc.ErrWouldBlock || e.N != 7 {
		return fmt.Errorf("N = %d, TryAcquire() = %v", e.N, err)
	}
	return nil
}

var embedsTarget = ipc.TargetOf[*embeds]()

func TestStructThatEmbedsHandleTravels(t *testing.T) {
	ctx := guard(t)
	l := newLock(t)
	if err := l.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	p := ipc.NewProcess(embedsTarget, &embeds{l, 7})
	start(t, p)
	join(t, p)
}

type both struct{ A, B *ipc.Queue[int] }

func (b both) Run(ctx context.Context) error {
	if err := errors.Join(b.A.Put(ctx, 1), b.B.Put(ctx, 2)); err != nil {
		return err
	}
	b.A.Close()
	if err := b.B.Put(ctx, 3); err != ipc.ErrClosed {
		return fmt.Errorf("Put() by the other one = %w", err)
	}
	return nil
}

var bothTarget = ipc.TargetOf[both]()

func TestHandleThatTravelsTwiceIsHeldOnce(t *testing.T) {
	ctx := guard(t)
	q := newQueue[int](t, 0)
	p := ipc.NewProcess(bothTarget, both{q, q})
	start(t, p)
	join(t, p)
	if a, b := ok(q.Get(ctx))(t), ok(q.Get(ctx))(t); a != 1 || b != 2 {
		t.Errorf("Get() = %d, then %d", a, b)
	}
	if _, err := q.Get(ctx); err != io.EOF {
		t.Errorf("Get() at the end = %v", err)
	}
}

func TestStartThatCanNotEncodeHoldsNothing(t *testing.T) { // KF-29
	ctx := guard(t)
	r, s := channel[int](t)
	l := newLock(t)
	for range 100 {
		p := ipc.NewProcess(nothingTarget, handles{Lock: l, Sender: s, Value: picky{"not encoded"}})
		if err := p.Start(); err == nil {
			t.Fatal("it started")
		}
	}
	s.Close()
	if _, err := r.Recv(ctx); err != io.EOF {
		t.Errorf("Recv() = %v", err)
	}
	l.Close()
	if err := l.TryAcquire(); err != ipc.ErrClosed {
		t.Errorf("TryAcquire() = %v", err)
	}
}

type relay struct {
	Depth int
	S, T  *ipc.Sender[int]
	A, B  *ipc.Conn[string]
}

// Run hands everything on and leaves at once, until the depth is reached.
func (r relay) Run(ctx context.Context) error {
	if r.Depth > 0 {
		r.Depth--
		if err := ipc.NewProcess(relayTarget, r).Start(); err != nil {
			return err
		}
		os.Exit(0)
	}
	<-ipc.ParentProcess().Sentinel()
	if err := r.A.Send(ctx, "self"); err != nil {
		return err
	}
	if v, err := r.B.Recv(ctx); err != nil || v != "self" {
		return fmt.Errorf("Recv() = %q, %w", v, err)
	}
	return errors.Join(r.S.Send(ctx, 1), r.T.Send(ctx, 2))
}

var relayTarget = ipc.TargetOf[relay]()

func TestHandlesReachDescendantsOfTheDead(t *testing.T) { // QUE-23, KF-39, ROB-34
	ctx := guard(t)
	r, s := channel[int](t)
	a, b, err := ipc.Pipe[string]()
	if err != nil {
		t.Fatal(err)
	}
	p := ipc.NewProcess(relayTarget, relay{3, s, s, a, b})
	start(t, p)
	s.Close()
	a.Close()
	b.Close()
	var got []int
	for v, err := range r.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	join(t, p)
	if !slices.Equal(got, []int{1, 2}) {
		t.Errorf("the great-grandchild sent %v", got)
	}
}

// siblings is two processes at the ends of a pipe whose parent has left.
type siblings struct {
	Env []string // of the sender
	Pid *ipc.Sender[int]
	Got *ipc.Sender[string]
}

func (s siblings) Run(context.Context) error {
	in, out, err := ipc.OneWay[int]()
	if err != nil {
		return err
	}
	q := ipc.NewProcess(siblingSendsTarget, out)
	q.Env = s.Env
	if err := errors.Join(ipc.NewProcess(siblingGetsTarget, siblingGets{in, s.Got}).Start(), q.Start(),
		s.Pid.Send(context.Background(), q.Pid())); err != nil {
		return err
	}
	os.Exit(0)
	return nil
}

type siblingGets struct {
	In  *ipc.Receiver[int]
	Got *ipc.Sender[string]
}

// Run looks for long enough to find out which processes are dead.
func (s siblingGets) Run(ctx context.Context) error {
	<-ipc.ParentProcess().Sentinel()
	short, cancel := context.WithTimeout(ctx, 150*time.Millisecond)
	defer cancel()
	_, err := s.In.Recv(short)
	if err := s.Got.Send(ctx, fmt.Sprint(err)); err != nil {
		return err
	}
	v, err := s.In.Recv(ctx)
	return s.Got.Send(ctx, fmt.Sprint(v, err))
}

func siblingSends(ctx context.Context, s *ipc.Sender[int]) error { return s.Send(ctx, 42) }

var (
	siblingsTarget     = ipc.TargetOf[siblings]()
	siblingGetsTarget  = ipc.TargetOf[siblingGets]()
	siblingSendsTarget = ipc.NewTarget(siblingSends)
)

// A child that has not got to its arguments yet when its parent has ended is
// a holder of what is in them, unless it has ended too.
func TestSlowChildOfDeadParentIsWaitedFor(t *testing.T) { // KF-39
	for _, end := range []string{"42 <nil>", "0 EOF"} {
		t.Run(end, func(t *testing.T) {
			ctx := guard(t)
			env, release := heldBack(t)
			got, g := channel[string](t)
			pids, s := channel[int](t)
			p := ipc.NewProcess(siblingsTarget, siblings{env, s, g})
			start(t, p)
			s.Close()
			g.Close()
			pid := ok(pids.Recv(ctx))(t)
			join(t, p)
			if text := ok(got.Recv(ctx))(t); text != context.DeadlineExceeded.Error() {
				t.Errorf("before the sender began: Recv() = %s", text)
			}
			if end == "0 EOF" {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			} else {
				release()
			}
			if text := ok(got.Recv(ctx))(t); text != end {
				t.Errorf("Recv() = %s; want %s", text, end)
			}
			until(func() bool { return gone(pid) }, func() { t.Errorf("process %d is still there", pid) })
		})
	}
}
