package word

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// give publishes a frame, as another process does.
func give(r *Ring, env Env, b []byte, marks uint32) { r.ofProcess().publish(env, nil, b, marks) }

// begin publishes the first frame of a long message.
func begin(r *Ring, env Env, length int) {
	give(r, env, binary.LittleEndian.AppendUint64(nil, uint64(length)), moreBit)
}

// A part is at most 32 KiB, and at most a quarter of the ring, so that putter
// and getter work at the same time.
func TestRingSplitsWhatIsLong(t *testing.T) {
	for _, tt := range []struct{ size, whole int }{
		{32, 4}, {64, 12}, {1 << 10, 252}, {128 << 10, 32<<10 - header}, {1 << 20, 32<<10 - header},
	} {
		r, env := newRing(tt.size, 0, 0, 0), alone{t, 1}
		if got := r.whole(); got != tt.whole {
			t.Errorf("whole() of a ring of %d = %d; want %d", tt.size, got, tt.whole)
		}
		for _, n := range []int{tt.whole, tt.whole + 1, 2*tt.whole - 1, 2 * tt.whole} {
			frames, size := 0, (n+3)&^3+header
			if n > tt.whole {
				frames, size = 2, 8+header+2*header+(n+3)&^3
			}
			if size > tt.size {
				continue // it needs a getter meanwhile
			}
			msg := message(3, n)
			if err := r.Send(t.Context(), env, msg[:n/2], msg[n/2:]); err != nil {
				t.Fatalf("Send() = %v", err)
			}
			if got := r.left(); got != tt.size-size || r.Len() != 1 {
				t.Errorf("message of %d in %d parts takes %d bytes of the ring, Len() %d; want %d, 1",
					n, frames, tt.size-got, r.Len(), size)
			}
			if b, err := r.Recv(t.Context(), env, nil); err != nil || !bytes.Equal(b, msg) {
				t.Errorf("Recv() = %d bytes, %v; want %d", len(b), err, n)
			}
		}
	}
}

// Head and body are one message, wherever the one ends and a part does.
func TestRingSplitsHeadAndBodyAnywhere(t *testing.T) {
	watchdog.Start(t)
	const n = 40 // in parts of 12
	for at := range n + 1 {
		r, env := newRing(64, 0, 1<<32-20, 1<<32-1), alone{t, 1}
		msg, done := message(5, n), make(chan error)
		go func() { done <- r.Send(t.Context(), turns{env}, msg[:at], msg[at:]) }()
		b, err := r.Recv(t.Context(), turns{alone{t, 2}}, nil)
		if err != nil || !bytes.Equal(b, msg) {
			t.Errorf("Recv() of head %d + body %d = %x, %v", at, n-at, b, err)
		}
		if err := <-done; err != nil {
			t.Errorf("Send() = %v", err)
		}
	}
}

// A getter that gave up in the middle of a message goes on with it, unless
// another getter has come in between.
func TestRingGluesNoTwoMessages(t *testing.T) {
	r, env := newRing(256, 0, 0, 0), alone{t, 1}
	first, second := r.ofProcess(), r.ofProcess()
	say := func(b string, marks uint32) { give(r, env, []byte(b), marks) }
	errGone := errors.New("gone")
	want := func(r *Ring, want string) {
		t.Helper()
		b, err := r.Recv(t.Context(), failing{env, errGone}, nil)
		if want == "" && err != errGone || want != "" && (err != nil || string(b) != want) {
			t.Errorf("Recv() = %q, %v; want %q", b, err, want)
		}
	}
	begin(r, env, 24)
	say("one begun...", moreBit|laterBit)
	want(first, "")
	say("ends as one.", laterBit)
	want(second, "") // skips the rest, since it has no beginning
	begin(r, env, 24)
	say("two begun...", moreBit|laterBit)
	want(second, "") // and dies
	say("ends as two.", laterBit)
	want(first, "")
	begin(r, env, 24)
	say("tri begun...", moreBit|laterBit)
	want(first, "")
	say("ends as tri.", laterBit)
	want(first, "tri begun...ends as tri.")
	begin(r, env, 24)
	say("for begun...", moreBit|laterBit)
	want(first, "")
	say("whole", 0) // its putter gave up
	want(first, "whole")
	say("ends as for.", laterBit) // and was wrong
	want(first, "")
}

