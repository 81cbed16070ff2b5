package ipc_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/timeline"
)

// atWork is what processes do that are killed at any moment of it.
type atWork struct {
	Lock    *ipc.Lock
	RLock   *ipc.RLock
	Cond    *ipc.Cond // of RLock
	Sem     *ipc.Semaphore
	Queue   *ipc.Queue[int]
	Barrier *ipc.Barrier
	Steps   *ipc.Value[int]
}

const busySteps = 60

func (b atWork) Run(ctx context.Context) error {
	for range busySteps {
		b.Steps.Add(1)
		if err := inTurn(
			func() error { return b.lock(ctx) },
			func() error { return b.wait(ctx) },
			func() error { return b.exchange(ctx) },
			func() error { _, err := b.Barrier.Wait(ctx); return err },
		); err != nil {
			break // the other one is dead
		}
	}
	b.Barrier.Abort()
	return nil
}

func (b atWork) lock(ctx context.Context) error {
	if err := b.Lock.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
		return err
	}
	b.Lock.Release()
	if err := b.Sem.Acquire(ctx); err != nil {
		return err
	}
	b.Sem.Release()
	return nil
}

// wait waits for nobody, but gives the lock away for a moment.
func (b atWork) wait(ctx context.Context) error {
	for range 2 {
		if err := b.RLock.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
			return err
		}
		defer b.RLock.Release()
	}
	b.Cond.NotifyAll()
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := b.Cond.Wait(over); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, ipc.ErrOwnerDied) {
		return err
	}
	return nil
}

func (b atWork) exchange(ctx context.Context) error {
	if err := b.Queue.Put(ctx, 1); err != nil {
		return err
	}
	_, err := b.Queue.TryGet()
	if err == ipc.ErrWouldBlock || err == io.EOF {
		return nil
	}
	return err
}

var atWorkTarget = ipc.TargetOf[atWork]()

// killBusy has pairs of processes at work, and kills one of each at some moment.
func killBusy(t *testing.T) {
	ctx := context.Background()
	lock, err1 := ipc.NewLock()
	rlock, err2 := ipc.NewRLock()
	sem, err3 := ipc.NewBoundedSemaphore(1)
	queue, err4 := ipc.NewQueue[int](0)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	cond, err := ipc.NewCond(rlock)
	if err != nil {
		t.Fatal(err)
	}
	for range repeats(8) {
		barrier, err1 := ipc.NewBarrier(2)
		steps, err2 := ipc.NewValue(0)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		b := atWork{lock, rlock, cond, sem, queue, barrier, steps}
		victim, other := ipc.NewProcess(atWorkTarget, b), ipc.NewProcess(atWorkTarget, b)
		start(t, victim)
		start(t, other)
		for until := rand.IntN(busySteps); steps.Load() < until && victim.IsAlive(); {
			runtime.Gosched()
		}
		for range rand.IntN(10000) {
			steps.Load()
		}
		if err := victim.Kill(); err != nil {
			t.Error(err)
		}
		_ = victim.Join(ctx)
		_ = other.Join(ctx)
	}
}

func TestRecordIsTrueWhoeverDiesWhen(t *testing.T) {
	if partOf() != "" {
		killBusy(t)
		return
	}
	guard(t)
	l := recorded(t, "busy")
	if l.Lost > 0 {
		t.Fatalf("the log was too small: %d are lost", l.Lost)
	}
	checkMessages(t, l)
	checkHolds(t, l)
	checkBarriers(t, l)
	for _, e := range l.Events {
		if p := l.Processes[e.Process]; e.At < p.Start || p.End >= 0 && e.At > p.End || e.Until > p.End {
			t.Errorf("%+v is not within the life of %+v", e, p)
		}
	}
}

// checkMessages checks that what was received was sent before, and received
// once.
func checkMessages(t *testing.T, l *timeline.Log) {
	type message struct{ object, direction, number int }
	sent, received := map[message]timeline.Event{}, map[message]bool{}
	for _, e := range l.Events {
		for n := e.First; n < e.First+e.Count; n++ {
			m := message{e.Object, e.Direction, n}
			switch e.Kind {
			case timeline.Send:
				sent[m] = e
			case timeline.Recv:
				if _, ok := sent[m]; !ok || received[m] {
					t.Errorf("%v: value %d: sent %v, received before %v", l.Objects[e.Object], n, ok, received[m])
				}
				received[m] = true
			}
		}
	}
	if len(received) == 0 {
		t.Error("nothing was received")
	}
}

