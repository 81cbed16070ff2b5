package word

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// wild does to a ring, as two processes, what ops say, with wild writes to its
// words and bytes in between. Whatever becomes of the messages, its users stay
// inside the ring, and each call comes to an end with one of its errors.
func wild(t *testing.T, head, tail uint64, data, ops []byte) {
	r := newRing(64, 0, 0, 0)
	r.Head.Store(head)
	r.Tail.Store(tail)
	copy(r.Data, data)
	r.Putters = nobody
	views := []*Ring{r.ofProcess(), r.ofProcess()}
	for _, v := range views { // a length is a hint, and those here are not worth a GiB
		v.Make = func(n int) []byte { return make([]byte, min(n, 1<<10)) }
	}
	some := func(n int) func(int) []byte { return func(i int) []byte { return make([]byte, n>>i) } }
	for ; len(ops) > 2; ops = ops[3:] {
		v, n, env := views[ops[0]&1], int(ops[1]), alone{t, 1}
		var err error
		switch ops[0] >> 1 % 9 {
		case 0:
			_, err = v.Recv(t.Context(), env, nil)
		case 1:
			_, err = v.TryRecv(env, nil)
		case 2:
			_, err = recvMany(t, v, env, n%8+1)
		case 3:
			err = v.TrySend(env, nil, make([]byte, n))
		case 4: // where there is no room for it nobody reads, or it would wait
			v.Getters = func(bool) bool { return v.fits(frameSize(n>>2%8), true) }
			_, err = v.SendMany(t.Context(), env, 3, some(n>>2%8))
			v.Getters = someone
		case 5:
			r.Head.Store(r.Tail.Load() + uint64(int16(binary.LittleEndian.Uint16(ops[1:]))))
		case 6:
			r.Tail.Store(r.Head.Load() + uint64(int8(ops[1])))
		case 7:
			r.Data[n%len(r.Data)] = ops[2]
		case 8:
			_, err = v.RecvInto(t.Context(), env, make([]byte, 0, n))
		}
		if err != nil && err != io.EOF && err != ErrWouldBlock && err != ErrNoReader {
			t.Fatalf("operation %v of a spoilt ring = %v", ops[:3], err)
		}
		if v.Put.Owner() != 0 || v.Get.Owner() != 0 {
			t.Fatalf("owners after operation %v: %d, %d", ops[:3], v.Put.Owner(), v.Get.Owner())
		}
		if n := v.Len(); n < 0 {
			t.Fatalf("Len() = %d", n)
		}
		if err := v.Poll(t.Context(), env); err != nil && err != io.EOF {
			t.Fatalf("Poll() = %v", err)
		}
	}
}

func FuzzRingOfAnyBytes(f *testing.F) {
	get, many := []byte{0, 0, 0, 2, 0, 0, 1, 0, 0}, []byte{4, 7, 0, 5, 0, 0}
	f.Add(uint64(8), uint64(0), []byte{4, 0, 0, 0, 1, 2, 3, 4}, get)
	f.Add(uint64(64), uint64(0), []byte{8, 0, 0, 0x80, 255, 255, 255, 0, 0, 0, 0, 0, 4, 0, 0, 0x40}, get)
	f.Add(uint64(1000), uint64(0), []byte{}, append(many, get...))
	f.Add(uint64(1), uint64(1<<32-4), []byte{}, append(many, get...))
	f.Add(uint64(3), uint64(2), []byte{1, 2, 3}, append(get, many...))
	// What was seen of head was spoilt, and head is whole again.
	f.Add(uint64(1000), uint64(0), []byte{}, []byte{4, 0, 0, 10, 0, 0, 0, 0, 0})
	f.Fuzz(wild)
}

