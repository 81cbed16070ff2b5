package word

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func newCopies(words int) *Copies {
	return &Copies{
		Turn:  new(atomic.Uint64),
		Words: make([]atomic.Uint64, CopiesCount*words),
		Lock:  MutexAt(new(atomic.Uint32), nil),
	}
}

func TestCopiesKeepLastStore(t *testing.T) {
	for words := range 4 {
		c, got := newCopies(words), make([]uint64, words)
		for i := range uint64(3 * CopiesCount) {
			want := slices.Repeat([]uint64{i}, words)
			if err := c.Store(t.Context(), alone{t, 1}, want); err != nil {
				t.Fatalf("Store() = %v", err)
			}
			for j := range c.at(i + 2) { // what one who was killed has left
				c.at(i + 2)[j].Store(1 << 63)
			}
			if c.Load(got); !slices.Equal(got, want) {
				t.Errorf("Load() = %v; want %v", got, want)
			}
		}
	}
}

// One who loads slowly, and one who is killed in a store, has the copy half
// written that the next turn would be of.
func TestCopiesTellWhenLoadWasInVain(t *testing.T) {
	c := newCopies(2)
	for stores := range 2 * uint64(CopiesCount) {
		turn, was, got := c.Turn.Load(), make([]uint64, 2), make([]uint64, 2)
		c.Load(was)
		for i := range stores {
			c.put([]uint64{10*turn + i, 10*turn + i})
		}
		c.at(c.Turn.Load() + 1)[0].Store(1 << 63)
		valid := c.load(turn, got)
		if !valid && stores < CopiesCount-1 || valid && !slices.Equal(got, was) {
			t.Errorf("after %d stores load() = %v, %v; it was %v", stores, got, valid, was)
		}
	}
}

func TestCopiesUpdateInOneStep(t *testing.T) {
	everyOrder(t, 5000, func(w *world) func() {
		c := newCopies(2)
		for range 3 {
			w.add(func(p *proc) {
				var x [2]uint64
				for i := range 4 {
					err := c.Update(context.Background(), p, x[:], func() bool {
						p.point()
						x[0], x[1] = x[0]+1, x[1]+2
						return i%2 == 0
					})
					if err != nil {
						w.fail("Update() = %v", err)
					}
				}
			})
		}
		return func() {
			var x [2]uint64
			if c.Load(x[:]); x != [2]uint64{6, 12} {
				t.Errorf("Load() = %v; want [6 12]", x)
			}
		}
	})
}

func TestCopiesOutliveThoseWhoStore(t *testing.T) {
	everyDeath(t, 20, func(w *world) (*proc, func()) {
		c := newCopies(1)
		w.locks, w.naps = []Mutex{c.Lock}, 10
		store := func(p *proc) {
			if err := c.Store(context.Background(), p, []uint64{uint64(p.pid)}); err != nil {
				w.fail("Store() = %v", err)
			}
		}
		victim := w.add(store)
		w.add(store)
		return victim, func() {
			x := []uint64{0}
			if c.Load(x); c.Turn.Load() == 0 || x[0] == 0 {
				t.Errorf("%d after %d stores", x[0], c.Turn.Load())
			}
		}
	})
}

func TestCopiesStoreEndsWithContext(t *testing.T) {
	c := newCopies(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Lock.TryLock(alone{t, 2})
	store := c.Store(ctx, alone{t, 1}, []uint64{1})
	update := c.Update(ctx, alone{t, 1}, []uint64{1}, func() bool { return true })
	if store != context.Canceled || update != context.Canceled || c.Turn.Load() != 0 {
		t.Errorf("Store(), Update() while another stores = %v, %v; turn %d", store, update, c.Turn.Load())
	}
}

// Goroutines that load beside others that store without a pause.
func TestCopiesAreSeenWhole(t *testing.T) {
	watchdog.Start(t)
	const words = 60
	c := newCopies(words)
	loads := 20000
	if testing.Short() {
		loads /= 10
	}
	var stop atomic.Bool
	var stores, others sync.WaitGroup
	for i := range uint32(2) {
		stores.Go(func() {
			for n := uint64(1); !stop.Load(); n++ {
				if err := c.Store(t.Context(), turns{alone{t, i + 1}}, slices.Repeat([]uint64{n}, words)); err != nil {
					t.Errorf("Store() = %v", err)
				}
			}
		})
		others.Go(func() {
			x := make([]uint64, words)
			for range loads {
				if c.Load(x); slices.Max(x) != slices.Min(x) {
					t.Errorf("Load() = %v", x)
					return
				}
			}
		})
	}
	others.Wait()
	stop.Store(true)
	stores.Wait()
}
