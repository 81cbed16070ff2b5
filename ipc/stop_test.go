package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// stubborn is a process that ends of one thing only.
type stubborn struct {
	How   string
	Ready *ipc.Sender[bool]
}

func (s stubborn) Run(ctx context.Context) error {
	term := make(chan os.Signal, 1)
	if s.How != "busy" {
		signal.Notify(term, syscall.SIGTERM)
	}
	if err := s.Ready.Send(context.Background(), true); err != nil {
		return err
	}
	switch s.How {
	case "polite":
		<-ctx.Done()
		return ctx.Err()
	case "orderly": // is told by its context, and says nothing of it
		<-ctx.Done()
		return nil
	case "term":
		<-term
		return errors.New("got SIGTERM, context: " + fmt.Sprint(ctx.Err()))
	}
	spin()
	return nil
}

// spin is in nobody's way and can't be asked to end.
//
//go:noinline
func spin() {
	for i := uint64(1); ; i++ {
		sink.n ^= i
	}
}

var sink struct{ n uint64 }

var stubbornTarget = ipc.TargetOf[stubborn]()

// startStubborn starts a process that has come to where it ends as how says.
func startStubborn(t *testing.T, how string, set func(p *ipc.Process)) *ipc.Process {
	t.Helper()
	r, s := channel[bool](t)
	p := ipc.NewProcess(stubbornTarget, stubborn{how, s})
	p.Stderr = io.Discard
	p.SetPatience(limit)
	if set != nil {
		set(p)
	}
	start(t, p)
	s.Close()
	ok(r.Recv(context.Background()))(t)
	return p
}

// exitOf joins a process that does not end well.
func exitOf(t *testing.T, p *ipc.Process) *ipc.ExitError {
	t.Helper()
	err := p.Join(context.Background())
	e, isExit := errors.AsType[*ipc.ExitError](err)
	if !isExit {
		t.Fatalf("Join() = %v", err)
	}
	return e
}

func TestStopAsksFirst(t *testing.T) { // ROB-39
	tests := []struct {
		how    string
		code   int
		err    string
		stacks bool
	}{
		{"polite", 1, "context canceled", false},
		{"term", 1, "got SIGTERM, context: context canceled", true},
		{"busy", -15, "", true},
		{"deaf", -9, "", true}, // catches SIGTERM and does nothing
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			ctx := guard(t)
			p := startStubborn(t, tt.how, func(p *ipc.Process) {
				switch p.Grace = 500 * time.Millisecond; tt.how {
				case "polite":
					p.Grace = limit // what comes next must not be needed
				case "deaf":
					p.Grace = 50 * time.Millisecond
				}
			})
			if err := p.Stop(ctx); err != nil || p.IsAlive() {
				t.Fatalf("Stop() = %v, %v", err, p)
			}
			e := exitOf(t, p)
			if e.Code != tt.code || e.Cause != ipc.CauseCancelled || fmt.Sprint(e.Err) != tt.err && tt.err != "" {
				t.Errorf("ended with %v, cause %v; want code %d, %q", e, e.Cause, tt.code, tt.err)
			}
			if strings.Contains(e.Stacks, "ipc_test.stubborn.Run") != tt.stacks {
				t.Errorf("stacks = %.300q", e.Stacks)
			}
			if err := p.Stop(ctx); err != nil {
				t.Errorf("second Stop() = %v", err)
			}
		})
	}
}

func TestTimeoutEndsABusyLoop(t *testing.T) { // users.md test 6
	guard(t)
	const timeout = 500 * time.Millisecond // in which it is to have begun
	began := time.Now()
	p := startStubborn(t, "busy", func(p *ipc.Process) { p.Timeout, p.Grace = timeout, time.Millisecond })
	e := exitOf(t, p)
	if e.Cause != ipc.CauseTimeout || !strings.Contains(e.Stacks, "ipc_test.stubborn.Run") || !strings.Contains(e.Error(), "timeout") {
		t.Errorf("Join() = %v, cause %v, stacks %q", e, e.Cause, e.Stacks)
	}
	if d := time.Since(began); d < timeout {
		t.Errorf("it was ended after %v", d)
	}
}

// A target that heeds its context may have done half of its work, and say
// nothing of that.
func TestTimeoutIsAnErrorWhateverTheCode(t *testing.T) {
	guard(t)
	e := exitOf(t, startStubborn(t, "orderly", func(p *ipc.Process) { p.Timeout, p.Grace = time.Millisecond, limit }))
	if e.Code != 0 || e.Cause != ipc.CauseTimeout || e.Err != nil {
		t.Errorf("Join() = %v, cause %v", e, e.Cause)
	}
}

