package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

type getterArgs struct {
	Q     *ipc.Queue[int]
	Ready *ipc.Sender[int]
}

// getOne says that it is there, and then what it has got.
func getOne(ctx context.Context, a getterArgs) error {
	if err := a.Ready.Send(ctx, 0); err != nil {
		return err
	}
	n, err := a.Q.Get(ctx)
	return errors.Join(err, a.Ready.Send(ctx, n))
}

var getOneTarget = ipc.NewTarget(getOne)

// A getter that is killed, shortly before it waits or while it does.
func TestKilledGetterLeavesTheQueueWhole(t *testing.T) { // ROB-21
	ctx := guard(t)
	for i := range 8 {
		q := newQueue[int](t, 0)
		r, s := channel[int](t)
		victim := ipc.NewProcess(getOneTarget, getterArgs{q, s})
		start(t, victim)
		ok(r.Recv(ctx))(t)
		time.Sleep(time.Duration(i) * 500 * time.Microsecond) // where it is killed
		_ = victim.Kill()
		_ = victim.Join(ctx)
		if err := q.Put(ctx, 7); err != nil {
			t.Fatal(err)
		}
		next := ipc.NewProcess(getOneTarget, getterArgs{q, s})
		start(t, next)
		ok(r.Recv(ctx))(t)
		if got := ok(r.Recv(ctx))(t); got != 7 {
			t.Errorf("the next one has got %d", got)
		}
		join(t, next)
	}
}

type bigPut struct {
	Q    *ipc.Queue[[]byte]
	Size int
}

func putBig(ctx context.Context, a bigPut) error {
	return a.Q.Put(ctx, bytes.Repeat([]byte("x"), a.Size))
}

var putBigTarget = ipc.NewTarget(putBig)

// A queue holds a megabyte which nobody has read. More than that makes Put
// wait, as its documentation says, and with it the end of the child.
func TestUnreadItemDoesNotHoldItsProducer(t *testing.T) { // ROB-23
	ctx := guard(t)
	q := newQueue[[]byte](t, 0)
	p := ipc.NewProcess(putBigTarget, bigPut{q, 1e6})
	start(t, p)
	join(t, p)
	if got := ok(q.Get(ctx))(t); len(got) != 1e6 {
		t.Errorf("Get() = %d bytes", len(got))
	}
	more := ipc.NewProcess(putBigTarget, bigPut{q, 2e6})
	start(t, more)
	wait := mustBlock(t, "Join of a child that puts too much", func() { join(t, more) })
	if got := ok(q.Get(ctx))(t); len(got) != 2e6 {
		t.Errorf("Get() = %d bytes", len(got))
	}
	wait()
}

type putsArgs struct {
	Q    *ipc.Queue[[]int]
	Done *ipc.Sender[bool]
	Next *ipc.Receiver[bool]
	N    int
}

// putAndSpoil changes each value right after it was put, and then says so.
func putAndSpoil(ctx context.Context, a putsArgs) error {
	v := []int{0, 0, 0}
	for i := range a.N {
		v[0], v[1], v[2] = i, i, i
		err := a.Q.Put(ctx, v)
		v[0], v[1], v[2] = -1, -1, -1
		if err = errors.Join(err, a.Done.Send(ctx, true)); err != nil {
			return err
		}
		if _, err := a.Next.Recv(ctx); err != nil {
			return err
		}
	}
	return nil
}

var putAndSpoilTarget = ipc.NewTarget(putAndSpoil)

func TestWhatWasPutIsThereAsItWas(t *testing.T) { // ROB-24, ROB-26
	ctx := guard(t)
	const n = 500
	q := newQueue[[]int](t, 0)
	r, done := channel[bool](t)
	next, s := channel[bool](t)
	p := ipc.NewProcess(putAndSpoilTarget, putsArgs{q, done, next, n})
	start(t, p)
	for i := range n {
		ok(r.Recv(ctx))(t)
		if q.Len() != 1 {
			t.Errorf("Len() = %d", q.Len())
		}
		if got := ok(q.TryGet())(t); !slices.Equal(got, []int{i, i, i}) {
			t.Errorf("TryGet() = %v; want %d, three times", got, i)
		}
		if err := s.Send(ctx, true); err != nil {
			t.Fatal(err)
		}
	}
	join(t, p)
}

