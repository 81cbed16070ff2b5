package ipc_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// errInput is known by its address.
var errInput = errors.New("the input has failed")

// failsAt yields 0 to n-1, and then an error.
func failsAt(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		yield(0, errInput)
	}
}

// alwaysFails yields errors for as long as they are taken.
func alwaysFails(yield func(int, error) bool) {
	for yield(0, errInput) {
	}
}

// streamed is what a stream yields up to its first error, and that.
func streamed[R any](results iter.Seq2[R, error]) (got []R, err error) {
	for r, e := range results {
		if err != nil {
			return got, errors.New("there is more behind the error")
		}
		if err = e; err == nil {
			got = append(got, r)
		}
	}
	return got, err
}

func TestStreamEndsWithTheErrorOfItsInput(t *testing.T) { // POOL-09, POOL-13
	ctx := guard(t)
	for _, chunk := range []int{0, 1, 2, 4} {
		pool, _, s := newScenePool(t, performOddFunc, 2)
		pool.ChunkSize = chunk
		s.Gate.Set()
		for range 2 { // it is as good as before
			if got, err := streamed(pool.ImapFrom(ctx, alwaysFails)); len(got) > 0 || err != errInput {
				t.Errorf("ImapFrom() = %v, %v", got, err)
			}
			for _, n := range []int{0, 3, 7} {
				got, err := streamed(pool.ImapFrom(ctx, failsAt(n)))
				if !slices.Equal(got, squares(n)) || err != errInput {
					t.Errorf("chunks of %d, error at %d: ImapFrom() = %v, %v", chunk, n, got, err)
				}
			}
		}
		finish(t, pool)
	}
}

func TestStreamsGiveAllResults(t *testing.T) { // POOL-12, POOL-14, POOL-55
	ctx := guard(t)
	for n, chunk := range map[int]int{10: 0, 1000: 100} {
		pool, _, s := newScenePool(t, performOddFunc, 2)
		pool.ChunkSize = chunk
		s.Gate.Set()
		items := make(chan int) // nobody knows how many
		go func() {
			defer close(items)
			for i := range n {
				items <- i
			}
		}()
		got, err := streamed(pool.Imap(ctx, func(yield func(int) bool) {
			for i := range items {
				if !yield(i) {
					return
				}
			}
		}))
		if !slices.Equal(got, squares(n)) || err != nil {
			t.Errorf("Imap() = %v, %v", got, err)
		}
		got, err = streamed(pool.ImapUnordered(ctx, slices.Values(numbers(n))))
		if slices.Sort(got); !slices.Equal(got, squares(n)) || err != nil {
			t.Errorf("ImapUnordered() = %v, %v", got, err)
		}
		finish(t, pool)
	}
}

// The first item waits until the second one's result is taken.
func TestUnorderedStreamGivesTheQuickOnesFirst(t *testing.T) { // POOL-57
	ctx := guard(t)
	pool, began, s := newScenePool(t, performOddFunc, 2)
	var got []int
	for r, err := range pool.ImapUnordered(ctx, slices.Values([]int{3, 2})) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
		s.Gate.Set()
	}
	if !slices.Equal(got, []int{4, 9}) {
		t.Errorf("ImapUnordered() = %v; want the result of 2 before that of 3", got)
	}
	ok(began.Recv(ctx))(t)
	s.Gate.Clear()

	// In order nothing comes before the first, though the second is done.
	next, stop := iter.Pull2(pool.Imap(ctx, slices.Values([]int{3, 2})))
	defer stop()
	var first int
	wait := mustBlock(t, "the first result", func() { first, _, _ = next() })
	s.Gate.Set()
	wait()
	if second, err, _ := next(); first != 9 || second != 4 || err != nil {
		t.Errorf("Imap() = %d, %d, %v", first, second, err)
	}
	stop()
	finish(t, pool)
}

func TestStreamIsGivenUpWithItsContext(t *testing.T) { // FUT-04
	guard(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pool, _, _ := newScenePool(t, performOddFunc, 2)
	var got []int
	var errs []error
	for r, err := range pool.Imap(ctx, slices.Values([]int{0, 2, 1})) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if got = append(got, r); len(got) == 2 {
			cancel() // the third never ends by itself
		}
	}
	if !slices.Equal(got, []int{0, 4}) || !slices.Equal(errs, []error{context.Canceled}) {
		t.Errorf("Imap() = %v, %v; want two results and then the end of the context", got, errs)
	}
	terminate(t, pool)
}

// whose gives its worker's pid.
func whose(context.Context, int) (int, error) { return os.Getpid(), nil }

var whoseFunc = ipc.NewFunc(whose)

func TestWorkersAreReplacedAfterTheirTasks(t *testing.T) { // POOL-29
	ctx := guardFor(t, 2*time.Minute) // some eighty processes, one after the other
	for _, tt := range []struct{ workers, most, chunk, tasks int }{
		{3, 10, 0, 100},
		{3, 10, 7, 60},
		{2, 10, 25, 50}, // chunks that no worker lives to see the end of
		{2, 1, 0, 40},
	} {
		pool := ipc.NewPool(whoseFunc, tt.workers)
		pool.MaxTasksPerChild, pool.ChunkSize = tt.most, tt.chunk
		done := map[int]int{}
		for range 2 {
			pids, err := pool.Map(ctx, numbers(tt.tasks/2))
			if err != nil || len(pids) != tt.tasks/2 {
				t.Fatalf("%+v: Map() = %d results, %v", tt, len(pids), err)
			}
			for _, pid := range pids {
				done[pid]++
			}
		}
		if len(done) < tt.tasks/tt.most || done[0] > 0 || done[os.Getpid()] > 0 {
			t.Errorf("%+v: the workers were %v", tt, done)
		}
		for pid, n := range done {
			if n > tt.most {
				t.Errorf("%+v: worker %d has done %d tasks", tt, pid, n)
			}
		}
		finish(t, pool)
	}
}

func TestLifetimeOfAWorkerIsANumberOfTasks(t *testing.T) { // POOL-31
	ctx := guard(t)
	func() {
		defer func() {
			if text, _ := recover().(string); !strings.Contains(text, "MaxTasksPerChild") {
				t.Errorf("a lifetime of -1 panics with %q", text)
			}
		}()
		pool := ipc.NewPool(whoseFunc, 1)
		pool.MaxTasksPerChild = -1
		_, _ = pool.Map(ctx, numbers(1))
		t.Error("a worker may do -1 tasks")
	}()
	pool := ipc.NewPool(whoseFunc, 1)
	pool.MaxTasksPerChild = 0
	pids, err := pool.Map(ctx, numbers(100))
	if pids = slices.Compact(pids); len(pids) != 1 || err != nil {
		t.Errorf("without a limit the workers were %v, %v", pids, err)
	}
	finish(t, pool)
}
