package word

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// newRing is an empty ring of size bytes, which has seen that many bytes and
// messages before.
func newRing(size int, limit uint32, bytesBefore, before uint32) *Ring {
	head, tail := new(atomic.Uint64), new(atomic.Uint64)
	start := uint64(before)<<32 | uint64(bytesBefore&^3)
	head.Store(start)
	tail.Store(start)
	return &Ring{
		Put: MutexAt(new(atomic.Uint32)), Get: MutexAt(new(atomic.Uint32)),
		Head: head, HeadLow: low(head), Tail: tail, TailLow: low(tail),
		Data: make([]byte, size), Limit: limit,
	}
}

// nearWrap are starts from which the counters of bytes and messages wrap soon.
var nearWrap = []struct{ bytes, messages uint32 }{
	{0, 0}, {1<<32 - 4, 1<<32 - 1}, {1<<32 - 100, 1<<32 - 3}, {1<<31 - 8, 1<<31 - 1},
}

func someone(bool) bool { return true }
func nobody(bool) bool  { return false }

// message is n bytes that tell which message they are and where they belong in it.
func message(id uint32, n int) []byte {
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
		for n := range size/2 - header + 1 {
			msg := message(uint32(n), n)
			if err := r.Send(t.Context(), env, someone, msg); err != nil {
				t.Fatalf("Send() of %d bytes = %v", n, err)
			}
			if r.Len() != 1 {
				t.Fatalf("Len() = %d; want 1", r.Len())
			}
			if err := r.Poll(t.Context(), env, someone); err != nil {
				t.Fatalf("Poll() = %v; want nil", err)
			}
			got, err := r.Recv(t.Context(), env, someone)
			if err != nil || !bytes.Equal(got, msg) || r.Len() != 0 || !r.empty() {
				t.Fatalf("Recv() = %d bytes, %v, Len() %d; want the %d bytes that were sent, nil, 0",
					len(got), err, r.Len(), n)
			}
		}
	}
}

func TestRingFillsToTheLastByte(t *testing.T) {
	for _, start := range nearWrap {
		r := newRing(64, 0, start.bytes, start.messages)
		env := alone{t, 1}
		for i := range 4 {
			if err := r.TrySend(env, someone, message(uint32(i), 12)); err != nil {
				t.Fatalf("TrySend() into room for it = %v", err)
			}
		}
		if err := r.TrySend(env, someone, nil); err != ErrWouldBlock || r.room() != 0 {
			t.Errorf("TrySend() into a full ring = %v, room %d; want ErrWouldBlock, 0", err, r.room())
		}
		for i := range 4 {
			if got, err := r.TryRecv(env, someone); err != nil || !bytes.Equal(got, message(uint32(i), 12)) {
				t.Errorf("TryRecv() = %x, %v", got, err)
			}
		}
		if _, err := r.TryRecv(env, someone); err != ErrWouldBlock {
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
				if err := r.Send(t.Context(), env, someone, []byte{1}); err != nil {
					t.Fatalf("Send() below the limit = %v", err)
				}
			}
			if err := r.TrySend(env, someone, nil); err != ErrWouldBlock {
				t.Errorf("TrySend() at the limit of %d = %v; want ErrWouldBlock", limit, err)
			}
			if _, err := r.Recv(t.Context(), env, someone); err != nil {
				t.Errorf("Recv() = %v", err)
			}
			if err := r.TrySend(env, someone, nil); err != nil || r.Len() != int(limit) {
				t.Errorf("TrySend() below the limit = %v, Len() %d; want nil, %d", err, r.Len(), limit)
			}
		}
	}
}

