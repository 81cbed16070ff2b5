package word

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// newRing is an empty ring of size bytes, which has seen that many bytes and
// messages before, and always has someone at its other side.
func newRing(size int, limit uint32, bytesBefore, before uint32) *Ring {
	head, tail := new(atomic.Uint64), new(atomic.Uint64)
	start := uint64(before)<<32 | uint64(bytesBefore&^3)
	head.Store(start)
	tail.Store(start)
	return &Ring{
		Put: MutexAt(new(atomic.Uint32), nil), Get: MutexAt(new(atomic.Uint32), nil),
		Head: head, HeadLow: low(head), Tail: tail, TailLow: low(tail),
		Data: make([]byte, size), Limit: limit, Trips: new(atomic.Uint32),
		Putters: someone, Getters: someone,
	}
}

// ofProcess is the ring as a process sees it that has not used it yet.
func (r *Ring) ofProcess() *Ring {
	return &Ring{
		Put: r.Put, Get: r.Get,
		Head: r.Head, HeadLow: r.HeadLow, Tail: r.Tail, TailLow: r.TailLow,
		Data: r.Data, Limit: r.Limit, Trips: r.Trips,
		Putters: r.Putters, Getters: r.Getters,
	}
}

// left is how many bytes of the ring are no frames, as it really is.
func (r *Ring) left() int {
	return len(r.Data) - int(bytesOf(r.Head.Load())-bytesOf(r.Tail.Load()))
}

// nearWrap are starts from which the counters of bytes and messages wrap soon.
var nearWrap = []struct{ bytes, messages uint32 }{
	{0, 0}, {1<<32 - 4, 1<<32 - 1}, {1<<32 - 100, 1<<32 - 3}, {1<<31 - 8, 1<<31 - 1},
}

func someone(bool) bool { return true }
func nobody(bool) bool  { return false }

// message is n bytes that tell which message they are and where they belong
// in it. Of no bytes, one in four is nil.
func message(id uint32, n int) []byte {
	if n == 0 && id%4 == 0 {
		return nil
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(id>>(8*(i%4))) ^ byte(i/4*7)
	}
	return b
}

func TestRingKeepsMessagesOfAllSizes(t *testing.T) {
	watchdog.Start(t)
	const size = 256
	for _, start := range nearWrap {
		r := newRing(size, 0, start.bytes, start.messages)
		env := alone{t, 1}
		for n := range size/2 + 1 { // long ones, too
			msg := message(uint32(n), n)
			if err := r.Send(t.Context(), env, msg[:n/3], msg[n/3:]); err != nil {
				t.Fatalf("Send() of %d bytes = %v", n, err)
			}
			if r.Len() != 1 {
				t.Fatalf("Len() = %d; want 1", r.Len())
			}
			if err := r.Poll(t.Context(), env); err != nil {
				t.Fatalf("Poll() = %v; want nil", err)
			}
			got, err := r.Recv(t.Context(), env, nil)
			if err != nil || !same(got, msg) || r.Len() != 0 || !r.empty() {
				t.Fatalf("Recv() = %d bytes, %v, Len() %d; want the %d bytes that were sent, nil, 0",
					len(got), err, r.Len(), n)
			}
		}
	}
}

// The putter's nil is nil at the getter, and its message of no bytes is not.
func TestRingTellsNilFromEmpty(t *testing.T) {
	r, env := newRing(64, 0, 1<<32-4, 1<<32-1), alone{t, 1}
	empty := []byte{}
	for _, tt := range []struct{ head, body, want []byte }{
		{nil, nil, nil}, {empty, nil, empty}, {nil, empty, empty}, {empty, empty, empty},
	} {
		for _, send := range []func() error{
			func() error { return r.Send(t.Context(), env, tt.head, tt.body) },
			func() error { return r.TrySend(env, tt.head, tt.body) },
		} {
			for _, recv := range []func() ([]byte, error){
				func() ([]byte, error) { return r.Recv(t.Context(), env, nil) },
				func() ([]byte, error) { return r.Recv(t.Context(), env, make([]byte, 0, 8)) },
				func() ([]byte, error) { return r.TryRecv(env, nil) },
			} {
				if err := send(); err != nil {
					t.Fatalf("Send() = %v", err)
				}
				if got, err := recv(); err != nil || !same(got, tt.want) {
					t.Errorf("head %#v, body %#v: %#v, %v; want %#v", tt.head, tt.body, got, err, tt.want)
				}
			}
		}
	}
	all := [][]byte{nil, empty, []byte("x"), nil}
	if n, err := r.SendMany(t.Context(), env, 4, func(i int) []byte { return all[i] }); n != 4 || err != nil {
		t.Fatalf("SendMany() = %d, %v", n, err)
	}
	if got, err := recvMany(t, r, env, 4); err != nil || !equal(got, all) {
		t.Errorf("RecvMany() = %#v, %v; want %#v", got, err, all)
	}
}

