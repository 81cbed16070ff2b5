package word

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"slices"
	"sync/atomic"
	"testing"
)

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
	sizes   []int // of the messages of each putter
	batch   int   // for SendMany and RecvMany; 0 for Send and Recv
	putters []*proc
	getters []*proc
	open    map[*proc]bool // holds its end of the ring, as far as is known
	waiting map[*proc]bool // has said so
	arrived map[*proc][][]byte
	taken   map[*proc]int // how many messages it said it takes
	skipped int           // how many it was said that nobody gets
	before  uint32        // messages of the ring
}

func newPost(w *world, size int, limit uint32, batch int, sizes ...int) *post {
	start := nearWrap[w.choose(len(nearWrap))]
	r := newRing(size, limit, start.bytes, start.messages)
	w.locks = append(w.locks, r.Put, r.Get)
	return &post{Ring: r, w: w, sizes: sizes, batch: batch, before: start.messages,
		open: map[*proc]bool{}, waiting: map[*proc]bool{},
		arrived: map[*proc][][]byte{}, taken: map[*proc]int{}}
}

// of is the ring as p sees it.
func (o *post) of(p *proc) *Ring {
	r := o.ofProcess()
	r.Putters, r.Getters = o.peers(p, &o.putters), o.peers(p, &o.getters)
	r.PutWaits, r.GetWaits = o.waits(p, r.Put), o.waits(p, r.Get)
	r.Taking = func(n int) {
		p.point()
		o.taken[p] += n
		p.point()
	}
	r.Skipping = func(n int) {
		p.point()
		o.skipped += n
		p.point()
	}
	p.sleeps = func() {
		if !o.waiting[p] {
			o.w.fail("%d is about to sleep and has not said that it waits", p.pid)
		}
	}
	return r
}

// peers is whether any of these processes holds its end. A look finds the dead.
func (o *post) peers(p *proc, of *[]*proc) Peers {
	return func(look bool) bool {
		p.point()
		defer p.point()
		for _, q := range *of {
			if q.dead && look {
				o.open[q] = false
			}
		}
		return slices.ContainsFunc(*of, func(q *proc) bool { return o.open[q] })
	}
}

// waits is told when p begins and ends to wait on the side of the ring that
// has this lock.
func (o *post) waits(p *proc, lock Mutex) func(on bool) {
	return func(on bool) {
		if o.w.over {
			return // it unwinds after its death
		}
		p.point()
		switch {
		case on == o.waiting[p]:
			o.w.fail("%d says twice that its waiting is %v", p.pid, on)
		case !on && lock.Owner() != p.pid:
			o.w.fail("%d says that it no longer waits after it gave up the lock", p.pid)
		}
		o.waiting[p] = on
		p.point()
	}
}

// returned checks what holds whenever a process comes back from the ring.
func (o *post) returned(p *proc, err error) {
	if o.waiting[p] {
		o.w.fail("%d returned with %v and has not said that it no longer waits", p.pid, err)
	}
	if r := o.Ring; r.Put.Owner() == p.pid || r.Get.Owner() == p.pid {
		o.w.fail("%d returned with %v and holds a lock", p.pid, err)
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
		o.puts(p, o.of(p))
		o.shut(p)
	})
	o.putters = append(o.putters, p)
	o.open[p] = true
	return p
}

// puts puts all messages of p.
func (o *post) puts(p *proc, r *Ring) {
	for i := 0; i < len(o.sizes); {
		n, err := 1, error(nil)
		if o.batch == 0 {
			b := parcel(p.pid, i, o.sizes[i])
			err = r.Send(context.Background(), p, b[:5], b[5:])
		} else {
			n, err = r.SendMany(context.Background(), p, min(o.batch, len(o.sizes)-i), func(k int) []byte {
				p.point() // what is before k is copied, and not published
				return parcel(p.pid, i+k, o.sizes[i+k])
			})
		}
		if o.returned(p, err); err != nil || n < 1 {
			o.w.fail("putting = %d, %v", n, err)
		}
		i += n
	}
}

func (o *post) addGetter() *proc {
	p := o.w.add(func(p *proc) {
		for ring := o.of(p); o.gets(p, ring, max(o.batch, 1)) != io.EOF; {
		}
		o.shut(p)
	})
	o.getters = append(o.getters, p)
	o.open[p] = true
	return p
}

// gets gets up to n messages for p.
func (o *post) gets(p *proc, r *Ring, n int) error {
	var got [][]byte
	var err error
	if o.batch == 0 {
		got = make([][]byte, 1)
		got[0], err = r.Recv(context.Background(), p, nil)
	} else {
		_, err = r.RecvMany(context.Background(), p, n, func(_, size int) []byte {
			p.point() // what is before it is copied, and not consumed
			got = append(got, make([]byte, size))
			return got[len(got)-1]
		})
	}
	o.returned(p, err)
	if err == nil {
		o.arrived[p] = append(o.arrived[p], got...)
	} else if err != io.EOF {
		o.w.fail("getting = %v", err)
	}
	return err
}

// check wants each message of each living putter to have arrived whole and
// once, in its order, and of a dead one the first so many. A getter that died
// may have taken with it what it was just taking.
func (o *post) check(t *testing.T) {
	t.Helper()
	lost, survivors, said := 0, 0, o.skipped
	came := map[uint32][]int{} // the numbers of each putter's messages
	for _, g := range o.getters {
		if g.dead {
			lost = max(o.batch, 1)
		} else {
			survivors++
		}
		said += o.taken[g]
		before := map[uint32]int{}
		for _, b := range o.arrived[g] {
			from, number := o.unpack(t, b)
			if last, ok := before[from]; ok && last >= number {
				t.Errorf("getter %d: message %d of %d came after its %d", g.pid, number, from, last)
			}
			before[from] = number
			came[from] = append(came[from], number)
		}
		if got := len(o.arrived[g]); o.taken[g] < got || o.taken[g] > got && !g.dead {
			t.Errorf("getter %d said that it takes %d messages; it got %d", g.pid, o.taken[g], got)
		}
	}
	missing := 0
	for _, p := range o.putters {
		got := came[p.pid]
		slices.Sort(got)
		if len(slices.Compact(slices.Clone(got))) < len(got) {
			t.Errorf("messages of %d arrived twice: %v", p.pid, got)
		}
		all := len(o.sizes)
		if p.dead && len(got) > 0 {
			all = got[len(got)-1] + 1
		} else if p.dead {
			all = 0
		}
		missing += all - len(got)
	}
	if missing > lost {
		t.Errorf("%d messages are missing; want %d at most: %v", missing, lost, came)
	}
	if n := int(count(o.Tail.Load()) - o.before); said < n || said > n+lost {
		t.Errorf("%d messages are gone, and %d were said to be; want the same, or %d more", n, said, lost)
	}
	if n := o.Len(); n != 0 && survivors > 0 {
		t.Errorf("Len() = %d at the end; want 0", n)
	}
}

// unpack tells whose message b is, which must be whole.
func (o *post) unpack(t *testing.T, b []byte) (from uint32, number int) {
	t.Helper()
	if len(b) < 8 {
		t.Fatalf("message of %d bytes arrived", len(b))
	}
	from, number = binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint32(b[4:]))
	if number >= len(o.sizes) || !bytes.Equal(b, parcel(from, number, o.sizes[number])) {
		t.Fatalf("message %d of %d arrived damaged, %d bytes", number, from, len(b))
	}
	return from, number
}