func TestRingEndsOnlyWhenDrained(t *testing.T) {
	r, env := newRing(64, 0, 0, 0), alone{t, 1}
	for range 2 {
		if err := r.TrySend(env, someone, []byte("last words")); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Poll(t.Context(), env, nobody); err != nil {
		t.Errorf("Poll() of a ring with messages = %v; want nil", err)
	}
	if b, err := r.Recv(t.Context(), env, nobody); err != nil || string(b) != "last words" {
		t.Errorf("Recv() = %q, %v; want the message", b, err)
	}
	if b, err := r.TryRecv(env, nobody); err != nil || string(b) != "last words" {
		t.Errorf("TryRecv() = %q, %v; want the message", b, err)
	}
	for range 2 {
		if _, err := r.Recv(t.Context(), env, nobody); err != io.EOF {
			t.Errorf("Recv() of a drained ring = %v; want io.EOF", err)
		}
		if _, err := r.TryRecv(env, nobody); err != io.EOF {
			t.Errorf("TryRecv() of a drained ring = %v; want io.EOF", err)
		}
		if err := r.Poll(t.Context(), env, nobody); err != io.EOF {
			t.Errorf("Poll() of a drained ring = %v; want io.EOF", err)
		}
	}
}

func TestRingTellsPutterThatNobodyReads(t *testing.T) {
	r, env := newRing(64, 0, 0, 0), alone{t, 1}
	for _, n := range []int{0, 10, 1000} {
		if err := r.Send(t.Context(), env, nobody, make([]byte, n)); err != ErrNoReader {
			t.Errorf("Send() of %d bytes = %v; want ErrNoReader", n, err)
		}
	}
	if err := r.TrySend(env, nobody, nil); err != ErrNoReader {
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
	if err := r.TrySend(env, someone, make([]byte, 32)); err != ErrWouldBlock {
		t.Errorf("TrySend() of more than half the ring = %v; want ErrWouldBlock", err)
	}
	r.Put.w.Store(other)
	r.Get.w.Store(other | waitingBit)
	if err := r.TrySend(env, someone, nil); err != ErrWouldBlock {
		t.Errorf("TrySend() while another puts = %v; want ErrWouldBlock", err)
	}
	if _, err := r.TryRecv(env, someone); err != ErrWouldBlock {
		t.Errorf("TryRecv() while another gets = %v; want ErrWouldBlock", err)
	}
	r.Head.Or(sleepBit)
	r.Tail.Or(sleepBit)
	if err := r.TrySend(env, someone, nil); err != ErrWouldBlock {
		t.Errorf("TrySend() while another waits for room = %v; want ErrWouldBlock", err)
	}
	if _, err := r.TryRecv(env, someone); err != ErrWouldBlock {
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
		if err := r.TrySend(p, someone, []byte("x")); err != nil {
			w.fail("TrySend() = %v; want nil", err)
		}
		if b, err := r.TryRecv(p, someone); err != nil || string(b) != "x" {
			w.fail("TryRecv() = %q, %v; want x", b, err)
		}
	}).held = func() bool { return !dead.dead }
	w.play()
}

// model does what a ring does, with a slice.
type model struct {
	size, limit int
	messages    [][]byte
}

func (m *model) used() (n int) {
	for _, b := range m.messages {
		n += (len(b)+3)&^3 + header
	}
	return n
}

func (m *model) fits(n int) bool {
	need := (n+3)&^3 + header
	return need <= m.size/2 && m.used()+need <= m.size && (m.limit == 0 || len(m.messages) < m.limit)
}

// againstModel reads operations from ops and does them to a ring and to the
// model: a byte below 128 tries to receive, any other to send as many bytes
// as the next two say.
func againstModel(t *testing.T, r *Ring, ops []byte) {
	m := &model{size: len(r.Data), limit: int(r.Limit)}
	env := alone{t, 1}
	for id := uint32(0); len(ops) > 2; id++ {
		op, n := ops[0], int(binary.LittleEndian.Uint16(ops[1:]))%(m.size/2+8)
		ops = ops[3:]
		if op >= 128 {
			want := ErrWouldBlock
			if m.fits(n) {
				m.messages = append(m.messages, message(id, n))
				want = nil
			}
			if err := r.TrySend(env, someone, message(id, n)); err != want {
				t.Fatalf("%d: TrySend() of %d bytes = %v; want %v", id, n, err, want)
			}
		} else if got, err := r.TryRecv(env, someone); len(m.messages) == 0 {
			if err != ErrWouldBlock {
				t.Fatalf("%d: TryRecv() = %x, %v; want ErrWouldBlock", id, got, err)
			}
		} else {
			if err != nil || !bytes.Equal(got, m.messages[0]) {
				t.Fatalf("%d: TryRecv() = %x, %v; want %x", id, got, err, m.messages[0])
			}
			m.messages = m.messages[1:]
		}
		if r.Len() != len(m.messages) || int(r.room()) != m.size-m.used() {
			t.Fatalf("%d: Len() = %d, room %d; want %d, %d",
				id, r.Len(), r.room(), len(m.messages), m.size-m.used())
		}
	}
}

func TestRingBehavesAsSlice(t *testing.T) {
	watchdog.Start(t)
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		ops := make([]byte, 600)
		for i := range ops {
			ops[i] = byte(rnd.Uint32())
		}
		start := nearWrap[seed%uint64(len(nearWrap))]
		againstModel(t, newRing(64<<(seed%4), uint32(seed%3), start.bytes, start.messages), ops)
	}
}

