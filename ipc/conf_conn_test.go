package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func echoList(ctx context.Context, c *ipc.Conn[[]any]) error {
	for v, err := range c.All(ctx) {
		if err := errors.Join(err, c.Send(ctx, v)); err != nil {
			return err
		}
	}
	return nil
}

var echoListTarget = ipc.NewTarget(echoList)

// connTo starts a child at the other end of a pipe. It ends with ours.
func connTo[T any](t *testing.T, target ipc.Target[*ipc.Conn[T]]) *ipc.Conn[T] {
	t.Helper()
	ours, theirs, err := ipc.Pipe[T]()
	if err != nil {
		t.Fatal(err)
	}
	p := ipc.NewProcess(target, theirs)
	start(t, p)
	theirs.Close()
	t.Cleanup(func() {
		ours.Close()
		join(t, p)
	})
	return ours
}

func TestConnEchoesAnyList(t *testing.T) { // CONN-01, CONN-18
	ctx := guard(t)
	c := connTo(t, echoListTarget)
	list := []any{1, 2.25, nil}
	if err := c.Send(ctx, list); err != nil {
		t.Fatal(err)
	}
	if got := ok(c.Recv(ctx))(t); !reflect.DeepEqual(got, list) {
		t.Errorf("%v came back as %v", list, got)
	}
}

// Parts of a buffer, an empty one among them, and what is just longer than one
// frame or than the whole ring of 256 KiB.
func TestConnEchoesBytesOfAnyLength(t *testing.T) { // CONN-02, CONN-12, CONN-19, CONN-29
	ctx := guard(t)
	c := connTo(t, serveTarget)
	letters := []byte("abcdefghijklmnopqrstuvwxyz")
	msgs := [][]byte{[]byte("hello world"), letters[5:], letters[7:15], letters[26:]}
	for _, n := range []int{32 << 10, 128 << 10, 256 << 10} {
		for d := -5; d <= 1; d++ {
			msgs = append(msgs, bytes.Repeat(letters, 11000)[:n+d])
		}
	}
	for _, msg := range msgs {
		if err := errors.Join(c.Send(ctx, msg), c.Poll(ctx), c.Poll(ctx)); err != nil {
			t.Fatal(err)
		}
		if got := ok(c.Recv(ctx))(t); got == nil || !bytes.Equal(got, msg) {
			t.Errorf("%d bytes came back as %d", len(msg), len(got))
		}
	}
}

func TestRecvIntoFillsTheBuffer(t *testing.T) { // CONN-03, CONN-05
	ctx := guard(t)
	c := connTo(t, serveTarget)
	for _, n := range []int{16, 110} {
		msg := bytes.Repeat([]byte("m"), n)
		if err := c.Send(ctx, msg); err != nil {
			t.Fatal(err)
		}
		buf := bytes.Repeat([]byte("-"), 40)
		got := buf
		if err := c.RecvInto(ctx, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, msg) {
			t.Errorf("RecvInto() = %q; want %q", got, msg)
		}
		if n > len(buf) {
			continue // the whole message has memory of its own
		}
		if &got[0] != &buf[0] || !bytes.Equal(buf[n:], bytes.Repeat([]byte("-"), 40-n)) {
			t.Errorf("the buffer is %q", buf)
		}
	}
}

type talk struct {
	Words []string
	Pause time.Duration
	When  *ipc.Event // nil: at once
	To    *ipc.Sender[string]
}

// say sends the words.
func say(ctx context.Context, a talk) error {
	if a.When != nil {
		if err := a.When.Wait(ctx); err != nil {
			return err
		}
	}
	for _, w := range a.Words {
		if err := a.To.Send(ctx, w); err != nil {
			return err
		}
		time.Sleep(a.Pause)
	}
	return nil
}

var sayTarget = ipc.NewTarget(say)

func TestPollWaitsAndTakesNothing(t *testing.T) { // CONN-07, CONN-09, CONN-10
	ctx := guard(t)
	r, s := channel[string](t)
	e := newEvent(t)
	p := ipc.NewProcess(sayTarget, talk{Words: []string{"one"}, When: e, To: s})
	start(t, p)
	idle := func() {
		t.Helper()
		if err := r.Poll(over()); err != context.Canceled {
			t.Errorf("Poll() without time = %v", err)
		}
		if err := notBefore(t, 100*time.Millisecond, r.Poll); err != context.DeadlineExceeded {
			t.Errorf("Poll() = %v", err)
		}
	}
	idle()
	wait := mustBlock(t, "Poll", func() {
		if err := r.Poll(ctx); err != nil {
			t.Errorf("Poll() = %v", err)
		}
	})
	e.Set()
	wait()
	if err := errors.Join(r.Poll(over()), r.Poll(over())); err != nil {
		t.Errorf("Poll() with a message there = %v", err)
	}
	if got := ok(r.Recv(ctx))(t); got != "one" {
		t.Errorf("Recv() = %q", got)
	}
	idle()
	join(t, p)
}

