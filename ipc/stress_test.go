package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A crate is what the workers of the soak put and send: numbered by its
// producer, with a checksum.
type crate struct {
	Producer, Seq int
	Body          []byte
	Sum           uint32
}

func newCrate(producer, seq, size int) crate {
	p := crate{Producer: producer, Seq: seq, Body: make([]byte, size)}
	for i := range p.Body {
		p.Body[i] = byte(producer + seq + i)
	}
	p.Sum = crc32.ChecksumIEEE(p.Body)
	return p
}

// pairs are two numbers of which one is the other's complement.
type pairs struct{ A, B, C, D int64 }

func (p pairs) whole() bool { return p.B == ^p.A && p.D == ^p.C && p.A == p.C }

// soaked is a worker of the soak, which does one thing after the other until
// it is killed. It only ends by itself when it has seen what must not be.
type soaked struct {
	ID     int
	Lock   *ipc.Lock
	RLock  *ipc.RLock
	Twins  *ipc.Array[int64] // two numbers that are the same whenever the lock is free
	Sem    *ipc.Semaphore
	Inside *ipc.Value[int64] // a hint: those of the dead stay in it
	Wide   *ipc.Value[pairs]
	Queue  *ipc.Queue[crate]
	Jobs   *ipc.Queue[int]
	Pipe   *ipc.Sender[crate]
	Done   *ipc.Event
	Cond   *ipc.Cond
	Locks  *ipc.Sender[*ipc.Lock]
}

func (w soaked) Run(ctx context.Context) error {
	random := rand.New(rand.NewPCG(uint64(w.ID), 1))
	puts, sends := 0, 0
	for {
		var err error
		switch random.IntN(9) {
		case 0:
			err = w.count(ctx)
		case 1:
			err = w.nest(ctx)
		case 2:
			err = errors.Join(w.Sem.Acquire(ctx))
			w.Inside.Add(1)
			w.Inside.Add(-1)
			w.Sem.Release()
		case 3:
			n := random.Int64()
			w.Wide.Store(pairs{n, ^n, n, ^n})
			if v := w.Wide.Load(); !v.whole() {
				err = fmt.Errorf("half of a value was seen: %v", v)
			}
		case 4:
			puts++
			err = w.Queue.Put(ctx, newCrate(w.ID, puts, random.IntN(300)))
		case 5:
			sends++
			err = w.Pipe.Send(ctx, newCrate(w.ID, sends, random.IntN(100<<10)))
		case 6:
			w.Done.Set()
			w.Done.Clear()
		case 7:
			err = w.notify(ctx)
		case 8:
			if _, terr := w.Jobs.TryGet(); terr == nil {
				err = w.Jobs.TaskDone()
			}
		}
		if err != nil {
			return err
		}
	}
}

// count counts in two steps, and repairs what one who died has left half done.
func (w soaked) count(ctx context.Context) error {
	twins := w.Twins.Slice()
	switch err := w.Lock.Acquire(ctx); {
	case err == ipc.ErrOwnerDied:
		twins[1] = twins[0]
	case err != nil:
		return err
	case twins[0] != twins[1]:
		return fmt.Errorf("two in the lock, or a death that was not told: %d, %d", twins[0], twins[1])
	}
	twins[0]++
	twins[1]++
	w.Lock.Release()
	return nil
}

func (w soaked) nest(ctx context.Context) error {
	for range 2 {
		if err := w.RLock.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
			return err
		}
	}
	w.RLock.Release()
	w.RLock.Release()
	return nil
}

func (w soaked) notify(ctx context.Context) error {
	if err := w.Cond.L.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
		return err
	}
	w.Cond.Notify(1)
	w.Cond.L.Release()
	return nil
}

var soakedTarget = ipc.TargetOf[soaked]()

// ledger checks what arrives: from each producer everything, once, in order.
type ledger struct {
	what string
	last map[int]int
	n    atomic.Int64
}

func (l *ledger) enter(p crate) error {
	l.n.Add(1)
	if crc32.ChecksumIEEE(p.Body) != p.Sum {
		return fmt.Errorf("%s: crate %d of %d is corrupt", l.what, p.Seq, p.Producer)
	}
	if p.Seq != l.last[p.Producer]+1 {
		return fmt.Errorf("%s: crate %d of %d came after %d", l.what, p.Seq, p.Producer, l.last[p.Producer])
	}
	l.last[p.Producer] = p.Seq
	return nil
}