func FuzzRing(f *testing.F) {
	f.Add(uint32(0), uint32(0), uint8(0), []byte{200, 12, 0, 200, 0, 0, 0, 0, 0})
	f.Add(uint32(1<<32-4), uint32(1<<32-1), uint8(1), []byte{200, 28, 0, 1, 0, 0, 200, 27, 0})
	f.Fuzz(func(t *testing.T, bytesBefore, before uint32, limit uint8, ops []byte) {
		againstModel(t, newRing(128, uint32(limit), bytesBefore, before), ops)
	})
}

// Whatever a wild write has made of a ring, its users stay inside it and come
// to an end.
func FuzzRingOfAnyBytes(f *testing.F) {
	f.Add(uint64(8), uint64(0), []byte{4, 0, 0, 0, 1, 2, 3, 4})
	f.Add(uint64(64), uint64(0), []byte{8, 0, 0, 0x80, 255, 255, 255, 255, 255, 255, 0, 0, 4, 0, 0, 0x40})
	f.Fuzz(func(t *testing.T, head, tail uint64, data []byte) {
		r := newRing(64, 0, 0, 0)
		r.Head.Store(head)
		r.Tail.Store(head - tail%65) // in the ring, if out of step
		copy(r.Data, data)
		for range 20 {
			if _, err := r.TryRecv(alone{t, 1}, nobody); err != nil {
				return
			}
		}
	})
}

// A length that can't be, from a wild write, must not carry tail past head:
// getters would run over garbage 2^30 times, and putters see endless room.
func TestRingStaysInStepAfterSpoiltHeader(t *testing.T) {
	for _, h := range []uint32{lenMask, 249, 61, 12} {
		r, env := newRing(64, 0, 1<<32-16, 0), alone{t, 1}
		r.publish(env, message(1, 8), 0)
		var b [header]byte
		binary.LittleEndian.PutUint32(b[:], h)
		r.copyIn(bytesOf(r.Tail.Load()), b[:])
		got, err := r.TryRecv(env, someone)
		if len(got) > len(r.Data) || r.room() > uint32(len(r.Data)) {
			t.Errorf("header %#x: TryRecv() = %d bytes, %v, room afterwards %d; want at most %d",
				h, len(got), err, r.room(), len(r.Data))
		}
	}
}

// Head and tail themselves may be out of step: more between them than there is.
func TestRingRecoversWhenHeadAndTailAreOutOfStep(t *testing.T) {
	for _, tail := range []uint64{8, 64, 1 << 31, 1<<32 - 68} {
		r, env := newRing(64, 0, 0, 0), alone{t, 1}
		r.Tail.Store(tail)
		if b, err := r.TryRecv(env, someone); err != ErrWouldBlock {
			t.Errorf("tail %d before head 0: TryRecv() = %x, %v; want ErrWouldBlock", tail, b, err)
		}
		if r.room() != uint32(len(r.Data)) {
			t.Errorf("tail %d before head 0: room afterwards %d; want %d", tail, r.room(), len(r.Data))
		}
	}
}

// A getter that gave up in the middle of a message goes on with it, unless
// another getter has come in between.
func TestRingGluesNoTwoMessages(t *testing.T) {
	r, env := newRing(256, 0, 0, 0), alone{t, 1}
	first, second := r.ofProcess(), r.ofProcess()
	length := binary.LittleEndian.AppendUint64(nil, 24)
	give := func(b []byte, marks uint32) { r.publish(env, b, marks) }
	want := func(r *Ring, want string) {
		t.Helper()
		b, err := r.TryRecv(env, someone)
		if want == "" && err != ErrWouldBlock || want != "" && (err != nil || string(b) != want) {
			t.Errorf("TryRecv() = %q, %v; want %q", b, err, want)
		}
	}
	give(length, moreBit)
	give([]byte("one begun..."), moreBit|laterBit)
	want(first, "")
	give([]byte("ends as one."), laterBit)
	want(second, "") // skips the rest, since it has no beginning
	give(length, moreBit)
	give([]byte("two begun..."), moreBit|laterBit)
	want(second, "") // and dies
	give([]byte("ends as two."), laterBit)
	want(first, "")
	give(length, moreBit)
	give([]byte("tri begun..."), moreBit|laterBit)
	want(first, "")
	give([]byte("ends as tri."), laterBit)
	want(first, "tri begun...ends as tri.")
}

