package word

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// poller is an Env that only naps, and looks often. In the tests of this file
// time is that of a bubble: its pauses pass at once.
var poller = napping{alone{pid: 1}}

type napping struct{ alone }

func (napping) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (look bool, err error) {
	const nap = 50 * time.Millisecond
	for end := time.Now().Add(nap); w.Load() == old && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		if !time.Now().Before(end) {
			return true, nil
		}
	}
	return false, ctx.Err()
}

func TestRingWaitEndsWithContext(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait func(ctx context.Context, r *Ring) error
	}{
		{"Recv", func(ctx context.Context, r *Ring) error {
			_, err := r.Recv(ctx, poller, nil)
			return err
		}},
		{"RecvMany", func(ctx context.Context, r *Ring) error {
			_, err := r.RecvMany(ctx, poller, 3, func(_, size int) []byte { return make([]byte, size) })
			return err
		}},
		{"Poll", func(ctx context.Context, r *Ring) error { return r.Poll(ctx, poller) }},
		{"Send of more than there is room for", func(ctx context.Context, r *Ring) error {
			return r.Send(ctx, poller, nil, make([]byte, 100))
		}},
		{"SendMany at the limit", func(ctx context.Context, r *Ring) error {
			r.Limit = 2
			for range 2 {
				n, err := r.SendMany(ctx, poller, 2, func(int) []byte { return nil })
				if n != 2 {
					return err
				}
			}
			return nil
		}},
		{"SendMany of a long one", func(ctx context.Context, r *Ring) error {
			_, err := r.SendMany(ctx, poller, 2, func(int) []byte { return make([]byte, 100) })
			return err
		}},
		{"Recv while another gets", func(ctx context.Context, r *Ring) error {
			r.Get.w.Store(2)
			_, err := r.Recv(ctx, poller, nil)
			return err
		}},
		{"Send while another puts", func(ctx context.Context, r *Ring) error {
			r.Put.w.Store(2)
			return r.Send(ctx, poller, nil, nil)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				err := tt.wait(ctx, newRing(64, 0, 0, 0))
				if d := time.Since(start); err != context.DeadlineExceeded || d < time.Second {
					t.Errorf("%v after %v; want context.DeadlineExceeded after 1s", err, d)
				}
			})
		})
	}
}

// A message that has begun to arrive is taken to its end although the context
// ends meanwhile, as long as it comes on.
func TestRingGetterFinishesMessageThatComesOn(t *testing.T) {
	for _, many := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r, msg := newRing(256, 0, 0, 0), message(5, 120)
			go func() {
				begin(r, poller, len(msg))
				for i := 0; i < len(msg); i += 12 {
					time.Sleep(stall * 9 / 10)
					marks := uint32(moreBit | laterBit)
					if i+12 == len(msg) {
						marks = laterBit
					}
					give(r, poller, msg[i:i+12], marks)
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), stall)
			defer cancel()
			var b []byte
			var err error
			if many {
				_, err = r.RecvMany(ctx, poller, 3, func(_, size int) []byte {
					b = make([]byte, size)
					return b
				})
			} else {
				b, err = r.Recv(ctx, poller, nil)
			}
			if err != nil || !bytes.Equal(b, msg) {
				t.Errorf("%d bytes, %v; want the message of %d", len(b), err, len(msg))
			}
		})
	}
}

func TestRingGetterGivesUpMessageThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(64, 0, 0, 0)
		begin(r, poller, 20)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := r.Recv(ctx, poller, nil)
		if d := time.Since(start); err != context.DeadlineExceeded || d < time.Second+stall {
			t.Errorf("Recv() = %v after %v; want context.DeadlineExceeded after %v", err, d, time.Second+stall)
		}
		if r.Get.Owner() != 0 {
			t.Errorf("get lock is held by %d afterwards", r.Get.Owner())
		}
		// What comes of it later still makes it whole.
		msg := message(1, 20)
		give(r, poller, msg[:12], moreBit|laterBit)
		give(r, poller, msg[12:], laterBit)
		if b, err := r.Recv(t.Context(), poller, nil); err != nil || !bytes.Equal(b, msg) || r.Len() != 0 {
			t.Errorf("Recv() = %x, %v, Len() %d; want %x, nil, 0", b, err, r.Len(), msg)
		}
	})
}

// The buffer that the caller offers for a message is the caller's again when
// it gives up, whatever then comes of the message.
func TestRingLeavesBufferOfWhoGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, msg := newRing(64, 0, 0, 0), message(3, 24)
		begin(r, poller, len(msg))
		give(r, poller, msg[:12], moreBit|laterBit)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		buf := make([]byte, 0, 100)
		if _, err := r.RecvInto(ctx, poller, buf); err != context.DeadlineExceeded {
			t.Fatalf("RecvInto() = %v; want context.DeadlineExceeded", err)
		}
		clear(buf[:100])
		give(r, poller, msg[12:], laterBit)
		if b, err := r.Recv(t.Context(), poller, nil); err != nil || !bytes.Equal(b, msg) {
			t.Errorf("Recv() = %x, %v; want %x", b, err, msg)
		}
		if n := bytes.Count(buf[:100], []byte{0}); n != 100 {
			t.Errorf("%d of 100 bytes of the buffer were written to", 100-n)
		}
		// And one that is large enough holds the whole message.
		for _, room := range []int{23, 24, 100} {
			begin(r, poller, len(msg))
			give(r, poller, msg[:12], moreBit|laterBit)
			give(r, poller, msg[12:], laterBit)
			buf := make([]byte, 0, room)
			b, err := r.RecvInto(t.Context(), poller, buf)
			if err != nil || !bytes.Equal(b, msg) || (&b[0] == &buf[:1][0]) != (room >= len(msg)) {
				t.Errorf("RecvInto() with room for %d = %x, %v, in the buffer: %v",
					room, b, err, &b[0] == &buf[:1][0])
			}
		}
	})
}

func TestRingWaitsPassOnTheErrorOfTheirEnv(t *testing.T) {
	errGone := errors.New("gone")
	env := failing{alone{t, 1}, errGone}
	r := newRing(64, 0, 0, 0)
	give(r, env, binary.LittleEndian.AppendUint64(nil, 1000), moreBit)
	if _, err := r.Recv(t.Context(), env, nil); err != errGone {
		t.Errorf("Recv() in the middle of a message = %v; want that of Wait", err)
	}
	if _, err := r.TryRecv(env, nil); err != errGone {
		t.Errorf("TryRecv() = %v; want that of Wait", err)
	}
	if _, err := recvMany(t, r, env, 2); err != errGone {
		t.Errorf("RecvMany() = %v; want that of Wait", err)
	}
	if err := r.Send(t.Context(), env, nil, make([]byte, 100)); err != errGone {
		t.Errorf("Send() = %v; want that of Wait", err)
	}
	if _, err := newBarrier(2, 0).Wait(t.Context(), env); err != errGone {
		t.Errorf("Barrier.Wait() = %v; want that of Wait", err)
	}
	if err := EventAt(new(atomic.Uint32), nil).Wait(t.Context(), env); err != errGone {
		t.Errorf("Event.Wait() = %v; want that of Wait", err)
	}
}

// failing is an Env in which waiting is an error, as it is for a handle that
// another goroutine closes.
type failing struct {
	alone
	err error
}

func (f failing) Wait(context.Context, *atomic.Uint32, uint32) (bool, error) { return false, f.err }