// A message of one frame comes in the caller's memory, behind what is there.
func TestRingAppendsToBuffer(t *testing.T) {
	r, env := newRing(64, 0, 1<<32-8, 0), alone{t, 1}
	for _, n := range []int{0, 1, 12} {
		for _, room := range []int{0, 5, 100} {
			if err := r.TrySend(env, nil, message(1, n)); err != nil {
				t.Fatalf("TrySend() = %v", err)
			}
			buf := append(make([]byte, 0, 2+room), "ab"...)
			got, err := r.Recv(t.Context(), env, buf)
			if want := append([]byte("ab"), message(1, n)...); err != nil || !same(got, want) {
				t.Errorf("Recv() behind ab = %x, %v; want %x", got, err, want)
			}
			if there := &got[0] == &buf[0]; there != (room >= n) {
				t.Errorf("message of %d bytes is in the buffer with room for %d: %v", n, room, there)
			}
		}
	}
}

func TestRingFillsToTheLastByte(t *testing.T) {
	for _, start := range nearWrap {
		r := newRing(64, 0, start.bytes, start.messages)
		env := alone{t, 1}
		for i := range 4 {
			if err := r.TrySend(env, nil, message(uint32(i), 12)); err != nil {
				t.Fatalf("TrySend() into room for it = %v", err)
			}
		}
		if err := r.TrySend(env, nil, nil); err != ErrWouldBlock || r.left() != 0 {
			t.Errorf("TrySend() into a full ring = %v, %d bytes left; want ErrWouldBlock, 0", err, r.left())
		}
		for i := range 4 {
			if got, err := r.TryRecv(env, nil); err != nil || !bytes.Equal(got, message(uint32(i), 12)) {
				t.Errorf("TryRecv() = %x, %v", got, err)
			}
		}
		if _, err := r.TryRecv(env, nil); err != ErrWouldBlock {
			t.Errorf("TryRecv() from an empty ring = %v; want ErrWouldBlock", err)
		}
	}
}

func TestRingHoldsNoMoreThanItsLimit(t *testing.T) {
	for _, start := range nearWrap {
		for _, limit := range []uint32{1, 2, 5} {
			r := newRing(1024, limit, start.bytes, start.messages)
			env := alone{t, 1}
			for range limit {
				if err := r.Send(t.Context(), env, nil, []byte{1}); err != nil {
					t.Fatalf("Send() below the limit = %v", err)
				}
			}
			if err := r.TrySend(env, nil, nil); err != ErrWouldBlock {
				t.Errorf("TrySend() at the limit of %d = %v; want ErrWouldBlock", limit, err)
			}
			if _, err := r.Recv(t.Context(), env, nil); err != nil {
				t.Errorf("Recv() = %v", err)
			}
			if err := r.TrySend(env, nil, nil); err != nil || r.Len() != int(limit) {
				t.Errorf("TrySend() below the limit = %v, Len() %d; want nil, %d", err, r.Len(), limit)
			}
		}
	}
}