func TestPutEndsWhenItsConsumerIsDead(t *testing.T) { // ROB-29
	ctx := guard(t)
	q := newQueue[[]byte](t, 0)
	r, s := channel[int](t)
	c := ipc.NewProcess(holdQueueTarget, heldQueue{q, s})
	start(t, c)
	ok(r.Recv(ctx))(t)
	_ = c.Kill()
	_ = c.Join(ctx)
	var err error
	for range 100 {
		if err = q.Put(ctx, make([]byte, 200<<10)); err != nil {
			break
		}
	}
	if err != ipc.ErrBrokenPipe {
		t.Errorf("Put() = %v; want ErrBrokenPipe", err)
	}
	fresh := newQueue[[]byte](t, 0) // which other processes never had: its context ends the wait
	put := func(ctx context.Context) (err error) {
		for err == nil {
			err = fresh.Put(ctx, make([]byte, 200<<10))
		}
		return err
	}
	if err := notBefore(t, 100*time.Millisecond, put); err != context.DeadlineExceeded {
		t.Errorf("Put() = %v", err)
	}
}

type heldQueue struct {
	Q     *ipc.Queue[[]byte]
	Ready *ipc.Sender[int]
}

func holdQueue(ctx context.Context, a heldQueue) error {
	err := a.Ready.Send(ctx, 0)
	<-ctx.Done()
	return err
}

var holdQueueTarget = ipc.NewTarget(holdQueue)

func TestEndOfFileDoesNotWaitForSiblings(t *testing.T) { // ROB-30
	ctx := guard(t)
	before := ipc.NewProcess(sleepTarget, ipc.None{})
	start(t, before)
	r, s := channel[string](t)
	writer := ipc.NewProcess(sayTarget, talk{Words: []string{"last"}, To: s})
	start(t, writer)
	after := ipc.NewProcess(sleepTarget, ipc.None{})
	start(t, after)
	s.Close()
	if got := ok(r.Recv(ctx))(t); got != "last" {
		t.Errorf("Recv() = %q", got)
	}
	if _, err := r.Recv(ctx); err != io.EOF || !before.IsAlive() || !after.IsAlive() {
		t.Errorf("Recv() = %v; %v, %v", err, before, after)
	}
	join(t, writer)
	for _, p := range []*ipc.Process{before, after} {
		_ = p.Kill()
		_ = p.Join(ctx)
	}
}

// leaveProgram starts a program that has our output, says its pid, and waits.
func leaveProgram(ctx context.Context, s *ipc.Sender[int]) error {
	cmd := exec.Command("sleep", "1000")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Start()
	if err == nil {
		err = s.Send(ctx, cmd.Process.Pid)
	}
	<-ctx.Done()
	return err
}

var leaveProgramTarget = ipc.NewTarget(leaveProgram)

func TestJoinOfAKilledChildIgnoresGrandchild(t *testing.T) { // ROB-37
	ctx := guard(t)
	r, s := channel[int](t)
	p := ipc.NewProcess(leaveProgramTarget, s)
	var out bytes.Buffer
	p.Stdout, p.Stderr = &out, &out
	start(t, p)
	pid := ok(r.Recv(ctx))(t)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	err := p.Join(ctx)
	if code, _ := p.ExitCode(); code != -9 || !isClosed(p.Sentinel()) {
		t.Errorf("Join() = %v, %v", err, p)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the grandchild should be alive: %v", err)
	}
	until(func() bool { return gone(pid) }, func() { t.Errorf("process %d is still there", pid) })
}

// What the parent does with a signal is not what its children do.
func TestTerminateWhenTheParentHandlesSIGTERM(t *testing.T) { // ROB-39
	ctx := guard(t)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	defer signal.Stop(signals)
	p := ipc.NewProcess(sleepTarget, ipc.None{})
	start(t, p)
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	err := p.Join(ctx)
	if code, _ := p.ExitCode(); code != -15 {
		t.Errorf("Join() = %v, %v", err, p)
	}
	pool := ipc.NewPool(misbehaveFunc, 2)
	wait := mustBlock(t, "Map", func() {
		if _, err := pool.Map(ctx, []string{"hang", "hang"}); err != ipc.ErrTerminated {
			t.Errorf("Map() = %v", err)
		}
	})
	pool.Terminate()
	wait()
	if err := pool.Join(ctx); err != nil {
		t.Error(err)
	}
	select {
	case s := <-signals:
		t.Errorf("the parent got %v", s)
	default:
	}
}

func TestChildrenStartWhileOthersWrite(t *testing.T) { // ROB-41
	guard(t)
	stderr := os.Stderr
	defer func() { os.Stderr = stderr }()
	file := ok(os.Create(filepath.Join(t.TempDir(), "stderr")))(t)
	defer file.Close()
	os.Stderr = file
	var stopped atomic.Bool
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for !stopped.Load() {
				fmt.Fprintln(file, "busy")
			}
		})
	}
	var ps []*ipc.Process
	for range 60 {
		p := ipc.NewProcess(noopTarget, ipc.None{})
		start(t, p)
		ps = append(ps, p)
	}
	join(t, ps...)
	stopped.Store(true)
	writers.Wait()
}
