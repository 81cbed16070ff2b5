package ipc_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func parse(_ context.Context, text string) (int, error) { return strconv.Atoi(text) }

var parseFunc = ipc.NewFunc(parse)

// What is a callback in Python is here a goroutine, or what comes behind Get.
func TestResultsTellOfTheirEnd(t *testing.T) { // POOL-04, POOL-05, POOL-26
	ctx := guard(t)
	pool := ipc.NewPool(parseFunc, 2)
	type call struct {
		got []int
		err error
	}
	for text, want := range map[string]error{"1": nil, "a": strconv.ErrSyntax} {
		calls := make(chan call, 2)
		all, one := pool.MapAsync([]string{text}), pool.ApplyAsync(text)
		go func() {
			got, err := all.Get(ctx)
			calls <- call{got, err}
		}()
		go func() {
			<-one.Done()
			got, err := one.Get(over()) // it is there
			calls <- call{[]int{got}, err}
		}()
		for range 2 {
			c := <-calls
			if !errors.Is(c.err, want) || want == nil && !slices.Equal(c.got, []int{1}) {
				t.Errorf("%q gives %v, %v", text, c.got, c.err)
			}
		}
	}
	finish(t, pool)
}

func TestGetWaitsForTheResult(t *testing.T) { // POOL-10, POOL-11, POOL-40, POOL-42, FUT-11
	ctx := guard(t)
	pool, began, s := newScenePool(t, performFunc, 1)
	r := pool.ApplyAsync(7)
	ok(began.Recv(ctx))(t)
	get := func(ctx context.Context) error { _, err := r.Get(ctx); return err }
	if err := notBefore(t, 100*time.Millisecond, get); err != context.DeadlineExceeded {
		t.Errorf("Get() of a task under way = %v", err)
	}
	if err := get(over()); err != context.Canceled || r.Ready() || isClosed(r.Done()) {
		t.Errorf("Get() of a task under way = %v, ready: %t", err, r.Ready())
	}
	wait := mustBlock(t, "Get", func() {
		if got, err := r.Get(ctx); got != 49 || err != nil {
			t.Errorf("Get() = %d, %v; want 49", got, err)
		}
	})
	s.Gate.Set() // the task is not lost
	wait()
	if got, err := r.Get(over()); got != 49 || err != nil || !r.Ready() || !isClosed(r.Done()) {
		t.Errorf("Get() = %d, %v, ready: %t", got, err, r.Ready())
	}
	finish(t, pool)
}

func TestPoolTerminatesWithManyTasks(t *testing.T) { // POOL-11, POOL-17, ROB-09
	ctx := guard(t)
	const workers, tasks = 3, 10000
	pool, began, _ := newScenePool(t, performFunc, workers)
	all := pool.MapAsync(numbers(tasks))
	var each []*ipc.Result[int]
	for i := range tasks {
		each = append(each, pool.ApplyAsync(i))
	}
	for range workers {
		ok(began.Recv(ctx))(t)
	}
	var err error
	wait := mustBlock(t, "Get", func() { _, err = each[0].Get(ctx) })
	terminate(t, pool)
	wait()
	if err != ipc.ErrTerminated {
		t.Errorf("Get() = %v; want ErrTerminated", err)
	}
	if _, err := all.Get(over()); err != ipc.ErrTerminated {
		t.Errorf("Get() of a map = %v; want ErrTerminated", err)
	}
	for i, r := range each {
		if _, err := r.Get(over()); err != ipc.ErrTerminated {
			t.Fatalf("Get() of task %d = %v; want ErrTerminated", i, err)
		}
	}
	if ps := ipc.ActiveChildren(); len(ps) > 0 {
		t.Errorf("%v outlive their pool", ps)
	}
}