func TestRingEndsOnlyWhenDrained(t *testing.T) {
	r, env := newRing(128, 0, 0, 0), alone{t, 1}
	for range 3 {
		if err := r.TrySend(env, []byte("last "), []byte("words")); err != nil {
			t.Fatal(err)
		}
	}
	r.Putters = nobody
	if err := r.Poll(t.Context(), env); err != nil {
		t.Errorf("Poll() of a ring with messages = %v; want nil", err)
	}
	if b, err := r.Recv(t.Context(), env, nil); err != nil || string(b) != "last words" {
		t.Errorf("Recv() = %q, %v; want the message", b, err)
	}
	if b, err := r.TryRecv(env, nil); err != nil || string(b) != "last words" {
		t.Errorf("TryRecv() = %q, %v; want the message", b, err)
	}
	if b, err := recvMany(t, r, env, 5); err != nil || len(b) != 1 || string(b[0]) != "last words" {
		t.Errorf("RecvMany() = %q, %v; want the message", b, err)
	}
	for range 2 {
		if _, err := r.Recv(t.Context(), env, nil); err != io.EOF {
			t.Errorf("Recv() of a drained ring = %v; want io.EOF", err)
		}
		if _, err := r.TryRecv(env, nil); err != io.EOF {
			t.Errorf("TryRecv() of a drained ring = %v; want io.EOF", err)
		}
		if b, err := recvMany(t, r, env, 5); err != io.EOF || len(b) != 0 {
			t.Errorf("RecvMany() of a drained ring = %q, %v; want io.EOF", b, err)
		}
		if err := r.Poll(t.Context(), env); err != io.EOF {
			t.Errorf("Poll() of a drained ring = %v; want io.EOF", err)
		}
	}
}

func TestRingTellsPutterThatNobodyReads(t *testing.T) {
	r, env := newRing(64, 0, 0, 0), alone{t, 1}
	r.Getters = nobody
	for _, n := range []int{0, 10, 1000} {
		if err := r.Send(t.Context(), env, nil, make([]byte, n)); err != ErrNoReader {
			t.Errorf("Send() of %d bytes = %v; want ErrNoReader", n, err)
		}
		done, err := r.SendMany(t.Context(), env, 2, func(int) []byte { return make([]byte, n) })
		if done != 0 || err != ErrNoReader {
			t.Errorf("SendMany() of %d bytes = %d, %v; want 0, ErrNoReader", n, done, err)
		}
	}
	if err := r.TrySend(env, nil, nil); err != ErrNoReader {
		t.Errorf("TrySend() = %v; want ErrNoReader", err)
	}
	if r.Put.Owner() != 0 || !r.empty() {
		t.Errorf("owner %d, empty %v afterwards; want 0, true", r.Put.Owner(), r.empty())
	}
}

func TestRingTriesNeverWait(t *testing.T) {
	const me, other = 1, 2
	r := newRing(64, 0, 0, 0)
	env := alone{t, me}
	if err := r.TrySend(env, nil, make([]byte, 32)); err != ErrWouldBlock {
		t.Errorf("TrySend() of more than half the ring = %v; want ErrWouldBlock", err)
	}
	r.Put.w.Store(other)
	r.Get.w.Store(other | waitingBit)
	if err := r.TrySend(env, nil, nil); err != ErrWouldBlock {
		t.Errorf("TrySend() while another puts = %v; want ErrWouldBlock", err)
	}
	if _, err := r.TryRecv(env, nil); err != ErrWouldBlock {
		t.Errorf("TryRecv() while another gets = %v; want ErrWouldBlock", err)
	}
	r.Head.Or(sleepBit)
	r.Tail.Or(sleepBit)
	if err := r.TrySend(env, nil, nil); err != ErrWouldBlock {
		t.Errorf("TrySend() while another waits for room = %v; want ErrWouldBlock", err)
	}
	if _, err := r.TryRecv(env, nil); err != ErrWouldBlock {
		t.Errorf("TryRecv() while another waits for a message = %v; want ErrWouldBlock", err)
	}
	if r.Put.w.Load() != other || r.Get.w.Load() != other|waitingBit {
		t.Errorf("locks are %#x and %#x afterwards; want no change", r.Put.w.Load(), r.Get.w.Load())
	}
}

func TestRingTriesTakeOverFromTheDead(t *testing.T) {
	watchdog.Start(t)
	w := newWorld(t, func(int) int { return 0 })
	r := newRing(64, 0, 0, 0)
	w.locks = []Mutex{r.Put, r.Get}
	r.Put.w.Store(1)
	r.Get.w.Store(1 | waitingBit)
	dead := w.add(func(p *proc) { p.point() })
	dead.dieAt = 1
	w.add(func(p *proc) {
		if err := r.TrySend(p, nil, []byte("x")); err != nil {
			w.fail("TrySend() = %v; want nil", err)
		}
		if b, err := r.TryRecv(p, nil); err != nil || string(b) != "x" {
			w.fail("TryRecv() = %q, %v; want x", b, err)
		}
	}).held = func() bool { return !dead.dead }
	w.play()
}