// A getter of many goes on with a message that it has begun, and takes no
// other in its place.
func TestRingGetsRestOfMessageAmongMany(t *testing.T) {
	r, env := newRing(256, 0, 0, 0), alone{t, 1}
	say := func(b string, marks uint32) { give(r, env, []byte(b), marks) }
	begin(r, env, 24)
	say("one begun...", moreBit|laterBit)
	if _, err := r.TryRecv(env, nil); err != ErrWouldBlock {
		t.Fatalf("TryRecv() = %v; want ErrWouldBlock", err)
	}
	say("ends as one.", laterBit)
	say("two", 0)
	say("three", 0)
	begin(r, env, 4)
	say("four", laterBit)
	say("five", 0)
	for _, want := range [][]string{{"one begun...ends as one."}, {"two", "three"}, {"four"}, {"five"}} {
		got, err := recvMany(t, r, env, 4)
		if err != nil || !slices.EqualFunc(got, want, func(b []byte, s string) bool { return string(b) == s }) {
			t.Errorf("RecvMany() = %q, %v; want %q", got, err, want)
		}
	}
}

func TestRingDropsWhatDeadPutterLeftUnfinished(t *testing.T) {
	for frames := 1; frames <= 3; frames++ {
		for _, many := range []bool{false, true} {
			r, env := newRing(64, 0, 0, 0), alone{t, 1}
			begin(r, env, 1000)
			for range frames - 1 {
				give(r, env, message(1, 12), moreBit|laterBit)
			}
			if r.Len() != 0 {
				t.Errorf("Len() = %d with %d frames of a message; want 0", r.Len(), frames)
			}
			if err := r.TrySend(env, nil, []byte("whole")); err != nil {
				t.Fatalf("TrySend() = %v", err)
			}
			get := func() ([]byte, error) { return r.Recv(t.Context(), env, nil) }
			if many {
				get = func() ([]byte, error) {
					b, err := recvMany(t, r, env, 3)
					return slices.Concat(b...), err
				}
			}
			if b, err := get(); err != nil || string(b) != "whole" {
				t.Errorf("what comes behind %d frames = %q, %v; want whole, nil", frames, b, err)
			}
			begin(r, env, 1000)
			r.Putters = nobody
			if _, err := get(); err != io.EOF {
				t.Errorf("half a message that nobody will end = %v; want io.EOF", err)
			}
		}
	}
}

func TestRingSkipsWhatDeadGetterLeftUnread(t *testing.T) {
	for frames := 1; frames <= 3; frames++ {
		for _, many := range []bool{false, true} {
			r, env := newRing(128, 0, 0, 0), alone{t, 1}
			begin(r, env, 30)
			give(r, env, message(1, 28), moreBit|laterBit)
			give(r, env, message(1, 2), laterBit)
			if err := r.TrySend(env, nil, []byte("next")); err != nil {
				t.Fatalf("TrySend() = %v", err)
			}
			dead := r.ofProcess()
			for range frames {
				dead.consume(env, dead.frame(), false)
			}
			b, err := []byte(nil), error(nil)
			if many {
				var all [][]byte
				all, err = recvMany(t, r, env, 3)
				b = slices.Concat(all...)
			} else {
				b, err = r.Recv(t.Context(), env, nil)
			}
			if err != nil || string(b) != "next" || r.Len() != 0 {
				t.Errorf("what comes after %d frames were taken = %q, %v, Len() %d; want next, nil, 0",
					frames, b, err, r.Len())
			}
		}
	}
}

func TestRingPutterTakesBackLongMessageWithItsContext(t *testing.T) {
	everyOrder(t, 4000, func(w *world) func() {
		r := newRing(64, 0, 0, 0)
		ctx, cancel := context.WithCancel(context.Background())
		long := parcel(1, 0, 150)
		sent, sending := error(nil), true
		w.add(func(p *proc) {
			sent = r.Send(ctx, p, long[:40], long[40:])
			sending = false
		})
		w.add(func(p *proc) { cancel() })
		var got [][]byte
		w.add(func(p *proc) {
			for {
				b, err := r.Recv(context.Background(), p, nil)
				if err != nil {
					w.fail("Recv() = %v", err)
				}
				if got = append(got, b); string(b) == "end" {
					return
				}
			}
		})
		w.add(func(p *proc) {
			if err := r.Send(context.Background(), p, nil, []byte("end")); err != nil {
				w.fail("Send() = %v", err)
			}
		}).held = func() bool { return sending }
		return func() {
			want := [][]byte{[]byte("end")}
			if sent == nil {
				want = [][]byte{long, []byte("end")}
			} else if sent != context.Canceled {
				t.Errorf("Send() = %v; want nil or context.Canceled", sent)
			}
			if !equal(got, want) {
				t.Errorf("%d messages came, Send() = %v; want %d", len(got), sent, len(want))
			}
		}
	})
}