// TestSoak kills workers at random while they work on everything that is
// shared. IPC_SOAK_DEATHS says how many; the figure is 10000.
func TestSoak(t *testing.T) { // ROB-13, ROB-15, ROB-21, ROB-24
	deaths := 60
	if n, err := strconv.Atoi(os.Getenv("IPC_SOAK_DEATHS")); err == nil {
		deaths = n
	}
	ctx, cancel := context.WithCancel(guardFor(t, limit+time.Duration(deaths)*time.Second/4))
	defer cancel()
	const workers = 5
	shared := soaked{Lock: newLock(t), RLock: ok(ipc.NewRLock())(t), Twins: ok(ipc.NewArray[int64](2))(t),
		Sem: ok(ipc.NewSemaphore(2))(t), Inside: ok(ipc.NewValue(int64(0)))(t), Wide: ok(ipc.NewValue(pairs{0, ^0, 0, ^0}))(t),
		Queue: newQueue[crate](t, 50), Jobs: newQueue[int](t, 0), Done: ok(ipc.NewEvent())(t)}
	shared.Cond = ok(ipc.NewCond(ok(ipc.NewLock())(t)))(t)
	var pipe *ipc.Receiver[crate]
	pipe, shared.Pipe = channel[crate](t)
	for _, c := range []io.Closer{shared.RLock, shared.Twins, shared.Sem, shared.Inside, shared.Wide, shared.Done,
		shared.Cond, shared.Cond.L.(*ipc.Lock)} {
		defer c.Close()
	}

	queued := &ledger{what: "queue", last: map[int]int{}}
	sent := &ledger{what: "pipe", last: map[int]int{}}
	var readers sync.WaitGroup
	read := func(l *ledger, next func(context.Context) (crate, error)) {
		readers.Go(func() {
			for {
				p, err := next(ctx)
				if err == nil {
					err = l.enter(p)
				}
				if ctx.Err() != nil || err == io.EOF {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	read(queued, shared.Queue.Get)
	read(sent, pipe.Recv)

	kill := func(p *ipc.Process) {
		_ = p.Kill()
		var exit *ipc.ExitError
		if err := p.Join(context.Background()); !errors.As(err, &exit) || exit.Code != -9 {
			t.Errorf("worker ended by itself: %v", err)
		}
	}
	var running []*ipc.Process
	hire := func(id int) {
		w := shared
		w.ID = id
		p := ipc.NewProcess(soakedTarget, w)
		p.Stderr = io.Discard
		start(t, p)
		running = append(running, p)
	}
	for id := range deaths + workers {
		if err := shared.Jobs.Put(ctx, id); err != nil {
			t.Fatal(err)
		}
		hire(id)
		if len(running) > workers && !t.Failed() {
			// At random moments of its life, the first of which is its start.
			time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
			i := rand.IntN(len(running))
			kill(running[i])
			running = append(running[:i], running[i+1:]...)
		}
		if t.Failed() {
			break
		}
	}
	for _, p := range running {
		kill(p)
	}
	// All are dead: what they held is free.
	if err := shared.Lock.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
		t.Errorf("Acquire() = %v", err)
	} else {
		if twins := shared.Twins.Slice(); err == nil && twins[0] != twins[1] {
			t.Errorf("the twins are %v", twins)
		}
		shared.Lock.Release()
	}
	until(func() bool { return shared.Sem.Value() == 2 }, func() { t.Errorf("%d permits are free; want 2", shared.Sem.Value()) })
	if v := shared.Wide.Load(); !v.whole() {
		t.Errorf("half of a value was seen: %v", v)
	}
	until(func() bool { return shared.Queue.Len() == 0 }, func() { t.Errorf("%d crates are left", shared.Queue.Len()) })
	shared.Pipe.Close()
	cancel()
	readers.Wait()
	for _, err := shared.Jobs.TryGet(); err == nil; _, err = shared.Jobs.TryGet() {
		if err := shared.Jobs.TaskDone(); err != nil {
			t.Errorf("TaskDone() = %v", err)
		}
	}
	var lost *ipc.LostTaskError
	if err := shared.Jobs.Join(context.Background()); err != nil && !errors.As(err, &lost) {
		t.Errorf("Join() = %v", err)
	}
	t.Logf("%d deaths, %d + %d crates, %d counted, lost tasks: %v",
		deaths+workers, queued.n.Load(), sent.n.Load(), shared.Twins.Slice()[0], lost)
}
