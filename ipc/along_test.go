package ipc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// needMessages skips a test of shared objects in messages where the system
// can't have them.
func needMessages(t *testing.T) {
	t.Helper()
	a, b, err := ipc.Pipe[*ipc.Lock]()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	l := newLock(t)
	switch err := a.Send(context.Background(), l); {
	case errors.Is(err, ipc.ErrHandle):
		t.Skip("this backend has no handles in messages")
	case err != nil:
		t.Fatal(err)
	}
	if got, err := b.Recv(context.Background()); err != nil {
		t.Fatal(err)
	} else {
		got.Close()
	}
}

// luggage is what a child of these tests is sent.
type luggage struct {
	Lock     *ipc.Lock
	Queue    *ipc.Queue[int]
	Sender   *ipc.Sender[string]
	Receiver *ipc.Receiver[string]
	Event    *ipc.Event
	File     *os.File
	Note     string
}

// traveller is a child that unpacks what it is sent.
type traveller struct {
	In   *ipc.Receiver[luggage]
	Back *ipc.Sender[string]
}

func (c traveller) Run(ctx context.Context) error {
	for l, err := range c.In.All(ctx) {
		if err != nil {
			return err
		}
		if err := c.unpack(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (c traveller) unpack(ctx context.Context, l luggage) error {
	var err error
	if l.Lock != nil {
		if terr := l.Lock.TryAcquire(); terr != ipc.ErrWouldBlock {
			err = errors.Join(err, errors.New("the lock is not held by the sender"))
		}
	}
	if l.Queue != nil {
		n, gerr := l.Queue.Get(ctx)
		err = errors.Join(err, gerr, l.Queue.Put(ctx, n+1))
	}
	if l.Receiver != nil {
		s, rerr := l.Receiver.Recv(ctx)
		err = errors.Join(err, rerr, c.Back.Send(ctx, s+s), l.Receiver.Close())
	}
	if l.Sender != nil {
		err = errors.Join(err, l.Sender.Send(ctx, "all is well"), l.Sender.Close())
	}
	if l.File != nil {
		_, werr := l.File.WriteString(l.Note)
		err = errors.Join(err, werr, l.File.Close())
	}
	if l.Event != nil {
		l.Event.Set()
	}
	return err
}

var travellerTarget = ipc.TargetOf[traveller]()

// travel starts a traveller.
func travel(t *testing.T) (*ipc.Process, *ipc.Sender[luggage], *ipc.Receiver[string]) {
	t.Helper()
	r, s := channel[luggage](t)
	back, b := channel[string](t)
	p := ipc.NewProcess(travellerTarget, traveller{r, b})
	start(t, p)
	r.Close()
	b.Close()
	return p, s, back
}

func TestHandlesTravelInMessages(t *testing.T) { // FDPASS-05, LOCK-10
	ctx := guard(t)
	needMessages(t)
	p, s, back := travel(t)
	l, q := newLock(t), newQueue[int](t, 0)
	done := ok(ipc.NewEvent())(t)
	defer done.Close()
	if err := l.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 50 { // the first brings the segment, the others find it there
		fine, theirs := channel[string](t)
		mine, foobar := channel[string](t)
		if err := errors.Join(q.Put(ctx, i), foobar.Send(ctx, "foobar")); err != nil {
			t.Fatal(err)
		}
		if err := s.Send(ctx, luggage{Lock: l, Queue: q, Sender: theirs, Receiver: mine, Event: done}); err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		mine.Close()
		if got := ok(back.Recv(ctx))(t); got != "foobarfoobar" {
			t.Errorf("the child answered %q", got)
		}
		if got := ok(fine.Recv(ctx))(t); got != "all is well" {
			t.Errorf("Recv() = %q", got)
		}
		if _, err := fine.Recv(ctx); err != io.EOF {
			t.Errorf("Recv() after the child closed = %v", err)
		}
		if err := done.Wait(ctx); err != nil {
			t.Error(err)
		}
		if n := ok(q.Get(ctx))(t); n != i+1 {
			t.Errorf("Get() = %d; want %d", n, i+1)
		}
		fine.Close()
		foobar.Close()
	}
	l.Release()
	s.Close()
	join(t, p)
}

func TestFilesTravelInMessages(t *testing.T) { // FDPASS-01, FDPASS-02, FDPASS-03
	ctx := guard(t)
	p, s, _ := travel(t)
	name := filepath.Join(t.TempDir(), "file")
	f := ok(os.Create(name))(t)
	const high = 300
	if err := dup(int(f.Fd()), high); err != nil {
		t.Fatal(err)
	}
	far := os.NewFile(high, "far")
	for _, l := range []luggage{{File: f, Note: "foo"}, {File: far, Note: "bar"}, {Note: "no file"}} {
		if err := s.Send(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	far.Close()
	if err := s.Send(ctx, luggage{File: f}); err == nil {
		t.Error("a closed file was sent")
	}
	s.Close()
	join(t, p)
	if got := string(ok(os.ReadFile(name))(t)); got != "foobar" {
		t.Errorf("the file holds %q", got)
	}
}

// acceptOne accepts one connection and sends it on.
func acceptOne(ctx context.Context, a served) error {
	l, err := net.Listen(a.Network, a.Address)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := a.Where.Send(ctx, l.Addr().String()); err != nil {
		return err
	}
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	f, err := c.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return err
	}
	defer f.Close()
	return a.Conns.Send(ctx, f)
}

type served struct {
	Network, Address string
	Where            *ipc.Sender[string]
	Conns            *ipc.Sender[*os.File]
}

var acceptOneTarget = ipc.NewTarget(acceptOne)

func TestConnectionTravelsOn(t *testing.T) { // FDPASS-04, ROB-34
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": ""} {
		t.Run(network, func(t *testing.T) {
			ctx := guard(t)
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "socket")
			}
			where, w := channel[string](t)
			conns, cs := channel[*os.File](t)
			p := ipc.NewProcess(acceptOneTarget, served{network, address, w, cs})
			start(t, p)
			client := ok(net.Dial(network, ok(where.Recv(ctx))(t)))(t)
			defer client.Close()
			join(t, p) // the connection outlives who has sent it
			f := ok(conns.Recv(ctx))(t)
			c := ok(net.FileConn(f))(t)
			f.Close()
			defer c.Close()
			if _, err := client.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 5)
			if _, err := io.ReadFull(c, b); string(b) != "hello" || err != nil {
				t.Errorf("read %q, %v", b, err)
			}
		})
	}
}