// checkHolds checks that nobody held what somebody else held.
func checkHolds(t *testing.T, l *timeline.Log) {
	last := map[int]timeline.Event{} // of each object, the hold that lasts longest
	holds := 0
	for _, e := range l.Events {
		if e.Kind != timeline.Hold || l.Objects[e.Object].Kind == "semaphore" {
			continue
		}
		holds++
		if e.Until < 0 {
			e.Until = l.Processes[e.Process].End
		}
		before, ok := last[e.Object]
		if ok && before.Process != e.Process && before.Until > e.At {
			t.Errorf("%v: %+v and %+v", l.Objects[e.Object], before, e)
		}
		if !ok || e.Until >= before.Until {
			last[e.Object] = e
		}
	}
	if holds == 0 {
		t.Error("nothing was held")
	}
}

// checkBarriers checks that nobody passed a barrier of two before both had
// arrived.
func checkBarriers(t *testing.T, l *timeline.Log) {
	arrived, passed := map[int][]timeline.Event{}, 0
	for _, e := range l.Events {
		if e.Kind == timeline.Wait && e.For == timeline.ForParties {
			arrived[e.Object] = append(arrived[e.Object], e)
		}
	}
	for o, waits := range arrived {
		ends := slices.Clone(waits)
		ends = slices.DeleteFunc(ends, func(e timeline.Event) bool { return e.Until < 0 || e.Failed })
		slices.SortFunc(ends, func(a, b timeline.Event) int { return int(a.Until - b.Until) })
		for i, e := range ends {
			there := 0
			for _, w := range waits {
				if w.At <= e.Until {
					there++
				}
			}
			if there < i/2*2+2 {
				t.Errorf("%v: pass %d, but only %d had arrived: %+v", l.Objects[o], i+1, there, e)
			}
			passed++
		}
	}
	if passed == 0 {
		t.Error("nobody passed a barrier")
	}
}

// pingPong hands a turn to and fro under a condition.
type pingPong struct {
	Cond *ipc.Cond
	Turn *ipc.Value[int]
	Mine int
}

func (p pingPong) Run(ctx context.Context) error {
	for range 2000 {
		if err := p.Cond.L.Acquire(ctx); err != nil {
			return err
		}
		err := p.Cond.WaitFor(ctx, func() bool { return p.Turn.Load() == p.Mine })
		p.Turn.Store(1 - p.Mine)
		p.Cond.NotifyAll()
		p.Cond.L.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

var pingPongTarget = ipc.TargetOf[pingPong]()

func TestRecordHoldsOfCondNeverOverlap(t *testing.T) {
	if part := partOf(); part != "" {
		var l ipc.Locker
		var err error
		if l, err = ipc.NewLock(); part == "rlock" {
			l, err = ipc.NewRLock()
		}
		turn, err2 := ipc.NewValue(0)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		cond, err := ipc.NewCond(l)
		if err != nil {
			t.Fatal(err)
		}
		p := ipc.NewProcess(pingPongTarget, pingPong{cond, turn, 1})
		start(t, p)
		if err := (pingPong{cond, turn, 0}).Run(context.Background()); err != nil {
			t.Error(err)
		}
		join(t, p)
		return
	}
	for _, part := range []string{"lock", "rlock"} {
		guard(t)
		checkHolds(t, recorded(t, part))
	}
}

// Nobody sees the end of the main process, and none but itself that of its child.
func TestRecordOfAKilledMain(t *testing.T) {
	if partOf() != "" {
		p := ipc.NewProcess(outliveTarget, os.Getppid())
		p.Name = "orphan"
		start(t, p)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	guard(t)
	name := filepath.Join(t.TempDir(), "log")
	cmd := programOf(t, os.Args[0], "main")
	cmd.Env = append(cmd.Env, "IPC_LOG="+name)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	_ = cmd.Wait()
	_, _ = io.ReadAll(r) // until the orphan has ended
	r.Close()
	l := readLog(t, name)
	if p := l.Processes[0]; p.End != -1 {
		t.Errorf("nobody saw the end of %+v", p)
	}
	if p := l.Processes[processCalled(t, l, "orphan")]; p.End < p.Ready || p.Ready < 0 {
		t.Errorf("the orphan's life is %+v", p)
	}
}

func outlive(ctx context.Context, _ int) error {
	<-ipc.ParentProcess().Sentinel()
	return nil
}

var outliveTarget = ipc.NewTarget(outlive)
