package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// What a Put that found no room had sent along would keep its place in the
// segment, and a lock on it that no later message and no child could get.
func TestPutWithoutRoomLeavesNothingOnItsWay(t *testing.T) { // QUE-12
	ctx := guard(t)
	needMessages(t)
	q, l := newQueue[*ipc.Lock](t, 1), newLock(t)
	if err := q.TryPut(l); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := q.TryPut(l); err != ipc.ErrWouldBlock {
			t.Errorf("TryPut() into a full queue = %v", err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := q.Put(short, l); err != context.DeadlineExceeded {
		t.Errorf("Put() into a full queue = %v", err)
	}
	p := ipc.NewProcess(nothingTarget, handles{Lock: l})
	start(t, p)
	join(t, p)
	for range 2 {
		ok(q.Get(ctx))(t)
		if err := q.Put(ctx, l); err != nil {
			t.Errorf("Put() with room = %v", err)
		}
	}
}

// A file of a message that was not put would stay open in the socket.
func TestFileThatFoundNoRoomIsClosed(t *testing.T) {
	ctx := guard(t)
	q := newQueue[*os.File](t, 1)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := q.TryPut(null(t)); err != nil {
		t.Fatal(err)
	}
	if err := q.TryPut(w); err != ipc.ErrWouldBlock {
		t.Fatal(err)
	}
	w.Close()
	ok(q.Get(ctx))(t).Close()
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read() = %v; want io.EOF, all write ends are closed", err)
	}
}

// Files of messages that were not put would fill the socket, of which nobody
// takes them, as no message comes that they belong to.
func TestPutsWithoutRoomDoNotFillTheSocket(t *testing.T) {
	ctx := guard(t)
	q, f := newQueue[*os.File](t, 1), null(t)
	if err := q.TryPut(nil); err != nil { // a message without a file
		t.Fatal(err)
	}
	for range 400 { // more than the socket takes
		if err := q.TryPut(f); err != ipc.ErrWouldBlock {
			t.Fatal(err)
		}
	}
	if got := ok(q.Get(ctx))(t); got != nil {
		t.Error("nil became a file")
	}
	if err := q.Put(ctx, f); err != nil {
		t.Errorf("Put() into an empty queue = %v", err)
	}
	ok(q.Get(ctx))(t).Close()
}

type stuck struct {
	Queue *ipc.Queue[*ipc.Sender[int]]
	Own   *ipc.Sender[int]
	Ready *ipc.Sender[bool]
}

// Run puts its own end of a pipe into a queue where it finds no room.
func (s stuck) Run(ctx context.Context) error {
	return errors.Join(s.Ready.Send(ctx, true), s.Queue.Put(ctx, s.Own))
}

var stuckTarget = ipc.TargetOf[stuck]()

// What a process was putting when it was killed would be held by a message
// that never comes, for as long as the queue lives.
func TestKilledWaitingForRoomLeavesNothingOnItsWay(t *testing.T) { // ROB-30, KF-25
	ctx := guard(t)
	needMessages(t)
	q := newQueue[*ipc.Sender[int]](t, 1)
	_, there := channel[int](t)
	if err := q.Put(ctx, there); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		r, own := channel[int](t)
		ready, rs := channel[bool](t)
		p := ipc.NewProcess(stuckTarget, stuck{q, own, rs})
		start(t, p)
		own.Close()
		ok(ready.Recv(ctx))(t)
		time.Sleep(time.Duration(i) * 10 * time.Millisecond) // so it dies at another place each time
		_ = p.Kill()
		if _, err := r.Recv(ctx); err != io.EOF {
			t.Errorf("Recv() from a killed sender = %v", err)
		}
		_ = p.Join(ctx)
	}
	ok(q.Get(ctx))(t)
	if err := q.TryPut(there); err != nil || q.Len() != 1 {
		t.Errorf("TryPut() = %v, Len() = %d", err, q.Len())
	}
}

type confined struct {
	In   *ipc.Receiver[[]*os.File]
	Room int // for how many more files
	Back *ipc.Sender[string]
}

// Run receives once with too little room, then with enough.
func (c confined) Run(ctx context.Context) error {
	var old syscall.Rlimit
	free, err := syscall.Dup(0) // the lowest number
	if err := errors.Join(err, syscall.Close(free), syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old)); err != nil {
		return err
	}
	low := old
	low.Cur = uint64(free + c.Room)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		return err
	}
	fs, rerr := c.In.Recv(ctx)
	err = errors.Join(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old),
		c.Back.Send(ctx, fmt.Sprint(len(fs), rerr != nil)))
	fs, rerr = c.In.Recv(ctx)
	return errors.Join(err, rerr, c.Back.Send(ctx, fmt.Sprint(len(fs))))
}

var confinedTarget = ipc.TargetOf[confined]()

