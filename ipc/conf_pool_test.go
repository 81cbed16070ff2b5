package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A scene is what the setup of a pool gives to its tasks: they say that they
// have begun, and wait for the gate.
type scene struct {
	Began  *ipc.Sender[int]
	Gate   *ipc.Event
	Setups *ipc.Value[int64]
}

func enterScene(_ context.Context, s scene) (scene, error) {
	s.Setups.Add(1)
	return s, nil
}

var sceneSetup = ipc.NewSetup(enterScene, nil)

// newScene is a scene with its gate shut, and what its tasks say.
func newScene(t *testing.T) (*ipc.Receiver[int], scene) {
	t.Helper()
	r, s := channel[int](t)
	return r, scene{s, newEvent(t), newValue(t, int64(0))}
}

// perform says that n has begun, and gives its square when the gate is open.
func perform(ctx context.Context, n int) (int, error) {
	s := ipc.State[scene](ctx)
	if err := s.Began.Send(ctx, n); err != nil {
		return 0, err
	}
	return n * n, s.Gate.Wait(ctx)
}

// performOdd is perform of which only the odd ones wait.
func performOdd(ctx context.Context, n int) (int, error) {
	if n%2 == 0 {
		return n * n, nil
	}
	return perform(ctx, n)
}

type factors struct{ X, Y int }

func multiply(_ context.Context, f factors) (int, error) { return f.X * f.Y, nil }

// failSome has no luck with 1 and 7.
func failSome(ctx context.Context, n int) (int, error) {
	if n == 1 || n == 7 {
		return 0, fmt.Errorf("%w: %d", errLost, n)
	}
	return n, nil
}

var (
	performFunc    = ipc.NewFunc(perform)
	performOddFunc = ipc.NewFunc(performOdd)
	multiplyFunc   = ipc.NewFunc(multiply)
	failSomeFunc   = ipc.NewFunc(failSome)
)

// newScenePool is a pool on a scene, which the test closes or terminates.
func newScenePool(t *testing.T, f ipc.Func[int, int], workers int) (*ipc.Pool[int, int], *ipc.Receiver[int], scene) {
	t.Helper()
	r, s := newScene(t)
	pool := ipc.NewPool(f, workers)
	pool.ChunkSize, pool.Setup = 1, sceneSetup.With(s)
	return pool, r, s
}

// terminate terminates a pool and waits for it.
func terminate[A, R any](t *testing.T, p *ipc.Pool[A, R]) {
	t.Helper()
	p.Terminate()
	if err := p.Join(context.Background()); err != nil {
		t.Error(err)
	}
}

// squares are those of 0 to n-1.
func squares(n int) []int {
	in := numbers(n)
	for i := range in {
		in[i] *= i
	}
	return in
}

func TestPoolAppliesAndMaps(t *testing.T) { // POOL-01 to POOL-03, FUT-02
	ctx := guard(t)
	for _, chunk := range []int{0, 1, 3, 6, 20, 40, 50, 100} {
		pool := ipc.NewPool(multiplyFunc, 2)
		pool.ChunkSize = chunk
		for in, want := range map[factors]int{{5, 5}: 25, {X: 3, Y: 3}: 9} {
			if got, err := pool.Apply(ctx, in); got != want || err != nil {
				t.Errorf("Apply(%v) = %d, %v", in, got, err)
			}
		}
		for _, n := range []int{10, 100} {
			var in []factors
			for i := range n {
				in = append(in, factors{i, i})
			}
			if got, err := pool.Map(ctx, in); !slices.Equal(got, squares(n)) || err != nil {
				t.Errorf("chunks of %d: Map() = %v, %v", chunk, got, err)
			}
			if got, err := pool.MapAsync(in).Get(ctx); !slices.Equal(got, squares(n)) || err != nil {
				t.Errorf("chunks of %d: MapAsync() = %v, %v", chunk, got, err)
			}
		}
		finish(t, pool)
	}
}

