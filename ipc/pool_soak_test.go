package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A fate is what becomes of one in so many tasks of the soak.
type fate struct {
	how   string
	every int // prime, so that they meet in all orders
	cause ipc.Cause
}

var fates = []fate{
	{"return", 0, ipc.CauseUnknown}, // of all others
	{"error", 151, ipc.CauseError},
	{"panic", 157, ipc.CausePanic},
	{"exit", 307, ipc.CauseExit},
	{"crash", 311, ipc.CausePanic},
	{"fatal", 313, ipc.CauseCrash},
	{"segv", 317, ipc.CauseCrash},
	{"kill", 331, ipc.CauseKilled},
	{"term", 337, ipc.CauseKilled},
	{"hang", 2003, ipc.CauseTimeout}, // until its context ends
	{"busy", 2503, ipc.CauseTimeout}, // until SIGTERM
	{"deaf", 2999, ipc.CauseTimeout}, // until SIGKILL
}

// An ordeal is a task of the soak.
type ordeal struct{ N, Fate int }

func newOrdeal(n int) ordeal {
	for i, f := range fates {
		if f.every > 0 && n%f.every == f.every/2 {
			return ordeal{n, i}
		}
	}
	return ordeal{n, 0}
}

// An arena is what the workers of the soak share.
type arena struct {
	Begun *ipc.Array[int32] // how often each task was begun
	Ready *ipc.Value[int64] // how many workers were set up
	Pids  *ipc.Array[int64] // of the last of them
}

func enterArena(_ context.Context, a arena) (arena, error) {
	pids := a.Pids.Slice()
	atomic.StoreInt64(&pids[a.Ready.Add(1)%int64(len(pids))], int64(os.Getpid()))
	return a, nil
}

// endure meets the fate.
func endure(ctx context.Context, o ordeal) error {
	atomic.AddInt32(&ipc.State[arena](ctx).Begun.Slice()[o.N], 1)
	switch how := fates[o.Fate].how; how {
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	case "busy":
		spin()
	case "deaf":
		signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
		select {}
	default:
		return die(how)
	}
	return nil
}

// A medal is a result that lies in messages as in memory.
type medal struct{ N, Twice int64 }

func (m medal) number() (n int, right bool) { return int(m.N), m.Twice == 2*m.N }

func earnMedal(ctx context.Context, o ordeal) (medal, error) {
	return medal{int64(o.N), int64(2 * o.N)}, endure(ctx, o)
}

// A saga is a result of any length.
type saga struct {
	N    int
	Text string
}

func (s saga) number() (n int, right bool) { return s.N, s.Text == newSaga(s.N).Text }

// newSaga makes most of them short, some longer than a draft and some longer
// than a pipe.
func newSaga(n int) saga {
	size := n % 200
	switch {
	case n%97 == 0:
		size = 50 << 10
	case n%1999 == 0:
		size = 3 << 20
	}
	return saga{n, strings.Repeat(string(rune('a'+n%26)), size)}
}

func earnSaga(ctx context.Context, o ordeal) (saga, error) { return newSaga(o.N), endure(ctx, o) }

var (
	arenaSetup = ipc.NewSetup(enterArena, nil)
	medalFunc  = ipc.NewFunc(earnMedal)
	sagaFunc   = ipc.NewFunc(earnSaga)
)

// TestPoolSoak has tasks of all fates done in all ways, while workers are hit
// from outside. IPC_SOAK_TASKS says how many.
func TestPoolSoak(t *testing.T) { // ROB-01, ROB-12, ROB-13, ROB-15, users.md 10, tests 1, 6 and 13
	tasks := 3000
	if n, err := strconv.Atoi(os.Getenv("IPC_SOAK_TASKS")); err == nil {
		tasks = n
	}
	t.Run("plain", func(t *testing.T) { soakPools(t, medalFunc, tasks/2) })
	t.Run("coded", func(t *testing.T) { soakPools(t, sagaFunc, tasks/2) })
}

// A laurel is a result that says which task it is of.
type laurel interface{ number() (n int, right bool) }

// A trial is a soak under way.
type trial struct {
	*testing.T
	arena
	first  int            // the number of the first task of the round
	told   []atomic.Int32 // how often the end of each task was told
	struck []atomic.Bool  // whether the task was lost to a hit from outside
	lost   atomic.Int64   // how many were
	hits   atomic.Int64   // from outside
	peace  sync.Mutex     // held by who hits
	young  int            // how many were hit in the round that were not set up

	descriptors int    // before the first worker
	perWorker   int    // descriptors
	heap        uint64 // KiB in use after the last round
}

const (
	soakRound   = 500
	soakWorkers = 3
)