func TestEndOfFileStays(t *testing.T) { // CONN-13, CONN-14
	ctx := guard(t)
	r, s := channel[string](t)
	words := []string{"1", "2", "3"}
	p := ipc.NewProcess(sayTarget, talk{Words: words, To: s})
	start(t, p)
	join(t, p)
	s.Close()
	for _, w := range words {
		if got := ok(r.Recv(ctx))(t); got != w {
			t.Errorf("Recv() = %q; want %q", got, w)
		}
	}
	var word string
	for range 3 {
		_, err := r.Recv(ctx)
		for what, err := range map[string]error{"Recv": err, "RecvInto": r.RecvInto(ctx, &word), "Poll": r.Poll(ctx)} {
			if err != io.EOF {
				t.Errorf("%s() at the end = %v; want io.EOF", what, err)
			}
		}
	}
}

func TestEndsOfAPipeDoWhatTheyAreFor(t *testing.T) { // CONN-16, CONN-17
	ctx := guard(t)
	type sends interface {
		Send(context.Context, int) error
	}
	type receives interface {
		Recv(context.Context) (int, error)
		Poll(context.Context) error
	}
	r, s := channel[int](t)
	a, b, err := ipc.Pipe[int]()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	for _, tt := range []struct {
		end            any
		sends, receive bool
	}{{a, true, true}, {b, true, true}, {r, false, true}, {s, true, false}} {
		_, canSend := tt.end.(sends)
		_, canReceive := tt.end.(receives)
		if canSend != tt.sends || canReceive != tt.receive {
			t.Errorf("%T: sends %v, receives %v", tt.end, canSend, canReceive)
		}
	}
	if _, polls := any(s).(interface{ Poll(context.Context) error }); polls {
		t.Error("a sender can poll")
	}
	if err := s.Send(ctx, 1); err != nil {
		t.Error(err)
	}
	if got := ok(r.Recv(ctx))(t); got != 1 {
		t.Errorf("Recv() = %d", got)
	}
}

func TestScopeClosesBothEnds(t *testing.T) { // CONN-21, CONN-22
	ctx := guard(t)
	var a, b *ipc.Conn[int]
	func() {
		var err error
		if a, b, err = ipc.Pipe[int](); err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		defer b.Close()
	}()
	for _, c := range []*ipc.Conn[int]{a, b} {
		_, err := c.Recv(ctx)
		for what, err := range map[string]error{"Recv": err, "Send": c.Send(ctx, 1), "Poll": c.Poll(ctx)} {
			if err != ipc.ErrClosed {
				t.Errorf("%s() = %v; want ErrClosed", what, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Errorf("Close() again = %v", err)
		}
	}
}

func TestMessagesAreNotMerged(t *testing.T) { // CONN-24, CONN-25
	ctx := guard(t)
	for _, a := range []talk{
		{Words: []string{"a", "b", "cd"}},
		{Words: []string{"hello", "", "a", "b", "", "bye", "", "lop"}, Pause: 20 * time.Millisecond},
	} {
		r, s := channel[string](t)
		a.To = s
		p := ipc.NewProcess(sayTarget, a)
		start(t, p)
		s.Close()
		var got []string
		for {
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			err := r.Poll(short)
			cancel()
			if err == context.DeadlineExceeded {
				continue
			}
			if err != nil {
				if err != io.EOF {
					t.Errorf("Poll() = %v", err)
				}
				break
			}
			got = append(got, ok(r.Recv(ctx))(t))
		}
		if !slices.Equal(got, a.Words) {
			t.Errorf("got %q; want %q", got, a.Words)
		}
		join(t, p)
	}
}

func TestDescriptorsThatAreNotOpenAreRefused(t *testing.T) { // CONN-30
	ctx := guard(t)
	const unused = 9999
	f := os.NewFile(unused, "nothing")
	defer f.Close()
	r, s := channel[*os.File](t)
	if err := s.Send(ctx, f); err == nil {
		t.Error("Send() took a file that is not open")
	}
	if err := ipc.NewProcess(writeArgTarget, writeArg{To: f}).Start(); err == nil {
		t.Error("Start() took a file that is not open")
	}
	if err := r.Poll(over()); err != context.Canceled {
		t.Errorf("Poll() = %v; nothing was sent", err)
	}
	if f := os.NewFile(^uintptr(0), "minus one"); f != nil {
		t.Error("descriptor -1 makes a file")
	}
}