func TestTimeoutThatIsNotNeeded(t *testing.T) {
	guard(t)
	p := ipc.NewProcess(noopTarget, ipc.None{})
	p.Timeout = time.Hour
	start(t, p)
	join(t, p)
	for _, set := range []func(p *ipc.Process){
		func(p *ipc.Process) { p.Timeout = -1 },
		func(p *ipc.Process) { p.Grace = -1 },
	} {
		p := ipc.NewProcess(noopTarget, ipc.None{})
		if set(p); p.Start() == nil {
			t.Errorf("Start() with a Timeout of %v and a Grace of %v succeeds", p.Timeout, p.Grace)
			join(t, p)
		}
	}
}

func TestStopKillsWhenItsContextEnds(t *testing.T) {
	guard(t)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	soon, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	for _, ctx := range []context.Context{over, soon} {
		p := startStubborn(t, "deaf", func(p *ipc.Process) { p.Grace = limit })
		if err := p.Stop(ctx); err != nil {
			t.Errorf("Stop() = %v", err)
		}
		if e := exitOf(t, p); e.Code != -9 || e.Cause != ipc.CauseCancelled {
			t.Errorf("Join() = %v, cause %v", e, e.Cause)
		}
	}
}

func TestStopOfAStoppedProcess(t *testing.T) {
	ctx := guard(t)
	p := startStubborn(t, "polite", func(p *ipc.Process) {
		p.Grace = time.Millisecond
		p.SetPatience(time.Millisecond)
	})
	sigstop(t, p)
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if s, err := p.Stacks(short); err != context.DeadlineExceeded {
		t.Errorf("Stacks() = %q, %v", s, err)
	}
	if err := p.Stop(ctx); err != nil {
		t.Errorf("Stop() = %v", err)
	}
	if e := exitOf(t, p); e.Code != -9 || e.Stacks != "" {
		t.Errorf("Join() = %v, stacks %q", e, e.Stacks)
	}
}

// sigstop stops a process and waits until it is stopped.
func sigstop(t *testing.T, p *ipc.Process) {
	t.Helper()
	if err := syscall.Kill(p.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
		return err != nil || bytes.Contains(stat, []byte(") T "))
	}, func() { t.Error("the process does not stop") })
}

func TestStopByManyGoroutines(t *testing.T) { // KF-48
	ctx := guard(t)
	p := startStubborn(t, "deaf", func(p *ipc.Process) { p.Grace = time.Millisecond })
	var calls sync.WaitGroup
	for i := range 16 {
		calls.Go(func() {
			if i%4 == 0 {
				_ = p.Cancel()
				_, _ = p.Stacks(ctx)
			}
			if err := p.Stop(ctx); err != nil || p.IsAlive() {
				t.Errorf("Stop() = %v, %v", err, p)
			}
		})
	}
	calls.Wait()
	if e := exitOf(t, p); e.Code != -9 {
		t.Errorf("Join() = %v", e)
	}
}

func TestStopOfOthersThanChildren(t *testing.T) { // PROC-62
	ctx := guard(t)
	p := ipc.NewProcess(noopTarget, ipc.None{})
	check := func(what string, p *ipc.Process, want error) {
		t.Helper()
		_, serr := p.Stacks(ctx)
		for _, err := range []error{p.Cancel(), p.Stop(ctx), serr} {
			if err != want {
				t.Errorf("%s: %v; want %v", what, err, want)
			}
		}
	}
	check("not started", p, ipc.ErrNotStarted)
	check("itself", ipc.CurrentProcess(), ipc.ErrNotChild)
	start(t, p)
	join(t, p)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	check("closed", p, ipc.ErrClosed)
}

// Ctrl-C ends what goes on for ever, when the documented time is over.
func TestInterruptStopsAChild(t *testing.T) { // ROB-46
	if partOf() != "" {
		guard(t)
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
		defer stop()
		p := startStubborn(t, "deaf", func(p *ipc.Process) { p.Grace = 10 * time.Millisecond })
		fmt.Println("ready")
		<-ctx.Done()
		fmt.Println(p.Stop(context.Background()), p.IsAlive())
		return
	}
	interruptWhen(t, "ready", "<nil> false")
}