func soakPools[R laurel](t *testing.T, f ipc.Func[ordeal, R], tasks int) {
	ctx := guardFor(t, limit+time.Duration(tasks)*20*time.Millisecond)
	s := &trial{T: t, told: make([]atomic.Int32, tasks), struck: make([]atomic.Bool, tasks)}
	s.Begun, s.Ready = ok(ipc.NewArray[int32](tasks+1))(t), ok(ipc.NewValue(int64(0)))(t)
	s.Pids = ok(ipc.NewArray[int64](1000))(t)
	for _, c := range []io.Closer{s.Begun, s.Ready, s.Pids} {
		defer c.Close()
	}
	s.descriptors = descriptors()
	var pools []*ipc.Pool[ordeal, R]
	for _, chunk := range []int{0, 1, 7} {
		p := ipc.NewPool(f, soakWorkers)
		p.ChunkSize, p.Timeout, p.Grace = chunk, time.Second, 50*time.Millisecond
		p.Setup, p.Stderr = arenaSetup.With(s.arena), io.Discard
		if chunk == 1 {
			p.MaxTasksPerChild = 100
		}
		pools = append(pools, p)
	}
	before := runtime.NumGoroutine()
	ok(pools[0].Apply(ctx, ordeal{N: tasks}))(t)
	s.perWorker = descriptors() - s.descriptors
	end := s.hit()
	for i := 0; s.first < tasks && !t.Failed(); i++ {
		n := min(soakRound, tasks-s.first)
		soakMix(ctx, s, pools[i%len(pools)], n)
		if t.Failed() {
			break // what is wrong with single tasks has been said
		}
		s.account(n)
		s.census(len(pools) * soakWorkers)
		if s.first += n; i%20 == 19 {
			s.report()
		}
	}
	end()
	for _, p := range pools {
		finish(t, p)
	}
	until(func() bool { return runtime.NumGoroutine() <= before },
		func() { t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before) })
	s.report()
}

func (s *trial) report() {
	s.Helper()
	s.Logf("%d tasks, %d workers, %d hits that cost %d tasks, %d KiB", s.first, s.Ready.Load(), s.hits.Load(), s.lost.Load(), s.heap)
}

// hit kills a worker every now and then, wherever it is.
func (s *trial) hit() (end func()) {
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			case <-time.After(rand.N(40 * time.Millisecond)):
			}
			s.peace.Lock()
			s.hitOne(i)
			s.peace.Unlock()
		}
	})
	return func() { close(over); wg.Wait() }
}

// hitOne hits one worker. A pool gives up when some in a row were not ready yet,
// so of those no more are hit in a round than it stands.
func (s *trial) hitOne(i int) {
	workers := ipc.ActiveChildren()
	if len(workers) == 0 {
		return
	}
	p := workers[rand.N(len(workers))]
	if !slices.Contains(s.Pids.Slice(), int64(p.Pid())) {
		if s.young == 2 {
			return
		}
		s.young++
	}
	end := p.Kill
	if i%3 == 0 {
		end = p.Terminate
	}
	if end() == nil {
		s.hits.Add(1)
	}
}

// tell takes note of how a task has ended.
func (s *trial) tell(n int, right bool, err error) {
	if n < 0 || n >= len(s.told) {
		s.Errorf("there is no task %d: %v", n, err)
		return
	}
	if s.told[n].Add(1) != 1 {
		s.Errorf("task %d has ended twice", n)
	}
	f := fates[newOrdeal(n).Fate]
	e, isTask := errors.AsType[*ipc.TaskError](err)
	x, isExit := errors.AsType[*ipc.ExitError](err)
	switch {
	case err == nil:
		if f.every > 0 || !right {
			s.Errorf("task %d (%s) has a result that is right: %v", n, f.how, right)
		}
	case !isTask || e.Attempts != 1 || e.Pid == 0:
		s.Errorf("task %d (%s): %#v", n, f.how, err)
	case f.every > 0 && e.Cause == f.cause:
		if timeout := f.cause == ipc.CauseTimeout; timeout != errors.Is(err, ipc.ErrTimeout) {
			s.Errorf("task %d (%s): %v", n, f.how, err)
		}
	case e.Cause == ipc.CauseKilled && isExit && (x.Code == -9 || x.Code == -15):
		s.struck[n].Store(true)
		s.lost.Add(1)
	default:
		s.Errorf("task %d (%s): %v, cause %v\n%s", n, f.how, err, e.Cause, e.Stderr)
	}
}

// account checks that each of n tasks has ended, and none was begun twice. One
// that was lost may not have got to note that it was begun.
func (s *trial) account(n int) {
	for i := s.first; i < s.first+n; i++ {
		if told := s.told[i].Load(); told != 1 {
			s.Errorf("the end of task %d was told %d times", i, told)
		}
		begun := atomic.LoadInt32(&s.Begun.Slice()[i])
		if begun != 1 && !(begun == 0 && s.struck[i].Load()) {
			s.Errorf("task %d (%s) was begun %d times", i, fates[newOrdeal(i).Fate].how, begun)
		}
	}
	if s.lost.Load() > s.hits.Load() {
		s.Errorf("%d tasks were lost to %d hits", s.lost.Load(), s.hits.Load())
	}
}

// census checks that what there is belongs to workers that there are.
func (s *trial) census(most int) {
	s.peace.Lock()
	defer s.peace.Unlock()
	until(func() bool {
		n := len(ipc.ActiveChildren())
		return n <= most && descriptors() == s.descriptors+n*s.perWorker && offspring() <= n
	}, func() {
		s.Errorf("%d descriptors, before %d, %d for each of %d workers; %d processes",
			descriptors(), s.descriptors, s.perWorker, len(ipc.ActiveChildren()), offspring())
	})
	s.young = 0
	runtime.GC()
	runtime.GC() // frees what the cleanups of the first have let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.heap = m.HeapAlloc >> 10
}

// descriptors is how many this process has, but for those of memory that is
// garbage.
func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	_, lingering, _ := ipc.Usage()
	return len(entries) - lingering*ipc.SegmentDescriptors
}

// offspring is how many children this process has, zombies too.
func offspring() (n int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		_, rest, _ := strings.Cut(string(stat), ") ")
		var state string
		var parent int
		if _, err := fmt.Sscan(rest, &state, &parent); err == nil && parent == os.Getpid() {
			n++
		}
	}
	return n
}