// ofProcess is the ring as another process sees it.
func (r *Ring) ofProcess() *Ring {
	other := *r
	return &other
}

// parcel is a message that names its putter and its number with it.
func parcel(from uint32, number, n int) []byte {
	b := message(from<<16|uint32(number), max(n, 8))
	binary.LittleEndian.PutUint32(b, from)
	binary.LittleEndian.PutUint32(b[4:], uint32(number))
	return b
}

// A post is a ring with putters and getters in a world, and a list of what
// came through whom.
type post struct {
	*Ring
	w       *world
	sizes   []int
	putters []*proc
	getters []*proc
	open    map[*proc]bool // holds its end of the ring, as far as is known
	arrived map[*proc][][]byte
	taken   map[*proc]int // how many messages it consumed
}

func newPost(w *world, size int, limit uint32, sizes ...int) *post {
	start := nearWrap[w.choose(len(nearWrap))]
	r := newRing(size, limit, start.bytes, start.messages)
	w.locks = append(w.locks, r.Put, r.Get)
	return &post{Ring: r, w: w, sizes: sizes,
		open: map[*proc]bool{}, arrived: map[*proc][][]byte{}, taken: map[*proc]int{}}
}

// peers is whether any of these processes holds its end. A look finds the dead.
func (o *post) peers(p *proc, of []*proc) Peers {
	return func(look bool) bool {
		p.point()
		defer p.point()
		for _, q := range of {
			if q.dead && look {
				o.open[q] = false
			}
		}
		return slices.ContainsFunc(of, func(q *proc) bool { return o.open[q] })
	}
}

// shut is what space does when a process gives up its end.
func (o *post) shut(p *proc) {
	o.open[p] = false
	for _, w := range []*atomic.Uint32{o.HeadLow, o.TailLow} {
		p.Wake(w)
	}
}

func (o *post) addPutter() *proc {
	p := o.w.add(func(p *proc) {
		for i, n := range o.sizes {
			if err := o.Send(context.Background(), p, o.peersOfPutter(p), parcel(p.pid, i, n)); err != nil {
				o.w.fail("Send() = %v", err)
			}
		}
		o.shut(p)
	})
	o.putters = append(o.putters, p)
	o.open[p] = true
	return p
}

// peersOfPutter are the getters: as long as one lives it will read.
func (o *post) peersOfPutter(p *proc) Peers { return o.peers(p, o.getters) }

func (o *post) addGetter() *proc {
	p := o.w.add(func(p *proc) {
		ring := o.ofProcess()
		ring.DidGet = func() { o.taken[p]++ }
		for {
			b, err := ring.Recv(context.Background(), p, o.peers(p, o.putters))
			if err == io.EOF {
				break
			} else if err != nil {
				o.w.fail("Recv() = %v", err)
			}
			o.arrived[p] = append(o.arrived[p], b)
		}
		o.shut(p)
	})
	o.getters = append(o.getters, p)
	o.open[p] = true
	return p
}

// check wants each message of each living putter to have arrived whole and
// once, in its order, and of a dead one some of the first. A getter that died
// may have taken one message with it, and the rest of a long one.
func (o *post) check(t *testing.T) {
	t.Helper()
	lost := 0
	for _, g := range o.getters {
		if g.dead {
			lost = 1
		}
	}
	var all [][]byte
	for _, g := range o.getters {
		last := map[uint32]int{}
		for _, b := range o.arrived[g] {
			if len(b) < 8 {
				t.Fatalf("message of %d bytes arrived", len(b))
			}
			from, number := binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint32(b[4:]))
			if number >= len(o.sizes) || !bytes.Equal(b, parcel(from, number, o.sizes[number])) {
				t.Fatalf("message %d of %d arrived damaged, %d bytes", number, from, len(b))
			}
			if before, ok := last[from]; ok && before >= number {
				t.Errorf("getter %d: message %d of %d came after its %d", g.pid, number, from, before)
			}
			last[from] = number
			all = append(all, b)
		}
	}
	slices.SortFunc(all, bytes.Compare)
	if n := len(slices.CompactFunc(slices.Clone(all), bytes.Equal)); n < len(all) {
		t.Errorf("%d messages arrived twice", len(all)-n)
	}
	least := 0
	for _, p := range o.putters {
		if !p.dead {
			least += len(o.sizes)
		}
	}
	if len(all) < least-lost {
		t.Errorf("%d messages arrived; want at least %d", len(all), least-lost)
	}
	survivors := slices.ContainsFunc(o.getters, func(g *proc) bool { return !g.dead })
	if n := o.Len(); n != 0 && survivors {
		t.Errorf("Len() = %d at the end; want 0", n)
	}
}