// As the fuzzing does, but in each run of the tests.
func TestRingOfAnyBytesComesToAnEnd(t *testing.T) {
	watchdog.Start(t)
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		b := make([]byte, 64+300)
		for i := range b {
			if b[i] = byte(rnd.Uint32()); rnd.IntN(2) == 0 {
				b[i] &= 31 // headers of lengths that may be
			}
		}
		head := uint64(rnd.Uint32()) >> rnd.IntN(32)
		wild(t, head, head-uint64(rnd.IntN(80)), b[:64], b[64:])
	}
}

// A length that can't be, from a wild write, must not carry tail past head:
// getters would run over garbage 2^30 times, and putters see endless room.
func TestRingStaysInStepAfterSpoiltHeader(t *testing.T) {
	for _, h := range []uint32{lenMask, 249, 61, 12} {
		for _, many := range []bool{false, true} {
			r, env := newRing(64, 0, 1<<32-16, 0), &counting{alone: alone{t, 1}}
			r.Putters = nobody
			give(r, env, message(1, 8), 0)
			var b [header]byte
			binary.LittleEndian.PutUint32(b[:], h)
			r.copyIn(bytesOf(r.Tail.Load()), b[:])
			var err error
			if many {
				_, err = recvMany(t, r, env, 3)
			} else {
				_, err = r.TryRecv(env, nil)
			}
			if err != io.EOF || r.left() != len(r.Data) || env.wakes != 1 {
				t.Errorf("header %#x, many %v: %v, %d bytes left, %d wakes; want io.EOF, %d, 1",
					h, many, err, r.left(), env.wakes, len(r.Data))
			}
		}
	}
}

// Nobody gets what is behind a spoilt header, and who counts messages must know.
func TestRingCountsWhatSpoiltHeaderLoses(t *testing.T) {
	r, env, lost := newRing(64, 0, 1<<32-16, 1<<32-2), alone{t, 1}, 0
	r.Skipping = func(n int) { lost += n }
	for range 3 {
		give(r, env, message(1, 8), 0)
	}
	r.copyIn(bytesOf(r.Tail.Load()), []byte{0xff, 0xff})
	if _, err := r.TryRecv(env, nil); err != ErrWouldBlock || lost != 3 {
		t.Errorf("TryRecv() = %v, %d messages were lost; want ErrWouldBlock, 3", err, lost)
	}
}

// Head and tail themselves may be out of step: more between them than there is.
func TestRingRecoversWhenHeadAndTailAreOutOfStep(t *testing.T) {
	for _, tail := range []uint64{8, 64, 1 << 31, 1<<32 - 68} {
		r, env := newRing(64, 0, 0, 0), alone{t, 1}
		r.Tail.Store(tail)
		if b, err := r.TryRecv(env, nil); err != ErrWouldBlock {
			t.Errorf("tail %d before head 0: TryRecv() = %x, %v; want ErrWouldBlock", tail, b, err)
		}
		if r.left() != len(r.Data) {
			t.Errorf("tail %d before head 0: %d bytes left afterwards; want %d", tail, r.left(), len(r.Data))
		}
	}
}

// What a process remembers may come from a wild write, too.
func TestRingForgetsSpoiltHead(t *testing.T) {
	watchdog.Start(t)
	r, env := newRing(64, 0, 0, 0), alone{t, 1}
	r.Head.Store(1000)
	if b, err := recvMany(t, r, env, 1); len(b) != 1 || err != nil {
		t.Fatalf("RecvMany() = %x, %v; want one message of no bytes", b, err)
	}
	r.Head.Store(r.Tail.Load())
	if b, err := r.TryRecv(env, nil); err != ErrWouldBlock {
		t.Errorf("TryRecv() of an empty ring = %x, %v; want ErrWouldBlock", b, err)
	}
	if err := r.TrySend(env, nil, []byte("x")); err != nil {
		t.Fatalf("TrySend() = %v", err)
	}
	if b, err := r.TryRecv(env, nil); err != nil || string(b) != "x" {
		t.Errorf("TryRecv() = %q, %v; want x", b, err)
	}
}