// leaveHandle sends its own end of a pipe on, and leaves.
func leaveHandle(ctx context.Context, a left) error {
	return errors.Join(a.To.Send(ctx, a.Own), a.Own.Close())
}

type left struct {
	Own *ipc.Sender[string]
	To  *ipc.Sender[*ipc.Sender[string]]
}

var leaveHandleTarget = ipc.NewTarget(leaveHandle)

func TestHandleInFlightOutlivesItsSender(t *testing.T) { // ROB-34
	ctx := guard(t)
	needMessages(t)
	r, s := channel[string](t)
	in, to := channel[*ipc.Sender[string]](t)
	p := ipc.NewProcess(leaveHandleTarget, left{s, to})
	start(t, p)
	s.Close()
	to.Close()
	join(t, p)
	wait := mustBlock(t, "Recv with a sender in flight", func() {
		if got, err := r.Recv(ctx); got != "hello" || err != nil {
			t.Errorf("Recv() = %q, %v", got, err)
		}
	})
	own := ok(in.Recv(ctx))(t)
	if err := own.Send(ctx, "hello"); err != nil {
		t.Error(err)
	}
	wait()
	own.Close()
	if _, err := r.Recv(ctx); err != io.EOF {
		t.Errorf("Recv() at the end = %v", err)
	}
}

func TestHandleInFlightGoesWithItsReceiver(t *testing.T) { // ROB-30
	ctx := guard(t)
	needMessages(t)
	for _, kill := range []bool{true, false} {
		r, s := channel[string](t)
		in, to := channel[*ipc.Sender[string]](t)
		ready, rs := channel[bool](t)
		p := ipc.NewProcess(neverTakeTarget, never{in, rs})
		start(t, p)
		in.Close()
		ok(ready.Recv(ctx))(t)
		if err := to.Send(ctx, s); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if kill {
			_ = p.Kill()
		} else {
			_ = p.Terminate()
		}
		if _, err := r.Recv(ctx); err != io.EOF {
			t.Errorf("Recv() = %v", err)
		}
		_ = p.Join(ctx)
		if err := to.Send(ctx, nil); err != ipc.ErrBrokenPipe {
			t.Errorf("Send() = %v", err)
		}
		to.Close()
	}
}

func TestHandlesThatCanNotBeSent(t *testing.T) { // LOCK-10
	ctx := guard(t)
	r, s := channel[*ipc.Receiver[int]](t)
	closed, sender := channel[int](t)
	closed.Close()
	for _, h := range []*ipc.Receiver[int]{closed, new(ipc.Receiver[int])} {
		if err := s.Send(ctx, h); err == nil {
			t.Error("Send() took a handle that is closed, or zero")
		}
	}
	if err := s.Send(ctx, nil); err != nil {
		t.Error(err)
	}
	if got := ok(r.Recv(ctx))(t); got != nil {
		t.Error("nil became something")
	}
	// Nothing was left in flight that could still receive.
	if err := sender.Send(ctx, 1); err != ipc.ErrBrokenPipe {
		t.Errorf("Send() = %v", err)
	}
}

// TestMembersStayAliveWhenTheirSegmentComesAgain would lose its record lock
// by a closed duplicate of the descriptor, and so be taken for dead.
func TestMembersStayAliveWhenTheirSegmentComesAgain(t *testing.T) { // ROB-13
	ctx := guard(t)
	needMessages(t)
	l := newLock(t)
	r, s := channel[*ipc.Lock](t)
	ready, rs := channel[bool](t)
	p := ipc.NewProcess(holdTwiceTarget, twice{l, r, rs})
	start(t, p)
	for range 3 {
		if err := s.Send(ctx, l); err != nil {
			t.Fatal(err)
		}
		ok(ready.Recv(ctx))(t)
		for range 5 {
			if err := l.TryAcquire(); err != ipc.ErrWouldBlock {
				t.Fatalf("TryAcquire() = %v; the holder is alive", err)
			}
		}
	}
	s.Close()
	join(t, p)
}

type twice struct {
	Lock  *ipc.Lock
	In    *ipc.Receiver[*ipc.Lock]
	Ready *ipc.Sender[bool]
}

func holdTwice(ctx context.Context, a twice) error {
	if err := a.Lock.Acquire(ctx); err != nil {
		return err
	}
	defer a.Lock.Release()
	for _, err := range a.In.All(ctx) {
		if err := errors.Join(err, a.Ready.Send(ctx, true)); err != nil {
			return err
		}
	}
	return nil
}

var holdTwiceTarget = ipc.NewTarget(holdTwice)
