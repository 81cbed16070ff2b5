package ipc_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// reading is one of ten that a child sends.
type reading struct{ N, Pid int }

type reader struct {
	To    *ipc.Sender[reading]
	Pause time.Duration // at most, before each
}

func (a reader) Run(ctx context.Context) error {
	for n := range 10 {
		if a.Pause > 0 {
			time.Sleep(rand.N(a.Pause))
		}
		if err := a.To.Send(ctx, reading{n, os.Getpid()}); err != nil {
			return err
		}
	}
	return nil
}

var readerTarget = ipc.TargetOf[reader]()

// collect receives from all, by Wait, until each is at its end.
func collect(t *testing.T, rs []*ipc.Receiver[reading]) (got []reading) {
	t.Helper()
	ctx := context.Background()
	var left []ipc.Waitable
	for _, r := range rs {
		left = append(left, r)
	}
	for len(left) > 0 {
		for _, w := range ok(ipc.Wait(ctx, left...))(t) {
			v, err := w.(*ipc.Receiver[reading]).Recv(ctx)
			switch err {
			case nil:
				got = append(got, v)
			case io.EOF:
				left = slices.DeleteFunc(left, func(l ipc.Waitable) bool { return l == w })
			default:
				t.Fatal(err)
			}
		}
	}
	return got
}