func TestPoolOfNothingIsDone(t *testing.T) { // POOL-07, POOL-08
	ctx := guard(t)
	for _, chunk := range []int{0, 1} {
		pool := ipc.NewPool(squareFunc, 2)
		pool.ChunkSize = chunk
		for _, in := range [][]int{nil, {}} {
			if got, err := pool.Map(ctx, in); len(got) != 0 || err != nil {
				t.Errorf("Map() = %v, %v", got, err)
			}
			if got, err := pool.MapAsync(in).Get(ctx); len(got) != 0 || err != nil {
				t.Errorf("MapAsync() = %v, %v", got, err)
			}
			for r, err := range pool.Imap(ctx, slices.Values(in)) {
				t.Errorf("Imap() yields %v, %v", r, err)
			}
			for r, err := range pool.ImapUnordered(ctx, slices.Values(in)) {
				t.Errorf("ImapUnordered() yields %v, %v", r, err)
			}
		}
		if ps := ipc.ActiveChildren(); len(ps) > 0 {
			t.Errorf("%v were started for nothing", ps)
		}
		finish(t, pool)
	}
}

func TestPoolHasAsManyWorkersAsItWasMadeFor(t *testing.T) { // POOL-16, POOL-53, FUT-15
	ctx := guard(t)
	const workers = 3
	pool, began, s := newScenePool(t, performFunc, workers)
	result := pool.MapAsync(numbers(15 * workers))
	for range workers {
		ok(began.Recv(ctx))(t)
	}
	if n, err := began.Recv(over()); err == nil {
		t.Errorf("task %d has begun, when %d are under way", n, workers)
	}
	ps := ipc.ActiveChildren()
	if len(ps) != workers {
		t.Errorf("%d workers; want %d", len(ps), workers)
	}
	for _, p := range ps {
		if !strings.HasPrefix(p.Name, "PoolWorker-") || !p.Daemon || !p.IsAlive() {
			t.Errorf("worker is %v, daemon %t", p, p.Daemon)
		}
	}
	s.Gate.Set()
	if got, err := result.Get(ctx); !slices.Equal(got, squares(15*workers)) || err != nil {
		t.Errorf("Get() = %v, %v", got, err)
	}
	if n := s.Setups.Load(); n != workers || !slices.Equal(ipc.ActiveChildren(), ps) {
		t.Errorf("%d workers did the work of %d", n, workers)
	}
	finish(t, pool)
	if ps := ipc.ActiveChildren(); len(ps) > 0 {
		t.Errorf("%v outlive their pool", ps)
	}
}

func TestPoolOfManyWorkers(t *testing.T) { // POOL-58
	ctx := guardFor(t, time.Minute)
	const workers = 64
	pool, began, s := newScenePool(t, performFunc, workers)
	result := pool.MapAsync(numbers(1000))
	for range workers {
		ok(began.Recv(ctx))(t)
	}
	if n := len(ipc.ActiveChildren()); n != workers {
		t.Errorf("%d workers; want %d", n, workers)
	}
	s.Gate.Set()
	sum := 0
	for _, n := range ok(result.Get(ctx))(t) {
		sum += n
	}
	if sum != 332833500 {
		t.Errorf("the sum of the squares is %d", sum)
	}
	finish(t, pool)
}

func TestPoolDoesTheTasksBehindThoseThatFail(t *testing.T) { // POOL-45
	ctx := guard(t)
	pool := ipc.NewPool(failSomeFunc, 2)
	pool.ChunkSize = 1
	got, err := pool.Map(ctx, numbers(10))
	failed, _ := err.(ipc.TaskErrors)
	if len(failed) != 2 || failed[0].Index != 1 || failed[1].Index != 7 || !errors.Is(err, errLost) {
		t.Errorf("Map() = %v; want that tasks 1 and 7 fail", err)
	}
	if want := []int{0, 0, 2, 3, 4, 5, 6, 0, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("Map() = %v; want %v", got, want)
	}
	finish(t, pool)
}

// blow panics with an error that other processes know.
func blow(_ context.Context, n int) (int, error) { panic(fmt.Errorf("number %d: %w", n, errLost)) }

var blowFunc = ipc.NewFunc(blow)

func TestPanicOfATaskHasItsLine(t *testing.T) { // POOL-19
	ctx := guard(t)
	pool := ipc.NewPool(blowFunc, 1)
	_, err := pool.Apply(ctx, 123)
	re, isRemote := errors.AsType[*ipc.RemoteError](err)
	if !isRemote || !errors.Is(err, errLost) || !strings.Contains(err.Error(), "number 123") {
		t.Fatalf("Apply() = %#v", err)
	}
	if !strings.Contains(re.Stack, "conf_pool_test.go:") || !strings.Contains(re.Stack, "ipc_test.blow(") {
		t.Errorf("the stack does not show the line:\n%s", re.Stack)
	}
	finish(t, pool)
}

