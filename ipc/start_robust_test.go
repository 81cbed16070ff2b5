package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

func TestProcessStartsAfterStartsThatFailed(t *testing.T) { // PROC-01
	guard(t)
	b := newBarrier(t, 2)
	p := ipc.NewProcess(holdBarrierTarget, b)
	tests := []struct {
		name, dir string
		env       []string
		text      string
	}{
		{"no folder", "/no/such/folder", nil, "/no/such/folder"},
		{"not a folder", "/dev/null", nil, "not a directory"},
		{"not a variable", "", []string{"A=\x00"}, "invalid argument"},
	}
	for _, tt := range tests {
		p.Dir, p.Env = tt.dir, tt.env
		if err := p.Start(); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: Start() = %v; want %s", tt.name, err, tt.text)
		}
		if len(ipc.ActiveChildren()) != 0 || !strings.HasSuffix(p.String(), " initial>") {
			t.Errorf("%s: %v looks started", tt.name, p)
		}
	}
	if b.Broken() {
		t.Error("processes that never were have broken the barrier")
	}
	p.Dir, p.Env = "", []string{}
	start(t, p)
	join(t, p)
}

func holdBarrier(context.Context, *ipc.Barrier) error { return nil }

var holdBarrierTarget = ipc.NewTarget(holdBarrier)

// As in exec.Cmd, the last value of a variable counts, and PWD follows Dir.
func TestProcessEnvIsAsInExec(t *testing.T) {
	guard(t)
	t.Setenv("IPC_TEST", "old")
	p := ipc.NewProcess(envTarget, ipc.None{})
	p.Env, p.Dir = append(os.Environ(), "IPC_TEST=older", "IPC_TEST=new"), "/"
	var got bytes.Buffer
	p.Stdout = &got
	start(t, p)
	join(t, p)
	if want := "new /\n"; got.String() != want {
		t.Errorf("the child has %q; want %q", got.String(), want)
	}
}

func showEnv(context.Context, ipc.None) error {
	_, err := fmt.Println(os.Getenv("IPC_TEST"), os.Getenv("PWD"))
	return err
}

var envTarget = ipc.NewTarget(showEnv)

func TestProcessTakesAnyName(t *testing.T) { // PROC-10
	guard(t)
	for _, name := range []string{"", "a\x00b", "a\nb", "\xff\xfe", strings.Repeat("x", 200<<10)} {
		p := ipc.NewProcess(noopTarget, ipc.None{})
		p.Name = name
		if err := p.Start(); err != nil {
			t.Errorf("Start() of %.10q... = %.200v", name, err)
			continue
		}
		join(t, p)
	}
}

func TestProcessStartsInManyGoroutines(t *testing.T) { // KF-48
	ctx := guard(t)
	same := ipc.NewProcess(sleepTarget, ipc.None{})
	l := newLock(t)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = same.Start() })
		wg.Go(func() {
			p := ipc.NewProcess(acquireTarget, l)
			if err := errors.Join(p.Start(), p.Join(ctx)); err != nil {
				t.Errorf("%v: %v", p, err)
			}
		})
	}
	wg.Wait()
	results := map[error]int{}
	for _, err := range errs {
		results[err]++
	}
	if results[nil] != 1 || results[ipc.ErrStarted] != len(errs)-1 {
		t.Errorf("Start() of one process = %v; want nil once, else ErrStarted", errs)
	}
	_ = same.Kill()
	_ = same.Join(ctx)
}

func acquire(ctx context.Context, l *ipc.Lock) error {
	defer l.Close()
	return l.Acquire(ctx)
}

var acquireTarget = ipc.NewTarget(acquire)

func TestProcessStartsWhenItsFileIsDeleted(t *testing.T) {
	if exe := partOf(); exe != "" {
		if err := os.Remove(exe); err != nil {
			t.Fatal(err)
		}
		p := ipc.NewProcess(noopTarget, ipc.None{})
		start(t, p)
		join(t, p)
		return
	}
	guard(t)
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can run a file that is gone")
	}
	exe := filepath.Join(t.TempDir(), "program")
	program := ok(os.ReadFile(ok(os.Executable())(t)))(t)
	if err := os.WriteFile(exe, program, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := asProgram(t, exe, exe); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