func TestPoolIsOfNoUseAfterItsEnd(t *testing.T) { // POOL-18, POOL-24, POOL-39, FUT-07
	ctx := guard(t)
	for what, end := range map[string]func(*ipc.Pool[int, answer]){
		"Close":     (*ipc.Pool[int, answer]).Close,
		"Terminate": (*ipc.Pool[int, answer]).Terminate,
	} {
		pool := ipc.NewPool(squareFunc, 2)
		if got, err := pool.MapAsync(numbers(10)).Get(ctx); len(got) != 10 || err != nil {
			t.Errorf("MapAsync() = %v, %v", got, err)
		}
		for range 2 {
			end(pool)
		}
		pool.Terminate()
		if err := errors.Join(pool.Join(ctx), pool.Join(over())); err != nil {
			t.Errorf("Join() = %v", err)
		}
		end(pool)
		_, err := pool.Map(ctx, numbers(3))
		errs := []error{err}
		_, err = pool.Apply(ctx, 1)
		errs = append(errs, err)
		_, err = pool.ApplyAsync(1).Get(ctx)
		errs = append(errs, err)
		_, err = pool.MapAsync(numbers(3)).Get(ctx)
		errs = append(errs, err)
		for _, err := range pool.Imap(ctx, slices.Values(numbers(3))) {
			errs = append(errs, err)
		}
		for _, err := range pool.ImapUnordered(ctx, slices.Values(numbers(3))) {
			errs = append(errs, err)
		}
		if len(errs) != 6 || slices.ContainsFunc(errs, func(err error) bool { return err != ipc.ErrClosed }) {
			t.Errorf("after %s the errors are %v; want 6 of ErrClosed", what, errs)
		}
	}
}

// The items are free when they are done, though their result is kept, and the
// pool goes on.
func TestPoolFreesItems(t *testing.T) { // POOL-23
	ctx := guard(t)
	pool := ipc.NewPool(weighFunc, 1)
	var kept []any
	for what, do := range map[string]func([]*parcel){
		"Map":        func(in []*parcel) { ok(pool.Map(ctx, in))(t) },
		"MapAsync":   func(in []*parcel) { kept = append(kept, get(t, pool.MapAsync(in))) },
		"ApplyAsync": func(in []*parcel) { kept = append(kept, get(t, pool.ApplyAsync(in[0]))) },
	} {
		in := make([]*parcel, 10)
		var freed atomic.Int64
		for i := range in {
			in[i] = &parcel{make([]byte, 1)}
			runtime.AddCleanup(in[i], func(int) { freed.Add(1) }, 0)
		}
		do(in)
		in = nil
		until(func() bool { runtime.GC(); return freed.Load() == 10 },
			func() { t.Errorf("%s: %d of 10 items are freed", what, freed.Load()) })
	}
	runtime.KeepAlive(kept)
	finish(t, pool)
}

// get is a result that is there.
func get[R any](t *testing.T, r *ipc.Result[R]) *ipc.Result[R] {
	t.Helper()
	ok(r.Get(context.Background()))(t)
	return r
}

func TestCloseLetsTheTasksEnd(t *testing.T) { // POOL-37, FUT-07
	ctx := guard(t)
	pool, began, s := newScenePool(t, performFunc, 2)
	var results []*ipc.Result[int]
	for i := range 50 {
		results = append(results, pool.ApplyAsync(i))
	}
	ok(began.Recv(ctx))(t)
	pool.Close()
	wait := mustBlock(t, "Join", func() {
		if err := pool.Join(ctx); err != nil {
			t.Errorf("Join() = %v", err)
		}
	})
	if _, err := pool.ApplyAsync(1).Get(ctx); err != ipc.ErrClosed {
		t.Errorf("ApplyAsync() after Close = %v", err)
	}
	s.Gate.Set()
	wait()
	for i, r := range results {
		if got, err := r.Get(over()); got != i*i || err != nil {
			t.Errorf("result %d is %d, %v", i, got, err)
		}
	}
}

// killAt3 squares its number, if it lives.
func killAt3(_ context.Context, n int) (int, error) {
	if n == 3 {
		return 0, die("kill")
	}
	return n * n, nil
}

var killAt3Func = ipc.NewFunc(killAt3)

