package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// What is told to a process that reads nothing must not hold its parent.
func TestCancelOfAStoppedProcessDoesNotWait(t *testing.T) {
	ctx := guard(t)
	p := startStubborn(t, "polite", nil)
	sigstop(t, p)
	var err error
	for range 1 << 20 { // bytes; a socket holds less
		if err = p.Cancel(); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("Cancel() never fails")
	}
	if _, err := p.Stacks(ctx); err == nil {
		t.Error("Stacks() where nothing more can be told succeeds")
	}
	if err := syscall.Kill(p.Pid(), syscall.SIGCONT); err != nil {
		t.Error(err)
	}
	if e := exitOf(t, p); e.Code != 1 {
		t.Errorf("Join() = %v", e)
	}
}

// Start may still wait for the child to take its arguments.
func TestCancelComesBehindTheArguments(t *testing.T) {
	ctx := guard(t)
	env, release := heldBack(t)
	p := ipc.NewProcess(awaitCancelTarget, &parcel{make([]byte, 4<<20)})
	p.Env = env
	wait := mustBlock(t, "Start", func() { start(t, p) })
	until(p.IsAlive, func() { t.Error("the process is not alive") })
	if err := p.Cancel(); err != nil {
		t.Errorf("Cancel() = %v", err)
	}
	var err error
	for range ipc.MaxEarly {
		if err = p.Cancel(); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("Cancel() never fails")
	}
	if s, err := p.Stacks(ctx); err == nil {
		t.Errorf("Stacks() of who is still told what it is = %q", s)
	}
	release()
	wait()
	join(t, p)
}

func awaitCancel(ctx context.Context, _ *parcel) error { <-ctx.Done(); return nil }

var awaitCancelTarget = ipc.NewTarget(awaitCancel)

func TestStacks(t *testing.T) {
	ctx := guard(t)
	p := startStubborn(t, "busy", nil)
	until(func() bool { return strings.Contains(ok(p.Stacks(ctx))(t), "ipc_test.spin") },
		func() { t.Error("it does not come to its loop") })
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			if s, err := p.Stacks(ctx); err != nil || !strings.Contains(s, "ipc_test.spin") {
				t.Errorf("Stacks() = %q, %v", s, err)
			}
		})
	}
	calls.Wait()
	over, cancel := context.WithCancel(ctx)
	cancel()
	if s, err := p.Stacks(over); err == nil && s == "" || err != nil && err != context.Canceled {
		t.Errorf("Stacks() = %q, %v", s, err)
	}
	sigstop(t, p)
	for range 8 {
		calls.Go(func() {
			if s, err := p.Stacks(ctx); err != os.ErrProcessDone {
				t.Errorf("Stacks() of a process that ends = %q, %v", s, err)
			}
		})
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	calls.Wait()
	_ = p.Join(ctx)
	if s, err := p.Stacks(ctx); err != os.ErrProcessDone {
		t.Errorf("Stacks() of an ended process = %q, %v", s, err)
	}
	if err := errors.Join(p.Cancel(), p.Stop(ctx)); err != nil {
		t.Errorf("Cancel(), Stop() of an ended process = %v", err)
	}
}

func manyGoroutines(ctx context.Context, s *ipc.Sender[bool]) error {
	for range 10000 {
		go func() { <-ctx.Done() }()
	}
	if err := s.Send(ctx, true); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

var manyGoroutinesTarget = ipc.NewTarget(manyGoroutines)

func TestStacksAreCutOff(t *testing.T) {
	ctx := guard(t)
	r, s := channel[bool](t)
	p := ipc.NewProcess(manyGoroutinesTarget, s)
	start(t, p)
	ok(r.Recv(ctx))(t)
	if s, err := p.Stacks(ctx); err != nil || len(s) != 256<<10 {
		t.Errorf("Stacks() = %d bytes, %v", len(s), err)
	}
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
	join(t, p)
}

type cancelledTasks struct {
	Got   *ipc.Sender[uint64]
	Ready *ipc.Receiver[bool]
}

func (c cancelledTasks) Run(ctx context.Context) error {
	if _, err := c.Ready.Recv(ctx); err != nil {
		return err
	}
	got := make(chan uint64, 10)
	ipc.OnCancelTask(func(seq uint64) { got <- seq })
	for range 3 {
		if err := c.Got.Send(ctx, <-got); err != nil {
			return err
		}
	}
	return nil
}

var cancelledTasksTarget = ipc.TargetOf[cancelledTasks]()

func TestCancelTask(t *testing.T) {
	ctx := guard(t)
	r, s := channel[uint64](t)
	readyR, ready := channel[bool](t)
	p := ipc.NewProcess(cancelledTasksTarget, cancelledTasks{s, readyR})
	start(t, p)
	// The first two come before anybody wants to know; stacks come after them.
	if err := errors.Join(p.CancelTask(7), p.CancelTask(1<<63)); err != nil {
		t.Error(err)
	}
	ok(p.Stacks(ctx))(t)
	if err := ready.Send(ctx, true); err != nil {
		t.Error(err)
	}
	for i, want := range []uint64{7, 1 << 63, 9} {
		if i == 2 {
			if err := p.CancelTask(9); err != nil {
				t.Error(err)
			}
		}
		if got := ok(r.Recv(ctx))(t); got != want {
			t.Errorf("task %d was cancelled; want %d", got, want)
		}
	}
	join(t, p)
}

// sendJunk writes what is no letter, and ends by an error that can't be told.
func sendJunk(ctx context.Context, seed uint64) error {
	b := make([]byte, 200)
	rng := rand.New(rand.NewPCG(seed, seed))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	if seed%2 == 0 { // a letter of a fair length
		clear(b[1:8])
		b[0] = byte(seed%3) + 1
		clear(b[17:24])
	}
	return errors.Join(ipc.SendJunk(b), errors.New("no luck"))
}

var sendJunkTarget = ipc.NewTarget(sendJunk)

func TestDamagedLettersDoNoHarm(t *testing.T) {
	ctx := guard(t)
	for seed := range uint64(12) {
		p := ipc.NewProcess(sendJunkTarget, seed)
		p.Stderr = io.Discard
		start(t, p)
		if s, err := p.Stacks(ctx); err != nil && err != os.ErrProcessDone {
			t.Errorf("Stacks() = %q, %v", s, err)
		}
		if e := exitOf(t, p); e.Code != 1 {
			t.Errorf("Join() = %v", e)
		}
	}
}

func FuzzLetters(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(make([]byte, 24), 1))
	f.Add(bytes.Repeat([]byte{0xff}, 24))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := ipc.ReadLetters(bytes.NewReader(b)); n > len(b) {
			t.Errorf("%d bytes of text from %d", n, len(b))
		}
	})
}
