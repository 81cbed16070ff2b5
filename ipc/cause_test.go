package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// panicElsewhere panics on a goroutine of its own.
func panicElsewhere(ctx context.Context, text string) error {
	go func() {
		if text == "" {
			var p *int
			*p = 1
		}
		panic(text)
	}()
	<-ctx.Done()
	return nil
}

func nilTarget(context.Context, ipc.None) error {
	var p *int
	*p = 1
	return nil
}

// unlockTwice ends in a fatal error of the runtime, which nobody can recover.
func unlockTwice(context.Context, ipc.None) error {
	var mu sync.Mutex
	mu.Unlock()
	return nil
}

// signalSelf sends itself a signal as it is.
func signalSelf(ctx context.Context, sig syscall.Signal) error {
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// printAndExit has words of its own before it exits.
func printAndExit(_ context.Context, text string) error {
	_, _ = os.Stderr.WriteString(text)
	os.Exit(2)
	return nil
}

// printBoth writes to its two streams in turn.
func printBoth(_ context.Context, n int) error {
	for range n {
		_, _ = os.Stdout.WriteString("out\n")
		_, _ = os.Stderr.WriteString("err\n")
	}
	os.Exit(1)
	return nil
}

var (
	elsewhereTarget  = ipc.NewTarget(panicElsewhere)
	nilPointerTarget = ipc.NewTarget(nilTarget)
	unlockTarget     = ipc.NewTarget(unlockTwice)
	signalTarget     = ipc.NewTarget(signalSelf)
	printExitTarget  = ipc.NewTarget(printAndExit)
	printBothTarget  = ipc.NewTarget(printBoth)
)

// collecting are limits that hinder nobody: with them the standard error is read.
var collecting = ipc.Limits{CPU: time.Hour}

func TestCauses(t *testing.T) {
	ctx := guard(t)
	none := ipc.None{}
	for _, tc := range []struct {
		name string
		p    *ipc.Process
		want ipc.Cause
		text string // at the end of the message
	}{
		{"error", ipc.NewProcess(failTarget, "no luck"), ipc.CauseError, "code 1: no luck"},
		{"panic", ipc.NewProcess(panicTarget, "ouch"), ipc.CausePanic, "code 1: panic: ouch"},
		{"nil pointer", ipc.NewProcess(nilPointerTarget, none), ipc.CausePanic, "nil pointer dereference"},
		{"panic elsewhere", ipc.NewProcess(elsewhereTarget, "ouch"), ipc.CausePanic, "code 2: panic: ouch"},
		{"nil pointer elsewhere", ipc.NewProcess(elsewhereTarget, ""), ipc.CausePanic,
			"panic: runtime error: invalid memory address or nil pointer dereference"},
		{"panic about memory", ipc.NewProcess(elsewhereTarget, "out of memory"), ipc.CausePanic, "panic: out of memory"},
		{"exit", ipc.NewProcess(exitTarget, 3), ipc.CauseExit, "code 3"},
		{"exit 2", ipc.NewProcess(exitTarget, 2), ipc.CauseExit, "code 2"},
		{"exit 2 with words", ipc.NewProcess(printExitTarget, "usage: a panic: b\n"), ipc.CauseExit, "code 2"},
		{"fatal error", ipc.NewProcess(unlockTarget, none), ipc.CauseCrash,
			"code 2: crash: fatal error: sync: unlock of unlocked mutex"},
		{"SIGSEGV", ipc.NewProcess(signalTarget, syscall.SIGSEGV), ipc.CauseCrash, "crash: SIGSEGV: segmentation violation"},
		{"SIGABRT", ipc.NewProcess(signalTarget, syscall.SIGABRT), ipc.CauseCrash, "crash: SIGABRT: abort"},
		{"SIGSEGV of another program", ipc.NewProcess(killTarget, syscall.SIGSEGV), ipc.CauseCrash, "crash"},
		{"SIGQUIT", ipc.NewProcess(signalTarget, syscall.SIGQUIT), ipc.CauseKilled, "code 2"},
		{"SIGKILL", ipc.NewProcess(signalTarget, syscall.SIGKILL), ipc.CauseKilled, "signal 9 (killed)"},
		{"SIGTERM", ipc.NewProcess(signalTarget, syscall.SIGTERM), ipc.CauseKilled, "signal 15 (terminated)"},
	} {
		tc.p.Limits = collecting
		tc.p.Env = append(os.Environ(), "GOTRACEBACK=single")
		e := ends(ctx, t, tc.p)
		if e.Cause != tc.want || !strings.HasSuffix(e.Error(), tc.text) {
			t.Errorf("%s: %v, cause %v; want %q at the end, %v\n%s", tc.name, e, e.Cause, tc.text, tc.want, e.Stderr)
		}
	}
}

// TestCauseCollected: without anybody who reads, the exit code 2 tells nothing,
// and all else does what it did.
func TestCauseCollected(t *testing.T) {
	ctx := guard(t)
	for _, tc := range []struct {
		name string
		p    *ipc.Process
		want ipc.Cause
	}{
		{"error", ipc.NewProcess(failTarget, "no luck"), ipc.CauseError},
		{"panic", ipc.NewProcess(panicTarget, "ouch"), ipc.CausePanic},
		{"panic elsewhere", ipc.NewProcess(elsewhereTarget, "ouch"), ipc.CauseUnknown},
		{"exit", ipc.NewProcess(exitTarget, 3), ipc.CauseExit},
		{"SIGKILL", ipc.NewProcess(signalTarget, syscall.SIGKILL), ipc.CauseKilled},
	} {
		if e := ends(ctx, t, tc.p); e.Cause != tc.want || e.Stderr != "" {
			t.Errorf("%s: %v, cause %v, %q collected; want %v", tc.name, e, e.Cause, e.Stderr, tc.want)
		}
	}
}

func TestCauseOfHandle(t *testing.T) {
	ctx := guard(t)
	for _, end := range []func(*ipc.Process) error{(*ipc.Process).Kill, (*ipc.Process).Terminate} {
		p := ipc.NewProcess(sleepTarget, ipc.None{})
		p.Limits = collecting
		p.Stderr = io.Discard
		start(t, p)
		if err := end(p); err != nil {
			t.Fatal(err)
		}
		e, ok := errors.AsType[*ipc.ExitError](p.Join(ctx))
		if !ok || e.Cause != ipc.CauseKilled {
			t.Errorf("Join() = %v; want the cause %v", e, ipc.CauseKilled)
		}
	}
}

// TestCollectedPasses: what is collected goes where it went.
func TestCollectedPasses(t *testing.T) {
	ctx := guard(t)
	const n = 100
	var both, out, errs bytes.Buffer
	for _, tc := range []struct {
		name           string
		stdout, stderr io.Writer
	}{
		{"one writer", &both, &both},
		{"two", &out, &errs},
		{"ours", &out, nil},
	} {
		ours := os.Stderr
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := ipc.NewProcess(printBothTarget, n)
		p.Stdout, p.Stderr, p.Limits = tc.stdout, tc.stderr, collecting
		os.Stderr = w
		err = p.Start()
		os.Stderr = ours
		if err != nil {
			t.Fatal(err)
		}
		e, ok := errors.AsType[*ipc.ExitError](p.Join(ctx))
		w.Close()
		if tc.stderr == nil {
			if _, err := io.Copy(&errs, r); err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
		switch {
		case !ok || !strings.HasSuffix(e.Stderr, "err\n"):
			t.Errorf("%s: %v, collected %q; want an exit, and the last lines", tc.name, e, e.Stderr)
		case tc.stderr == &both && both.String() != strings.Repeat("out\nerr\n", n):
			t.Errorf("%s: got %q", tc.name, both.String())
		case tc.stderr != &both && (out.String() != strings.Repeat("out\n", n) || errs.String() != strings.Repeat("err\n", n)):
			t.Errorf("%s: got %q, %q", tc.name, out.String(), errs.String())
		}
		out.Reset()
		errs.Reset()
	}
}

func TestCauseOfText(t *testing.T) {
	// As Go 1.26 prints them: seen, or taken from the source of the runtime.
	const (
		inC = "SIGSEGV: segmentation violation\nPC=0x498d20 m=0 sigcode=1 addr=0x8\n" +
			"signal arrived during cgo execution\n\n" +
			"goroutine 1 gp=0x387aa0f381e0 m=0 mp=0x574880 [syscall]:\n" +
			"runtime.cgocall(0x498d20, 0x387aa0f80f10)\n\t/usr/local/go/src/runtime/cgocall.go:167 +0x4b\n" +
			"main._Cfunc_crash()\n\t_cgo_gotypes.go:52 +0x3a fp=0x387aa0f80f10 sp=0x387aa0f80ee8 pc=0x49895a\n"
		abortInC = "SIGABRT: abort\nPC=0x7f1e0bb1eeec m=0 sigcode=18446744073709551610\n" +
			"signal arrived during cgo execution\n\n" +
			"goroutine 1 gp=0x36b11beee1e0 m=0 mp=0x574880 [syscall]:\n"
		badAlloc = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n" + abortInC
		noArena  = "fatal error: out of memory allocating heap arena metadata\n\nruntime stack:\n" +
			"runtime.throw({0x4db5a5?, 0x4000000?})\n\t/usr/local/go/src/runtime/panic.go:1229 +0x48\n"
		noBlock = "runtime: out of memory: cannot allocate 1073741824-byte block (3997696 in use)\n" +
			"fatal error: out of memory\n\ngoroutine 1 [running]:\n"
		noThread = "runtime: failed to create new OS thread (have 5 already; errno=12)\nfatal error: newosproc\n"
		noRight  = "runtime: failed to create new OS thread (have 5 already; errno=11)\n" +
			"runtime: may need to increase max user processes (ulimit -u)\nfatal error: newosproc\n"
		overflow = "runtime: goroutine stack exceeds 1000000000-byte limit\n" +
			"runtime: sp=0x307d1a080380 stack=[0x307d1a080000, 0x307d3a080000]\n" +
			"fatal error: stack overflow\n\nruntime stack:\n"
		fault = "unexpected fault address 0x7f2ad3f3c000\nfatal error: fault\n" +
			"[signal SIGBUS: bus error code=0x2 addr=0x7f2ad3f3c000 pc=0x4ab122]\n"
	)
	for _, tc := range []struct {
		name, text string
		want       ipc.Cause
		words      string
	}{
		{"in C", inC, ipc.CauseCrashInC, "SIGSEGV: segmentation violation"},
		{"after words of its own", "hello: x\n" + inC, ipc.CauseCrashInC, "SIGSEGV: segmentation violation"},
		{"abort in C", abortInC, ipc.CauseCrashInC, "SIGABRT: abort"},
		{"C++ without memory", badAlloc, ipc.CauseMemory, "SIGABRT: abort"},
		{"no arena", noArena, ipc.CauseMemory, "fatal error: out of memory allocating heap arena metadata"},
		{"no block", noBlock, ipc.CauseMemory, "fatal error: out of memory"},
		{"no structures", "fatal error: runtime: cannot allocate memory\n", ipc.CauseMemory, "fatal error: runtime: cannot allocate memory"},
		{"no memory for a thread", noThread, ipc.CauseMemory, "fatal error: newosproc"},
		{"no right to a thread", noRight, ipc.CauseCrash, "fatal error: newosproc"},
		{"stack overflow", overflow, ipc.CauseCrash, "fatal error: stack overflow"},
		{"fault", fault, ipc.CauseCrash, "fatal error: fault"},
		{"panic", "panic: fatal error: out of memory\n", ipc.CausePanic, "panic: fatal error: out of memory"},
		{"no newline", "panic: a", ipc.CausePanic, "panic: a"},
		{"long", "panic: " + strings.Repeat("a", 1000), ipc.CausePanic, "panic: " + strings.Repeat("a", 193) + "..."},
		{"quit", "SIGQUIT: quit\nPC=0x40866e m=0 sigcode=0\n", ipc.CauseKilled, "SIGQUIT: quit"},
		{"said in passing", "it said panic: no\nSIGNAL\nSIG: x\n", ipc.CauseUnknown, ""},
		{"nothing", "", ipc.CauseUnknown, ""},
	} {
		if got, words := ipc.TextCause(tc.text), ipc.LastWords(tc.text); got != tc.want || words != tc.words {
			t.Errorf("%s: %v, %q; want %v, %q", tc.name, got, words, tc.want, tc.words)
		}
	}
}

func TestCauseString(t *testing.T) {
	seen := map[string]ipc.Cause{}
	for c := ipc.CauseUnknown; c <= ipc.CauseStart; c++ {
		if was, twice := seen[c.String()]; twice || c.String() == "" {
			t.Errorf("causes %d and %d are both %q", was, c, c)
		}
		seen[c.String()] = c
	}
	for _, c := range []ipc.Cause{-1, ipc.CauseStart + 1} {
		if c.String() != "unknown" {
			t.Errorf("Cause(%d) is %q; want unknown", int(c), c)
		}
	}
}