// Files that the receiver can't open would stay in the socket, or be taken
// for those of the next message.
func TestFilesBeyondTheReceiversLimitAreClosed(t *testing.T) { // KF-34
	ctx := guard(t)
	for room := range 2 {
		in, s := channel[[]*os.File](t)
		out, back := channel[string](t)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := ipc.NewProcess(confinedTarget, confined{in, room, back})
		start(t, p)
		in.Close()
		if err := s.Send(ctx, []*os.File{null(t), w}); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if got := ok(out.Recv(ctx))(t); got != "0 true" {
			t.Errorf("Recv() with room for %d of 2 files: %s; want 0 files, an error", room, got)
		}
		if _, err := r.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read() = %v; want io.EOF, nobody has the write end", err)
		}
		r.Close()
		if err := s.Send(ctx, []*os.File{null(t)}); err != nil {
			t.Fatal(err)
		}
		if got := ok(out.Recv(ctx))(t); got != "1" {
			t.Errorf("the next message had %s files; want 1", got)
		}
		join(t, p)
	}
}

// More files than the socket takes at once would let both sides wait for ever.
func TestManyFilesInOneMessage(t *testing.T) {
	ctx := guard(t)
	r, s := channel[[]*os.File](t)
	f := null(t)
	for _, n := range []int{253, 254, 400, 1} {
		fs := make([]*os.File, n)
		for i := range fs {
			fs[i] = f
		}
		err := s.Send(ctx, fs)
		if n > 253 {
			if err == nil {
				t.Errorf("Send() took %d files", n)
			}
			continue
		}
		if err != nil {
			t.Fatalf("Send() of %d files = %v", n, err)
		}
		got := ok(r.Recv(ctx))(t)
		if len(got) != n {
			t.Errorf("Recv() = %d files; want %d", len(got), n)
		}
		for _, f := range got {
			if _, err := f.Stat(); err != nil {
				t.Error(err)
			}
			f.Close()
		}
	}
}

// comeBack sends v to this process, closes it, and receives it.
func comeBack[T interface{ Close() error }](t *testing.T, v T) T {
	t.Helper()
	ctx := t.Context()
	r, s := channel[T](t)
	if err := errors.Join(s.Send(ctx, v), v.Close()); err != nil {
		t.Fatal(err)
	}
	got := ok(r.Recv(ctx))(t)
	t.Cleanup(func() { got.Close() })
	return got
}

// The handle that a message brings would be the closed one, which is still
// known while something of it is in use.
func TestClosedHandlesComeBackOpen(t *testing.T) { // LOCK-10
	ctx := guard(t)
	needMessages(t)
	l := comeBack(t, newLock(t))
	if err := l.Acquire(ctx); err != nil {
		t.Errorf("Acquire() = %v", err)
	}
	l.Release()
	if got := comeBack(t, newValue(t, 7)).Load(); got != 7 {
		t.Errorf("Load() = %d; want 7", got)
	}
	q := newQueue[int](t, 2)
	if err := q.Put(ctx, 1); err != nil {
		t.Fatal(err)
	}
	q = comeBack(t, q)
	if got, err := q.TryGet(); got != 1 || err != nil {
		t.Errorf("TryGet() = %d, %v; want what was put before", got, err)
	}
}

// As above, while an operation is leaving the closed handle.
func TestClosingEventComesBackOpen(t *testing.T) { // LOCK-10
	ctx := guard(t)
	needMessages(t)
	for range 30 {
		ev := newEvent(t)
		wait := mustBlock(t, "Wait", func() {
			if err := ev.Wait(ctx); err != ipc.ErrClosed {
				t.Errorf("Wait() of a closed event = %v", err)
			}
		})
		got := comeBack(t, ev)
		if got.Set(); !got.IsSet() {
			t.Error("an event just received is closed")
		}
		wait()
	}
}

type badly struct {
	Value picky
	Own   *ipc.Sender[int]
}

// The handles of a value that can't be decoded would be held for ever: nobody
// has them to close.
func TestUndecodableValueHoldsNoHandle(t *testing.T) {
	ctx := guard(t)
	needMessages(t)
	in, to := channel[badly](t)
	r, own := channel[int](t)
	if err := to.Send(ctx, badly{picky{"not decoded"}, own}); err != nil {
		t.Fatal(err)
	}
	own.Close()
	if _, err := in.Recv(ctx); err == nil {
		t.Error("Recv() took what can't be decoded")
	}
	if _, err := r.Recv(ctx); err != io.EOF {
		t.Errorf("Recv() with no sender left = %v", err)
	}
}

// A message that goes with its pipe would be taken for a party that was
// killed.
func TestBarrierInUnreadMessageStaysWhole(t *testing.T) { // ROB-17
	ctx := guard(t)
	needMessages(t)
	bar := newBarrier(t, 2)
	r, s := channel[*ipc.Barrier](t)
	if err := errors.Join(s.Send(ctx, bar), s.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	wait := func() error { _, err := bar.Wait(ctx); return err }
	first := make(chan error, 1)
	go func() { first <- wait() }()
	select {
	case err := <-first:
		t.Fatalf("Wait() = %v, though no process was killed", err)
	case <-time.After(300 * time.Millisecond): // it has looked for the dead by then
	}
	if err := errors.Join(wait(), <-first); err != nil {
		t.Errorf("Wait() = %v, though no process was killed", err)
	}
}