func TestRingDeliversInEveryOrder(t *testing.T) {
	for _, tt := range []struct {
		putters, getters, size int
		limit                  uint32
		sizes                  []int
	}{
		{1, 1, 64, 0, []int{8, 28, 12}},
		{1, 1, 64, 0, []int{8, 150, 9}},
		{2, 1, 64, 0, []int{10, 60}},
		{1, 2, 64, 0, []int{60, 10}},
		{2, 2, 64, 0, []int{28, 70}},
		{2, 2, 256, 1, []int{8, 8, 8}},
		{3, 2, 64, 2, []int{20, 8}},
	} {
		t.Run(fmt.Sprintf("%d to %d of %v limit %d", tt.putters, tt.getters, tt.sizes, tt.limit), func(t *testing.T) {
			everyOrder(t, 1000, func(w *world) func() {
				o := newPost(w, tt.size, tt.limit, tt.sizes...)
				// The end of the last putter may come between a getter's
				// look at it and the getter's sleep: a nap finds it.
				w.naps = 100
				for range tt.putters {
					o.addPutter()
				}
				for range tt.getters {
					o.addGetter()
				}
				return func() { o.check(t) }
			})
		})
	}
}

// No wake is missing between putters and getters: there are no naps here.
func TestRingForgetsNoWake(t *testing.T) {
	for _, getters := range []int{1, 2} {
		everyOrder(t, 6000, func(w *world) func() {
			o := newPost(w, 64, uint32(getters), 28, 70)
			for range getters {
				w.add(func(p *proc) {
					ring := o.ofProcess()
					for range len(o.sizes) {
						b, err := ring.Recv(context.Background(), p, someone)
						if err != nil {
							w.fail("Recv() = %v", err)
						}
						o.arrived[p] = append(o.arrived[p], b)
					}
				})
				w.add(func(p *proc) {
					for i, n := range o.sizes {
						if err := o.Send(context.Background(), p, someone, parcel(p.pid, i, n)); err != nil {
							w.fail("Send() = %v", err)
						}
					}
				})
			}
			return nil
		})
	}
}

// The word may change after the look at it and before the sleep.
func TestSleeperMissesNoChange(t *testing.T) {
	everyOrder(t, 2000, func(w *world) func() {
		r := newRing(64, 0, 1<<32-4, 0)
		for range 2 {
			w.add(func(p *proc) {
				err := sleepUntil(context.Background(), p, r.Head, r.HeadLow, func(bool) (bool, error) {
					defer p.point()
					return r.Len() == 2, nil
				})
				if err != nil {
					w.fail("sleepUntil() = %v", err)
				}
			})
		}
		w.add(func(p *proc) {
			for range 2 {
				advance(p, r.Head, r.HeadLow, 0, 0)
			}
		})
		return nil
	})
}

func TestRingGoesOnAfterDeathOfPutter(t *testing.T) {
	for _, sizes := range [][]int{{8, 28}, {8, 100, 9}} {
		everyDeath(t, 40, func(w *world) (*proc, func()) {
			o := newPost(w, 64, 0, sizes...)
			w.naps = 200
			victim := o.addPutter()
			o.addPutter()
			o.addGetter()
			o.addGetter()
			return victim, func() { o.check(t) }
		})
	}
}

func TestRingGoesOnAfterDeathOfGetter(t *testing.T) {
	for _, sizes := range [][]int{{8, 28}, {8, 100, 9}} {
		everyDeath(t, 40, func(w *world) (*proc, func()) {
			o := newPost(w, 64, 0, sizes...)
			w.naps = 200
			victim := o.addGetter()
			o.addGetter()
			o.addPutter()
			return victim, func() { o.check(t) }
		})
	}
}

// A getter that dies takes no more with it than the one message it was taking.
func TestRingLosesOneMessageWithItsGetter(t *testing.T) {
	everyDeath(t, 20, func(w *world) (*proc, func()) {
		o := newPost(w, 1024, 0, 8, 8, 8, 8)
		w.naps = 200
		victim := o.addGetter()
		o.addGetter()
		o.addPutter()
		return victim, func() {
			o.check(t)
			n := 0
			for _, g := range o.getters {
				n += o.taken[g]
			}
			if n != len(o.sizes) && !(victim.dead && n == len(o.sizes)-1) {
				t.Errorf("%d messages were taken; want %d", n, len(o.sizes))
			}
		}
	})
}

