package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func echoBytes(_ context.Context, b []byte) ([]byte, error) { return b, nil }

var echoBytesFunc = ipc.NewFunc(echoBytes)

// The reader is slow, the results don't fit into a pipe, and neither do the
// tasks behind them.
func TestAcceptBigBothWays(t *testing.T) { // users.md 10, test 8
	ctx := guardFor(t, 4*limit) // with -race it takes ten seconds of processor time
	pool := ipc.NewPool(echoBytesFunc, 2)
	const n = 6
	in := func(yield func([]byte) bool) {
		for i := range n {
			if !yield(bytes.Repeat([]byte{byte(i)}, 16<<20)) {
				return
			}
		}
	}
	i := 0
	for b, err := range pool.Imap(ctx, in) {
		if err != nil || len(b) != 16<<20 || bytes.Count(b, []byte{byte(i)}) != len(b) {
			t.Errorf("result %d: %d bytes, %v", i, len(b), err)
		}
		time.Sleep(20 * time.Millisecond)
		i++
	}
	if i != n {
		t.Errorf("%d results; want %d", i, n)
	}
	finish(t, pool)
}

func TestAcceptReplyThatDoesNotDecode(t *testing.T) { // users.md 10, test 9
	ctx := guard(t)
	pool := ipc.NewPool(stripFunc, 1)
	ok(pool.Apply(ctx, picky{"a"}))(t)
	worker := ipc.ActiveChildren()[0]
	var got []string
	for r, err := range pool.Imap(ctx, slices.Values([]picky{{"b"}, {"result not decoded"}, {"c"}})) {
		if e, isTask := errors.AsType[*ipc.TaskError](err); err != nil && (!isTask || e.Index != 1) {
			t.Errorf("Imap yields %v", err)
		}
		got = append(got, r.V)
	}
	if !slices.Equal(got, []string{"b", "", "c"}) || !worker.IsAlive() {
		t.Errorf("Imap yields %q; the worker: %v", got, worker)
	}
	finish(t, pool)
}

// A vain setup never succeeds.
type vain struct {
	How   string
	Tries *ipc.Value[int]
}

func prepareInVain(_ context.Context, v vain) (ipc.None, error) {
	v.Tries.Add(1)
	return ipc.None{}, die(v.How)
}

var vainSetup = ipc.NewSetup(prepareInVain, nil)

func TestAcceptSetupThatFails(t *testing.T) { // users.md 10, test 10
	for _, how := range []string{"error", "panic", "exit", "segv", "kill"} {
		t.Run(how, func(t *testing.T) {
			ctx := guard(t)
			tries := ok(ipc.NewValue(0))(t)
			defer tries.Close()
			pool := ipc.NewPool(squareFunc, 4)
			pool.Setup, pool.Stderr = vainSetup.With(vain{how, tries}), new(bytes.Buffer)
			_, err := pool.Map(ctx, numbers(100))
			_, isTask := errors.AsType[*ipc.TaskError](err)
			if err == nil || isTask || how == "error" && !strings.Contains(err.Error(), "no luck") {
				t.Errorf("Map() = %v", err)
			}
			most := 3 + 4 // in a row, and those under way then
			if how == "kill" {
				most = 30 + 4 // it could be somebody else's doing
			}
			if n := tries.Load(); n < 1 || n > most {
				t.Errorf("%d workers were tried", n)
			}
			if _, again := pool.Map(ctx, numbers(100)); again == nil || again.Error() != err.Error() || tries.Load() > most {
				t.Errorf("the next Map() = %v after %d tries", again, tries.Load())
			}
			finish(t, pool)
		})
	}
}

func TestAcceptRecycleLeavesNothing(t *testing.T) { // users.md 10, test 13
	n := 300
	switch {
	case repeats(1) > 1:
		n = 10_000
	case testing.Short():
		n = 40
	}
	ctx := guardFor(t, limit+time.Duration(n)*100*time.Millisecond)
	pool := ipc.NewPool(squareFunc, 2)
	pool.MaxTasksPerChild = 1
	before := descriptors()
	pids := map[int]bool{}
	for r, err := range pool.Imap(ctx, slices.Values(numbers(n))) {
		if err != nil {
			t.Fatal(err)
		}
		pids[r.Pid] = true
		if d := descriptors() - before; d > 20 || offspring() > 4 {
			t.Fatalf("%d descriptors more, %d processes after %d tasks", d, offspring(), len(pids))
		}
	}
	if len(pids) < n*9/10 { // numbers may come again
		t.Errorf("%d workers did %d tasks of one each", len(pids), n)
	}
	finish(t, pool)
	until(func() bool { return descriptors() == before && offspring() == 0 },
		func() { t.Errorf("%d descriptors, before %d; %d processes", descriptors(), before, offspring()) })
}

// beSlow has a worker be long in coming.
func beSlow(_ context.Context, n *ipc.Value[int]) (ipc.None, error) {
	n.Add(1)
	time.Sleep(200 * time.Millisecond)
	return ipc.None{}, nil
}

var slowpokeSetup = ipc.NewSetup(beSlow, nil)

// Tasks that were sent to a worker and taken back are none that it has done.
func TestPoolRecyclesByTasksThatWereDone(t *testing.T) { // users.md 10, test 13
	ctx := guard(t)
	started := ok(ipc.NewValue(0))(t)
	defer started.Close()
	pool := ipc.NewPool(squareFunc, 1)
	pool.Setup, pool.MaxTasksPerChild = slowpokeSetup.With(started), 40
	ok(pool.Map(ctx, numbers(200)))(t)
	if n := started.Load(); n > 200/35+1 {
		t.Errorf("%d workers did 200 tasks, 35 at least each", n)
	}
	finish(t, pool)
}

// logOf is what a task writes: lines of which each is written in two parts.
func logOf(_ context.Context, id int) (int, error) {
	line := strings.Repeat(string(rune('a'+id%26)), logLine-1) + "\n"
	for range 4 {
		fmt.Print(line[:logLine/3])
		fmt.Print(line[logLine/3:])
	}
	return os.Getpid(), nil
}

var logFunc = ipc.NewFunc(logOf)

func TestAcceptLinesOfWorkers(t *testing.T) { // users.md 10, test 14
	ctx := guard(t)
	var out bytes.Buffer
	pool := ipc.NewPool(logFunc, 8)
	pool.ChunkSize, pool.Stdout = 1, &out
	const n = 32
	ok(pool.Map(ctx, numbers(n)))(t)
	finish(t, pool)
	lines := 0
	for line := range strings.Lines(out.String()) {
		tag, text, _ := strings.Cut(line, ": ")
		whole := len(text) == logLine && strings.Count(text, text[:1]) == logLine-1
		if !whole || !strings.HasPrefix(tag, "PoolWorker-") {
			t.Errorf("a line of %d bytes: %.60q", len(line), line)
		}
		lines++
	}
	if lines != 4*n {
		t.Errorf("%d lines; want %d", lines, 4*n)
	}
}
