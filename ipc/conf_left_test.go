package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// taskOf kills its worker, or is done when the FIFO of that name has been
// written and closed.
func taskOf(_ context.Context, what string) (string, error) {
	if what == "kill" {
		return "", die("kill")
	}
	text, err := os.ReadFile(what)
	return string(text), err
}

var taskOfFunc = ipc.NewFunc(taskOf)

func TestLostWorkerFailsItsTaskOnly(t *testing.T) { // ROB-01, ROB-12
	ctx := guard(t)
	pool := ipc.NewPool(taskOfFunc, 4)
	pool.ChunkSize = 1
	var running sync.WaitGroup
	var fifos []*os.File
	for i := range 3 {
		name := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if got, err := pool.Map(ctx, []string{name}); err != nil || !slices.Equal(got, []string{"done"}) {
				t.Errorf("Map() = %q, %v", got, err)
			}
		})
		until(func() bool { // it opens when the task has
			f, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
			if err == nil {
				fifos = append(fifos, f)
			}
			return err == nil
		}, func() { t.Fatalf("task %d does not run", i) })
	}
	_, err := pool.Map(ctx, []string{os.DevNull, os.DevNull, os.DevNull, "kill", os.DevNull})
	te, isTask := errors.AsType[*ipc.TaskError](err)
	ee, isExit := errors.AsType[*ipc.ExitError](err)
	if !isTask || !isExit || te.Index != 3 || ee.Code != -9 || ee.Pid == 0 || !strings.Contains(err.Error(), fmt.Sprint("pid ", ee.Pid)) {
		t.Errorf("Map() = %v", err)
	}
	for _, f := range fifos {
		_, err := f.WriteString("done")
		if err := errors.Join(err, f.Close()); err != nil {
			t.Error(err)
		}
	}
	running.Wait()
	if got, err := pool.Map(ctx, []string{os.DevNull}); err != nil || got[0] != "" {
		t.Errorf("the next Map() = %q, %v", got, err)
	}
	finish(t, pool)
}

// makeObjects has objects of its own, of which one is closed, and waits.
func makeObjects(ctx context.Context, s *ipc.Sender[int]) error {
	l, err := ipc.NewLock()
	if err != nil {
		return err
	}
	closed, err := ipc.NewLock()
	if err != nil {
		return err
	}
	q, err := ipc.NewQueue[int](0)
	if err != nil {
		return err
	}
	err = errors.Join(closed.Close(), l.Acquire(ctx), q.Put(ctx, 1), s.Send(ctx, 0))
	<-ctx.Done()
	return err
}

var makeObjectsTarget = ipc.NewTarget(makeObjects)

func TestNoFileIsLeftByAKilledProcess(t *testing.T) { // RES-01, SHM-16
	ctx := guard(t)
	for _, end := range []func(*ipc.Process) error{(*ipc.Process).Terminate, (*ipc.Process).Kill} {
		had := files()
		r, s := channel[int](t)
		p := ipc.NewProcess(makeObjectsTarget, s)
		start(t, p)
		ok(r.Recv(ctx))(t)
		if err := end(p); err != nil {
			t.Fatal(err)
		}
		_ = p.Join(ctx)
		until(func() bool { return len(added(had)) == 0 }, func() { t.Errorf("left behind: %v", added(had)) })
	}
}

// Handles that are closed when the collector finds their owners, at the same
// time as others are made: the two must not wait for each other.
func TestHandlesAreClosedByCleanups(t *testing.T) { // HEAP-02, FIN-02
	guard(t)
	const goroutines, each = 4, 1250
	var closed atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range each {
				l, err := ipc.NewLock()
				if err != nil {
					t.Error(err)
					return
				}
				owner := &struct{ other any }{}
				owner.other = owner // a cycle
				runtime.AddCleanup(owner, func(l *ipc.Lock) { l.Close(); closed.Add(1) }, l)
				if i%100 == 0 {
					runtime.GC()
				}
			}
		})
	}
	wg.Wait()
	until(func() bool { runtime.GC(); return closed.Load() == goroutines*each },
		func() { t.Errorf("%d of %d are closed", closed.Load(), goroutines*each) })
}

// endWith does what it has deferred, last in first out, and ends as told.
func endWith(_ context.Context, how string) error {
	for _, word := range []string{"last", "second", "first"} {
		defer fmt.Println(word)
	}
	return die(how)
}

var endWithTarget = ipc.NewTarget(endWith)

func TestDeferredCallsRunAtTheEndOfTheTarget(t *testing.T) { // FIN-01
	ctx := guard(t)
	for _, how := range []string{"return", "error", "panic"} {
		var out bytes.Buffer
		p := ipc.NewProcess(endWithTarget, how)
		p.Stdout, p.Stderr = &out, io.Discard
		start(t, p)
		_ = p.Join(ctx)
		if want := "first\nsecond\nlast\n"; out.String() != want {
			t.Errorf("%s: %q; want %q", how, &out, want)
		}
	}
}