func TestMapGivesTheResultsBesideALostTask(t *testing.T) { // ROB-01
	ctx := guard(t)
	for _, chunk := range []int{1, 0, 10} {
		pool := ipc.NewPool(killAt3Func, 4)
		pool.ChunkSize = chunk
		got, err := pool.Map(ctx, numbers(10))
		failed, _ := err.(ipc.TaskErrors)
		ee, isExit := errors.AsType[*ipc.ExitError](err)
		if len(failed) != 1 || failed[0].Index != 3 || !isExit || ee.Code != -9 || failed[0].Pid != ee.Pid {
			t.Fatalf("Map() = %v; want that task 3 is lost", err)
		}
		want := squares(10)
		want[3] = 0
		if !slices.Equal(got, want) || failed[0].Pid == 0 || failed[0].Pid == os.Getpid() {
			t.Errorf("Map() = %v; the worker was %d", got, failed[0].Pid)
		}
		if got, err := pool.Apply(ctx, 5); got != 25 || err != nil {
			t.Errorf("the next Apply() = %d, %v", got, err)
		}
		finish(t, pool)
	}
}

// A callback that panics is a goroutine that does: it is its own affair.
func TestPoolGoesOnWhenWhoWaitsForItPanics(t *testing.T) { // ROB-07
	ctx := guard(t)
	pool := ipc.NewPool(parseFunc, 1)
	r := pool.ApplyAsync("7")
	reported := make(chan any)
	go func() {
		defer func() { reported <- recover() }()
		<-r.Done()
		panic("ouch")
	}()
	if v := <-reported; v != "ouch" {
		t.Errorf("recovered %v", v)
	}
	if got, err := r.Get(ctx); got != 7 || err != nil {
		t.Errorf("Get() = %d, %v", got, err)
	}
	func() {
		defer func() { _ = recover() }()
		for range pool.Imap(ctx, slices.Values([]string{"1", "2"})) {
			panic("ouch")
		}
	}()
	if got, err := pool.Apply(ctx, "8"); got != 8 || err != nil {
		t.Errorf("the next Apply() = %d, %v", got, err)
	}
	terminate(t, pool)
}

// deaf lets SIGTERM pass.
func deaf(ctx context.Context, n int) (int, error) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	defer signal.Stop(c)
	if err := ipc.State[scene](ctx).Began.Send(ctx, n); err != nil {
		return 0, err
	}
	select {}
}

var deafFunc = ipc.NewFunc(deaf)

func TestPoolTerminatesWhereSIGTERMIsHandled(t *testing.T) { // ROB-39
	ctx := guard(t)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	defer signal.Stop(c)
	pool, began, _ := newScenePool(t, deafFunc, 2)
	r := pool.MapAsync(numbers(2))
	for range 2 {
		ok(began.Recv(ctx))(t)
	}
	terminate(t, pool)
	if _, err := r.Get(over()); err != ipc.ErrTerminated {
		t.Errorf("Get() = %v", err)
	}
	if len(c) > 0 {
		t.Error("the parent got a SIGTERM of its pool")
	}
}

// Ctrl-C goes to the whole process group: what becomes of the tasks is for the
// parent to say, which here gives them up.
func TestInterruptOfAMapIsTheParentsToHandle(t *testing.T) { // ROB-10
	if partOf() != "" {
		guard(t)
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		pool, began, _ := newScenePool(t, performFunc, 2)
		r := pool.MapAsync(numbers(4))
		for range 2 {
			ok(began.Recv(context.Background()))(t)
		}
		fmt.Println("ready")
		_, err := r.Get(ctx)
		fmt.Println(err == context.Canceled, r.Ready(), len(ipc.ActiveChildren()))
		terminate(t, pool)
		fmt.Println(len(ipc.ActiveChildren()))
		return
	}
	guard(t)
	cmd := programOf(t, os.Args[0], "interrupted")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out := ok(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said = append(said, lines.Text()); lines.Text() == "ready" {
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	}
	err := cmd.Wait()
	if text := strings.Join(said, "\n"); err != nil || !strings.HasPrefix(text, "ready\ntrue false 2\n0\nPASS") || stderr.Len() > 0 {
		t.Errorf("%v, it says %q, on stderr %q", err, text, &stderr)
	}
}
