package ipc_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func TestCloseInMidOperation(t *testing.T) { // KF-38, QUE-14
	ctx := guard(t)
	for i := range 60 {
		a, b, err := ipc.Pipe[[]byte]()
		if err != nil {
			t.Fatal(err)
		}
		q := newQueue[int](t, 1)
		if err := q.Put(ctx, 1); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		try := func(what string, f func() error) {
			wg.Go(func() {
				switch err := f(); {
				case err == nil, err == io.EOF, err == ipc.ErrBrokenPipe, errors.Is(err, ipc.ErrClosed):
				default:
					t.Errorf("%s = %v", what, err)
				}
			})
		}
		for range 2 {
			try("Recv()", func() error { _, err := b.Recv(ctx); return err })
			try("Put()", func() error { return q.Put(ctx, 2) })
		}
		try("Send()", func() error { return a.Send(ctx, make([]byte, 1<<20)) })
		try("Close()", func() error { return errors.Join(a.Close(), b.Close(), q.Close()) })
		if i%10 == 0 {
			try("Start()", func() error {
				p := ipc.NewProcess(nothingTarget, handles{Conn: a, Queue: q})
				if err := p.Start(); err != nil {
					return err
				}
				return p.Join(ctx)
			})
		}
		wg.Wait()
	}
}

func TestHandlesLeaveNothingBehind(t *testing.T) { // PROC-50, KF-52
	ctx := guard(t)
	before := runtime.NumGoroutine()
	for range 10 {
		pool := ipc.NewPool(squareFunc, 2)
		ok(pool.Map(ctx, numbers(4)))(t)
		pool.Terminate()
		if err := pool.Join(ctx); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a, b, err := ipc.Pipe[int]()
			if err != nil {
				t.Fatal(err)
			}
			q := newQueue[int](t, 0)
			_ = errors.Join(a.Close(), b.Close(), q.Close())
		}
	}
	until(func() bool { return runtime.NumGoroutine() <= before },
		func() { t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before) })
}

const longMessage = 2 << 20 // far more than a pipe holds

func sendLong(ctx context.Context, s *ipc.Sender[[]byte]) error {
	return errors.Join(s.Send(ctx, make([]byte, longMessage)), s.Send(ctx, []byte("next")))
}

var sendLongTarget = ipc.NewTarget(sendLong)

// A sender that stands still in the middle of a long message may go on or
// never. What a Recv that was given up has of it is kept for the next one.
func TestRecvGivenUpInMidMessageLosesNothing(t *testing.T) { // KF-36
	for _, sig := range []syscall.Signal{syscall.SIGCONT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			ctx := guard(t)
			r, s := channel[[]byte](t)
			p := ipc.NewProcess(sendLongTarget, s)
			start(t, p)
			if err := r.Poll(ctx); err != nil {
				t.Fatal(err)
			}
			stop(t, p.Pid())
			for range 2 {
				short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				if b, err := r.Recv(short); err != context.DeadlineExceeded {
					t.Fatalf("Recv() from a stopped sender = %d bytes, %v", len(b), err)
				}
			}
			_ = syscall.Kill(p.Pid(), sig)
			want := []int{longMessage, len("next")}
			if sig == syscall.SIGKILL {
				<-p.Sentinel()
				if err := s.Send(ctx, []byte("other")); err != nil {
					t.Fatal(err)
				}
				want = []int{len("other")}
			}
			s.Close()
			for _, n := range want {
				if b, err := r.Recv(ctx); len(b) != n || err != nil {
					t.Errorf("Recv() = %d bytes, %v; want %d", len(b), err, n)
				}
			}
			if _, err := r.Recv(ctx); err != io.EOF {
				t.Errorf("Recv() at the end = %v", err)
			}
			_ = p.Join(ctx)
		})
	}
}

type lockSet struct {
	Locks []*ipc.Lock
	Go    *ipc.Receiver[bool]
	Held  *ipc.Sender[int]
}

// Run counts the locks that are held.
func (s lockSet) Run(ctx context.Context) error {
	if _, err := s.Go.Recv(ctx); err != nil {
		return err
	}
	n := 0
	for _, l := range s.Locks {
		if l.TryAcquire() != nil {
			n++
		}
	}
	return s.Held.Send(ctx, n)
}

var lockSetTarget = ipc.TargetOf[lockSet]()

func TestLockIsFreeWhenClosedDuringAcquire(t *testing.T) { // KF-17
	ctx := guard(t)
	locks := make([]*ipc.Lock, 5000)
	for i := range locks {
		locks[i] = newLock(t)
	}
	g, gs := channel[bool](t)
	r, s := channel[int](t)
	p := ipc.NewProcess(lockSetTarget, lockSet{locks, g, s})
	start(t, p)
	var arrived atomic.Int64
	// meet lets both begin at once, but for a few nanoseconds more each time.
	meet := func(i, after int) {
		for arrived.Add(1); arrived.Load() < 2*int64(i+1); {
			runtime.Gosched()
		}
		for range after {
			arrived.Load()
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i, l := range locks {
			meet(i, i%200)
			l.Close()
		}
	})
	for i, l := range locks {
		meet(i, i/200%20)
		if err := l.Acquire(ctx); err != nil && err != ipc.ErrClosed {
			t.Errorf("Acquire() = %v", err)
		}
	}
	wg.Wait()
	if err := gs.Send(ctx, true); err != nil {
		t.Fatal(err)
	}
	if n := ok(r.Recv(ctx))(t); n != 0 {
		t.Errorf("%d locks are held by a process that has closed them", n)
	}
	join(t, p)
}