// wantReadings checks that each of the processes is there with all it read.
func wantReadings(t *testing.T, got []reading, pids []int) {
	t.Helper()
	var want []reading
	for _, pid := range pids {
		for n := range 10 {
			want = append(want, reading{n, pid})
		}
	}
	byPid := func(a, b reading) int { return (a.Pid-b.Pid)*100 + a.N - b.N }
	slices.SortFunc(want, byPid)
	slices.SortFunc(got, byPid)
	if !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestWaitServesManyPipes(t *testing.T) { // WAIT-01, WAIT-02
	for _, pause := range []time.Duration{0, 50 * time.Millisecond} {
		t.Run(fmt.Sprint(pause), func(t *testing.T) {
			guard(t)
			var ps []*ipc.Process
			var rs []*ipc.Receiver[reading]
			var pids []int
			for range 4 {
				r, s := channel[reading](t)
				p := ipc.NewProcess(readerTarget, reader{s, pause})
				start(t, p)
				s.Close()
				ps, rs, pids = append(ps, p), append(rs, r), append(pids, p.Pid())
			}
			wantReadings(t, collect(t, rs), pids)
			join(t, ps...)
		})
	}
}

type dialer struct {
	Address string
	Pause   time.Duration
}

// Run writes ten lines, as a program would that knows nothing of this one.
func (d dialer) Run(context.Context) error {
	c, err := net.Dial("tcp", d.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	for n := range 10 {
		if d.Pause > 0 {
			time.Sleep(rand.N(d.Pause))
		}
		if _, err := fmt.Fprintln(c, n, os.Getpid()); err != nil {
			return err
		}
	}
	return nil
}

var dialerTarget = ipc.TargetOf[dialer]()

// Wait knows the things of this package only. A goroutine makes a pipe of a
// socket.
func TestWaitServesSocketsThroughPipes(t *testing.T) { // WAIT-03
	for _, pause := range []time.Duration{0, 20 * time.Millisecond} {
		t.Run(fmt.Sprint(pause), func(t *testing.T) {
			ctx := guard(t)
			l := ok(net.Listen("tcp", "127.0.0.1:0"))(t)
			defer l.Close()
			var ps []*ipc.Process
			var rs []*ipc.Receiver[reading]
			var pids []int
			for range 4 {
				p := ipc.NewProcess(dialerTarget, dialer{l.Addr().String(), pause})
				start(t, p)
				c := ok(l.Accept())(t)
				defer c.Close()
				r, s := channel[reading](t)
				go func() {
					defer s.Close()
					var v reading
					for {
						if _, err := fmt.Fscanln(c, &v.N, &v.Pid); err != nil || s.Send(ctx, v) != nil {
							return
						}
					}
				}()
				ps, rs, pids = append(ps, p), append(rs, r), append(pids, p.Pid())
			}
			wantReadings(t, collect(t, rs), pids)
			join(t, ps...)
		})
	}
}

func TestWaitForTheEndsOfAPipe(t *testing.T) { // WAIT-04, WAIT-07
	ctx := guard(t)
	a, b, err := ipc.Pipe[int]()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	nothing := func(ctx context.Context) error {
		ready, err := ipc.Wait(ctx, a, b)
		if len(ready) != 0 {
			t.Errorf("Wait() = %v", ready)
		}
		return err
	}
	if err := notBefore(t, 200*time.Millisecond, nothing); err != context.DeadlineExceeded {
		t.Errorf("Wait() = %v", err)
	}
	past, cancel := context.WithTimeout(ctx, -time.Second)
	defer cancel()
	if err := nothing(past); err != context.DeadlineExceeded {
		t.Errorf("Wait() after its time = %v", err)
	}
	if err := b.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []context.Context{ctx, past} {
		if ready, err := ipc.Wait(c, a, b); err != nil || !slices.Equal(ready, []ipc.Waitable{a}) {
			t.Errorf("Wait() = %v, %v; want the other end", ready, err)
		}
	}
}

func TestWaitReturnsAllThatAreReady(t *testing.T) { // WAIT-05, WAIT-06
	ctx := guard(t)
	a, toA := channel[int](t)
	b, toB := channel[int](t)
	hold, release := channel[bool](t)
	p := ipc.NewProcess(lastWordsTarget, hold)
	p.Stdout = io.Discard
	start(t, p)
	want := func(things ...ipc.Waitable) {
		t.Helper()
		if ready, err := ipc.Wait(ctx, a, p, b); err != nil || !slices.Equal(ready, things) {
			t.Errorf("Wait() = %v, %v; want %v", ready, err, things)
		}
	}
	wait := mustBlock(t, "Wait", func() { want(p) })
	release.Close()
	wait()
	if p.IsAlive() {
		t.Errorf("%v", p)
	}
	if err := toB.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	want(p, b)
	if err := toA.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	want(a, p, b)
	join(t, p)
}

// What can be waited for, besides: an event, a queue, and their ends.
func TestWaitForQueuesAndEvents(t *testing.T) { // WAIT-06
	ctx := guard(t)
	q, e := newQueue[int](t, 0), newEvent(t)
	wait := mustBlock(t, "Wait", func() {
		if ready, err := ipc.Wait(ctx, e, q); err != nil || !slices.Equal(ready, []ipc.Waitable{e}) {
			t.Errorf("Wait() = %v, %v; want the event", ready, err)
		}
	})
	p := ipc.NewProcess(eventTarget, eventArgs{E: e, Set: true})
	start(t, p)
	wait()
	join(t, p)
	e.Clear()
	if err := q.Put(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if ready, err := ipc.Wait(ctx, e, q); err != nil || !slices.Equal(ready, []ipc.Waitable{q}) {
		t.Errorf("Wait() = %v, %v; want the queue", ready, err)
	}
	q.Close()
	if _, err := ipc.Wait(ctx, e, q); err != ipc.ErrClosed {
		t.Errorf("Wait() for a closed queue = %v", err)
	}
	if _, err := ipc.Wait(ctx, ipc.NewProcess(noopTarget, ipc.None{})); err != ipc.ErrNotStarted {
		t.Errorf("Wait() for a process that was not started = %v", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) { // WAIT-12
	guard(t)
	var idle []ipc.Waitable
	for range 3 {
		r, _ := channel[int](t)
		idle = append(idle, r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	wait := mustBlock(t, "Wait", func() {
		if ready, err := ipc.Wait(ctx, idle...); err != context.Canceled || len(ready) != 0 {
			t.Errorf("Wait() = %v, %v", ready, err)
		}
	})
	cancel()
	wait()
}