// weight is how many bytes a parcel has, and what the worker's heap has when
// the parcel is gone.
type weight struct{ Parcel, Heap int }

func weigh(_ context.Context, p *parcel) (weight, error) {
	w := weight{Parcel: len(p.B)}
	if p.B == nil {
		w.Heap = heap()
	}
	return w, nil
}

// heap is how many bytes are in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools kept
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

var weighFunc = ipc.NewFunc(weigh)

func TestPoolKeepsNothingOfItsTasks(t *testing.T) { // POOL-23
	ctx := guard(t)
	pool := ipc.NewPool(weighFunc, 1)
	const size, tasks = 1 << 20, 50
	before := heap()
	for got, err := range pool.Imap(ctx, func(yield func(*parcel) bool) {
		for range tasks {
			if !yield(&parcel{make([]byte, size)}) {
				return
			}
		}
	}) {
		if got.Parcel != size || err != nil {
			t.Fatalf("a task gives %v, %v", got, err)
		}
	}
	// Buffers may be kept for the next task, what went through them may not.
	const most = 10 * size
	if grown := heap() - before; grown > most {
		t.Errorf("%d bytes are left of what the pool was given", grown)
	}
	if got, err := pool.Apply(ctx, new(parcel)); got.Heap > most || err != nil {
		t.Errorf("%d bytes are left in the worker, %v", got.Heap, err)
	}
	finish(t, pool)
}

func TestPoolGivesLongResults(t *testing.T) { // POOL-60
	ctx := guard(t)
	pool := ipc.NewPool(megabyteFunc, 2)
	got := ok(pool.Map(ctx, numbers(100)))(t)
	for i, b := range got {
		if len(b) != 1<<20 || slices.ContainsFunc(b, func(c byte) bool { return c != byte(i) }) {
			t.Errorf("result %d has %d bytes, or others", i, len(b))
		}
	}
	finish(t, pool)
}

func megabyte(_ context.Context, n int) ([]byte, error) {
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(n)
	}
	return b, nil
}

var megabyteFunc = ipc.NewFunc(megabyte)

func TestPoolSizeIsForTheProcessors(t *testing.T) { // POOL-47
	ctx := guard(t)
	if n := ipc.CPUs(); n != runtime.GOMAXPROCS(0) || n < 1 {
		t.Errorf("CPUs() = %d", n)
	}
	for _, workers := range []int{1, ipc.CPUs(), 4 * ipc.CPUs()} {
		pool := ipc.NewPool(cpusFunc, workers)
		if got, err := pool.Apply(ctx, ipc.None{}); got != max(1, ipc.CPUs()/workers) || err != nil {
			t.Errorf("of %d workers one has %d processors, %v", workers, got, err)
		}
		finish(t, pool)
	}
}

func cpus(context.Context, ipc.None) (int, error) { return ipc.CPUs(), nil }

var cpusFunc = ipc.NewFunc(cpus)

func usePool(context.Context, *ipc.Pool[int, answer]) error { return nil }

func mapOnPool(context.Context, struct{ P *ipc.Pool[int, answer] }) (int, error) { return 0, nil }

// A pool has no way to other processes: whoever asks for it is told at once,
// and by name.
func TestPoolIsNoArgument(t *testing.T) { // POOL-54
	ctx := guard(t)
	for what, f := range map[string]func(){
		"a target":   func() { ipc.NewTarget(usePool) },
		"a function": func() { ipc.NewPool(ipc.NewFunc(mapOnPool), 1) },
		"a pipe":     func() { _, _, _ = ipc.OneWay[*ipc.Pool[int, answer]]() },
		"a type":     func() { ipc.Register[*ipc.Pool[int, answer]]() },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "ipc: ") || !strings.Contains(text, "Pool[") {
					t.Errorf("%s of a pool panics with %q", what, text)
				}
			}()
			f()
			t.Errorf("%s takes a pool", what)
		}()
	}
	_, s := channel[any](t)
	pool := ipc.NewPool(squareFunc, 1)
	if err := s.Send(ctx, any(pool)); err == nil || !strings.Contains(err.Error(), "Pool[") {
		t.Errorf("Send() = %v", err)
	}
	if got, err := pool.Apply(ctx, 7); got.N != 49 || got.Pid == os.Getpid() || err != nil {
		t.Errorf("Apply() = %v, %v", got, err)
	}
	finish(t, pool)
}
