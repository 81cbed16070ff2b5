package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// serve echoes until the end of file.
func serve(ctx context.Context, c *ipc.Conn[[]byte]) error {
	for b, err := range c.All(ctx) {
		if err != nil {
			return err
		}
		if err := c.Send(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

var serveTarget = ipc.NewTarget(serve)

func TestPipeEchoes(t *testing.T) { // CONN-02, CONN-11, CONN-12, CONN-13, CONN-18
	ctx := guard(t)
	ours, theirs, err := ipc.Pipe[[]byte]()
	if err != nil {
		t.Fatal(err)
	}
	p := ipc.NewProcess(serveTarget, theirs)
	start(t, p)
	theirs.Close()
	for _, n := range []int{0, 1, 11, 100 << 10, 200 << 10, 16 << 20} {
		msg := bytes.Repeat([]byte("x"), n)
		if err := ours.Send(ctx, msg); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(ours.Poll(ctx), ours.Poll(ctx)); err != nil {
			t.Fatal(err)
		}
		if got := ok(ours.Recv(ctx))(t); !bytes.Equal(got, msg) || got == nil {
			t.Errorf("%d bytes came back as %d", n, len(got))
		}
	}
	ours.Close()
	join(t, p)
}

func TestPipeEnds(t *testing.T) { // CONN-13, CONN-14, CONN-16, CONN-22
	ctx := guard(t)
	a, b, err := ipc.Pipe[int]()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := a.Send(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	for i := range 3 {
		if got := ok(b.Recv(ctx))(t); got != i {
			t.Errorf("Recv() = %d; want %d", got, i)
		}
	}
	for range 2 {
		if _, err := b.Recv(ctx); err != io.EOF {
			t.Errorf("Recv() at the end = %v", err)
		}
	}
	if err := b.Send(ctx, 1); err != ipc.ErrBrokenPipe {
		t.Errorf("Send() to nobody = %v", err)
	}
	if err := errors.Join(b.Close(), b.Close(), a.Close()); err != nil {
		t.Error(err)
	}
	if _, err := b.Recv(ctx); err != ipc.ErrClosed {
		t.Errorf("Recv() on a closed end = %v", err)
	}
	if err := a.Send(ctx, 1); err != ipc.ErrClosed {
		t.Errorf("Send() on a closed end = %v", err)
	}
}

func TestCloseWakesRecv(t *testing.T) { // KF-38
	ctx := guard(t)
	a, b, err := ipc.Pipe[int]()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var rerr error
	wait := mustBlock(t, "Recv", func() { _, rerr = b.Recv(ctx) })
	b.Close()
	wait()
	if rerr != ipc.ErrClosed {
		t.Errorf("Recv() = %v", rerr)
	}
}

func TestRecvHonoursItsContext(t *testing.T) { // CONN-07, CONN-10
	guard(t)
	r, s := channel[int](t)
	ctx, cancel := context.WithCancel(context.Background())
	var rerr, perr error
	wait := mustBlock(t, "Recv", func() { _, rerr = r.Recv(ctx) })
	wait2 := mustBlock(t, "Poll", func() { perr = r.Poll(ctx) })
	cancel()
	wait()
	wait2()
	if rerr != context.Canceled || perr != context.Canceled {
		t.Errorf("Recv() = %v, Poll() = %v", rerr, perr)
	}
	if err := s.Send(ctx, 5); err != nil {
		t.Fatal(err)
	}
	// What is there is given even to a context that is over.
	if got := ok(r.Recv(ctx))(t); got != 5 {
		t.Errorf("Recv() = %d", got)
	}
}

func TestSendBlocksWhenFull(t *testing.T) { // KF-33, ROB-29
	guard(t)
	r, s := channel[[]byte](t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	sent := 0
	for ; ; sent++ {
		if err := s.Send(ctx, make([]byte, 1000)); err != nil {
			if err != context.DeadlineExceeded {
				t.Errorf("Send() = %v", err)
			}
			break
		}
	}
	if sent == 0 {
		t.Error("nothing was sent")
	}
	// A long one that is given up leaves nothing of it behind.
	for range sent {
		ok(r.Recv(context.Background()))(t)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, make([]byte, 1<<20)); err != context.DeadlineExceeded {
		t.Errorf("Send() of a long one = %v", err)
	}
	wait := mustBlock(t, "Send", func() { _ = s.Send(context.Background(), make([]byte, 1<<20+1)) })
	if got := ok(r.Recv(context.Background()))(t); len(got) != 1<<20+1 {
		t.Errorf("Recv() = %d bytes", len(got))
	}
	wait()
}

type sendMany struct {
	S    *ipc.Sender[[]byte]
	Fill byte
}

// Run sends twenty long messages of one letter.
func (m sendMany) Run(ctx context.Context) error {
	for range 20 {
		if err := m.S.Send(ctx, bytes.Repeat([]byte{m.Fill}, 200<<10)); err != nil {
			return err
		}
	}
	return nil
}

var sendManyTarget = ipc.TargetOf[sendMany]()

func TestTwoSendersShareAnEnd(t *testing.T) { // KF-35, ROB-31
	ctx := guard(t)
	r, s := channel[[]byte](t)
	a := ipc.NewProcess(sendManyTarget, sendMany{s, 'a'})
	b := ipc.NewProcess(sendManyTarget, sendMany{s, 'b'})
	start(t, a, b)
	s.Close()
	n := 0
	for msg, err := range r.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if len(msg) != 200<<10 || !bytes.Equal(msg, bytes.Repeat(msg[:1], len(msg))) {
			t.Fatal("a message is not whole")
		}
		n++
	}
	join(t, a, b)
	if n != 40 {
		t.Errorf("%d messages; want 40", n)
	}
}

func TestStartWithClosedHandleFails(t *testing.T) {
	guard(t)
	_, s := channel[identity](t)
	s.Close()
	if err := ipc.NewProcess(identifyTarget, s).Start(); !errors.Is(err, ipc.ErrClosed) {
		t.Errorf("Start() = %v; want ErrClosed", err)
	}
	zero := ipc.NewProcess(identifyTarget, new(ipc.Sender[identity]))
	if err := zero.Start(); err == nil {
		t.Error("Start() took a zero Sender")
	}
}