func TestRingDropsWhatDeadPutterLeftUnfinished(t *testing.T) {
	for frames := 1; frames <= 3; frames++ {
		r, env := newRing(64, 0, 0, 0), alone{t, 1}
		r.publish(env, binary.LittleEndian.AppendUint64(nil, 1000), moreBit)
		for range frames - 1 {
			r.publish(env, message(1, 12), moreBit|laterBit)
		}
		if r.Len() != 0 {
			t.Errorf("Len() = %d with %d frames of a message; want 0", r.Len(), frames)
		}
		if err := r.TrySend(env, someone, []byte("whole")); err != nil {
			t.Fatalf("TrySend() = %v", err)
		}
		if b, err := r.Recv(t.Context(), env, someone); err != nil || string(b) != "whole" {
			t.Errorf("Recv() behind %d frames = %q, %v; want whole, nil", frames, b, err)
		}
		r.publish(env, binary.LittleEndian.AppendUint64(nil, 1000), moreBit)
		if _, err := r.Recv(t.Context(), env, nobody); err != io.EOF {
			t.Errorf("Recv() of half a message that nobody will end = %v; want io.EOF", err)
		}
	}
}

func TestRingSkipsWhatDeadGetterLeftUnread(t *testing.T) {
	for frames := 1; frames <= 3; frames++ {
		r, env := newRing(128, 0, 0, 0), alone{t, 1}
		r.publish(env, binary.LittleEndian.AppendUint64(nil, 30), moreBit)
		r.publish(env, message(1, 28), moreBit|laterBit)
		r.publish(env, message(1, 2), laterBit)
		if err := r.TrySend(env, someone, []byte("next")); err != nil {
			t.Fatalf("TrySend() = %v", err)
		}
		for range frames {
			r.consume(env, r.frame())
		}
		if b, err := r.Recv(t.Context(), env, someone); err != nil || string(b) != "next" || r.Len() != 0 {
			t.Errorf("Recv() after %d frames were taken = %q, %v, Len() %d; want next, nil, 0",
				frames, b, err, r.Len())
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
			sent = r.Send(ctx, p, someone, long)
			sending = false
		})
		w.add(func(p *proc) { cancel() })
		var got [][]byte
		w.add(func(p *proc) {
			for {
				b, err := r.Recv(context.Background(), p, someone)
				if err != nil {
					w.fail("Recv() = %v", err)
				}
				if got = append(got, b); string(b) == "end" {
					return
				}
			}
		})
		w.add(func(p *proc) {
			if err := r.Send(context.Background(), p, someone, []byte("end")); err != nil {
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
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%d messages came, Send() = %v; want %d", len(got), sent, len(want))
			}
		}
	})
}

func TestRingGetterLeavesWithItsContext(t *testing.T) {
	everyOrder(t, 4000, func(w *world) func() {
		r := newRing(64, 0, 0, 0)
		ctx, cancel := context.WithCancel(context.Background())
		got := 0
		for i := range 2 {
			w.add(func(p *proc) {
				c := context.Background()
				if i == 0 {
					c = ctx
				}
				ring := r.ofProcess()
				for got < 2 {
					if _, err := ring.Recv(c, p, someone); err == nil {
						got++
					} else if i == 0 && err == context.Canceled {
						return
					} else {
						w.fail("Recv() = %v", err)
					}
					if i == 0 {
						return
					}
				}
			})
		}
		w.add(func(p *proc) {
			for range 3 {
				if err := r.Send(context.Background(), p, someone, []byte("x")); err != nil {
					w.fail("Send() = %v", err)
				}
			}
		})
		w.add(func(p *proc) { cancel() })
		return func() {
			if got+r.Len() != 3 || got < 2 {
				t.Errorf("%d messages came and %d are left of 3", got, r.Len())
			}
		}
	})
}

func TestRingPollSeesMessageAndTakesNothing(t *testing.T) {
	everyOrder(t, 4000, func(w *world) func() {
		r := newRing(64, 0, 1<<32-8, 0)
		for range 2 {
			w.add(func(p *proc) {
				if err := r.Poll(context.Background(), p, someone); err != nil || r.Len() != 1 {
					w.fail("Poll() = %v, Len() %d; want nil, 1", err, r.Len())
				}
			})
		}
		w.add(func(p *proc) {
			if err := r.Send(context.Background(), p, someone, []byte("x")); err != nil {
				w.fail("Send() = %v", err)
			}
		})
		return nil
	})
}
