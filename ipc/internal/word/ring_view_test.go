package word

import (
	"bytes"
	"slices"
	"testing"
)

// The tests of this file are about what a process remembers of the other side
// of a ring: another process may have been on this side since.

// sends puts messages of n bytes while there is room, up to 100, and returns
// how many.
func sends(r *Ring, env Env, id *uint32, n int) (done int) {
	for ; done < 100 && r.TrySend(env, nil, message(*id, n)) == nil; done++ {
		*id++
	}
	return done
}

func TestRingPutterSeesWhatAnotherHasPut(t *testing.T) {
	for _, start := range nearWrap {
		r := newRing(64, 0, start.bytes, start.messages)
		a, b, id := r.ofProcess(), r.ofProcess(), uint32(0)
		var got []byte
		for range 100 {
			// a knows of room for four, of which b takes all but one.
			if err := a.TrySend(alone{t, 1}, nil, message(id, 12)); err != nil {
				t.Fatalf("TrySend() into an empty ring = %v", err)
			}
			id++
			for range 2 {
				if err := b.TrySend(alone{t, 2}, nil, message(id, 12)); err != nil {
					t.Fatalf("TrySend() into room for it = %v", err)
				}
				id++
			}
			if n := sends(a, alone{t, 1}, &id, 12); n != 1 || r.left() != 0 {
				t.Fatalf("%d more messages went in, %d bytes left; want 1, 0", n, r.left())
			}
			for i := range uint32(4) {
				var err error
				if got, err = r.Recv(t.Context(), alone{t, 3}, got[:0]); err != nil || !bytes.Equal(got, message(id-4+i, 12)) {
					t.Fatalf("Recv() = %x, %v; want %x", got, err, message(id-4+i, 12))
				}
			}
		}
	}
}

// What is held to be the last state of a side that was never seen must not be
// that of a side which has come round to its beginning.
func TestRingNewProcessKnowsNothing(t *testing.T) {
	r := newRing(64, 0, 1<<32-4, 1<<32-1)
	if err := r.TrySend(alone{t, 1}, nil, nil); err != nil || r.Head.Load() != 0 {
		t.Fatalf("TrySend() = %v, head %#x; want nil, 0", err, r.Head.Load())
	}
	id := uint32(1)
	if n := sends(r.ofProcess(), alone{t, 2}, &id, 12); n != 3 {
		t.Errorf("%d messages of 16 bytes went into 60; want 3", n)
	}
	// And so that it stands at the limit.
	r = newRing(64, 1, 1<<32-4, 1<<32-1)
	if err := r.TrySend(alone{t, 1}, nil, nil); err != nil {
		t.Fatalf("TrySend() = %v", err)
	}
	if n := sends(r.ofProcess(), alone{t, 2}, &id, 12); n != 0 {
		t.Errorf("%d messages went in beyond the limit; want 0", n)
	}
	// The same for who gets: the tail is at 0, and a message behind it.
	r = newRing(64, 0, 1<<32-4, 1<<32-1)
	for n := range 2 {
		if err := r.TrySend(alone{t, 1}, nil, message(9, n)); err != nil {
			t.Fatalf("TrySend() = %v", err)
		}
	}
	for n := range 2 {
		if b, err := r.ofProcess().TryRecv(alone{t, 2}, nil); err != nil || !bytes.Equal(b, message(9, n)) {
			t.Errorf("TryRecv() = %x, %v; want %x", b, err, message(9, n))
		}
	}
	if _, err := r.ofProcess().TryRecv(alone{t, 2}, nil); err != ErrWouldBlock {
		t.Errorf("TryRecv() of an empty ring = %v; want ErrWouldBlock", err)
	}
}

func TestRingGetterSeesWhatAnotherHasTaken(t *testing.T) {
	for _, start := range nearWrap {
		for _, n := range []int{0, 1, 4, 12} {
			r := newRing(64, 0, start.bytes, start.messages)
			a, b, id := r.ofProcess(), r.ofProcess(), uint32(0)
			next := uint32(0)
			want := func(v *Ring, pid uint32) {
				t.Helper()
				if got, err := v.TryRecv(alone{t, pid}, nil); err != nil || !bytes.Equal(got, message(next, n)) {
					t.Fatalf("TryRecv() = %x, %v; want message %d", got, err, next)
				}
				next++
			}
			for range 100 {
				full := sends(r, alone{t, 3}, &id, n)
				want(a, 1) // and knows of full-1 more
				for range full - 1 {
					want(b, 2)
				}
				if got, err := a.TryRecv(alone{t, 1}, nil); err != ErrWouldBlock {
					t.Fatalf("TryRecv() of what another has taken = %x, %v; want ErrWouldBlock", got, err)
				}
				sends(r, alone{t, 3}, &id, n)
				for i := range full {
					want([]*Ring{b, a}[i%2], uint32(2-i%2))
				}
			}
		}
	}
}

// Neither side reads what was not published: the bytes behind head are those
// of frames that were there before.
func TestRingReadsNothingBehindHead(t *testing.T) {
	for _, start := range nearWrap {
		r := newRing(64, 0, start.bytes, start.messages)
		a, b, id := r.ofProcess(), r.ofProcess(), uint32(0)
		for range 50 {
			for sends(r, alone{t, 3}, &id, 12) > 0 {
			}
			for range 4 {
				if _, err := a.TryRecv(alone{t, 1}, nil); err != nil {
					t.Fatalf("TryRecv() = %v", err)
				}
			}
			// One is copied in, as by a putter that dies before it publishes it.
			r.copyFrame(bytesOf(r.Head.Load()), nil, []byte("never said"), 0)
			for _, v := range []*Ring{a, b} {
				if got, err := v.TryRecv(alone{t, 1}, nil); err != ErrWouldBlock {
					t.Fatalf("TryRecv() = %q, %v; want ErrWouldBlock", got, err)
				}
				v.Putters = nobody
				if got, err := recvMany(t, v, alone{t, 1}, 4); len(got) > 0 || err == nil {
					t.Fatalf("RecvMany() = %q, %v; want nothing", got, err)
				}
				v.Putters = someone
			}
		}
	}
}

// Who knows of some room, or of some messages, must not do with them for ever.
func TestRingLearnsOfRoomAndMessages(t *testing.T) {
	r := newRing(64, 0, 0, 0)
	putter, getter, env := r.ofProcess(), r.ofProcess(), alone{t, 1}
	var sent, got [][]byte
	for id := uint32(0); id < 200; {
		n, err := putter.SendMany(t.Context(), env, 4, func(i int) []byte { return message(id+uint32(i), 12) })
		if err != nil {
			t.Fatalf("SendMany() = %v", err)
		}
		for range n {
			sent = append(sent, message(id, 12))
			id++
		}
		for r.Len() > 0 {
			some, err := recvMany(t, getter, env, 3)
			if err != nil {
				t.Fatalf("RecvMany() = %v", err)
			}
			got = append(got, some...)
		}
	}
	if !slices.EqualFunc(sent, got, bytes.Equal) {
		t.Errorf("%d messages came; want the %d that were sent, in order", len(got), len(sent))
	}
}
