package word

import (
	"context"
	"fmt"
	"testing"
)

func TestRingDeliversInEveryOrder(t *testing.T) {
	for _, tt := range []struct {
		putters, getters, size int
		limit                  uint32
		batch                  int
		sizes                  []int
	}{
		{1, 1, 64, 0, 0, []int{8, 28, 12}},
		{1, 1, 64, 0, 0, []int{8, 150, 9}},
		{2, 1, 64, 0, 0, []int{10, 60}},
		{1, 2, 64, 0, 0, []int{60, 10}},
		{2, 2, 64, 0, 0, []int{28, 70}},
		{2, 2, 256, 1, 0, []int{8, 8, 8}},
		{3, 2, 64, 2, 0, []int{20, 8}},
		{1, 1, 64, 0, 3, []int{8, 8, 12, 8, 9}},
		{2, 1, 64, 0, 2, []int{8, 40, 8}},
		{1, 2, 64, 2, 3, []int{8, 8, 8, 8}},
		{2, 2, 64, 1, 2, []int{8, 30, 8}},
	} {
		t.Run(fmt.Sprintf("%d to %d of %v limit %d batch %d",
			tt.putters, tt.getters, tt.sizes, tt.limit, tt.batch), func(t *testing.T) {
			everyOrder(t, 1200, func(w *world) func() {
				o := newPost(w, tt.size, tt.limit, tt.batch, tt.sizes...)
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
	for _, tt := range []struct{ pairs, batch int }{{1, 0}, {2, 0}, {1, 2}, {2, 2}} {
		everyOrder(t, 3000, func(w *world) func() {
			o := newPost(w, 64, uint32(tt.pairs), tt.batch, 28, 70)
			for range tt.pairs {
				w.add(func(p *proc) {
					ring := o.of(p)
					ring.Putters = someone
					for len(o.arrived[p]) < len(o.sizes) && w.failed == "" {
						o.gets(p, ring, len(o.sizes)-len(o.arrived[p]))
					}
				})
				w.add(func(p *proc) {
					ring := o.of(p)
					ring.Getters = someone
					o.puts(p, ring)
				})
			}
			return nil
		})
	}
}

// The word may change after the look at it and before the sleep.
func TestSleeperMissesNoChange(t *testing.T) {
	everyOrder(t, 4000, func(w *world) func() {
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
				advance(p, r.Head, r.HeadLow, past(r.Head.Load(), 0, 0))
			}
		})
		return nil
	})
}

func TestRingGetterLeavesWithItsContext(t *testing.T) {
	everyOrder(t, 4000, func(w *world) func() {
		o := newPost(w, 64, 0, 0)
		ctx, cancel := context.WithCancel(context.Background())
		got := 0
		for i := range 2 {
			w.add(func(p *proc) {
				c := context.Background()
				if i == 0 {
					c = ctx
				}
				ring := o.ofProcess()
				for got < 2 {
					if _, err := ring.Recv(c, p, nil); err == nil {
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
				if err := o.Send(context.Background(), p, nil, []byte("x")); err != nil {
					w.fail("Send() = %v", err)
				}
			}
		})
		w.add(func(p *proc) { cancel() })
		return func() {
			if got+o.Len() != 3 || got < 2 {
				t.Errorf("%d messages came and %d are left of 3", got, o.Len())
			}
		}
	})
}

func TestRingPollSeesMessageAndTakesNothing(t *testing.T) {
	everyOrder(t, 4000, func(w *world) func() {
		r := newRing(64, 0, 1<<32-8, 0)
		for range 2 {
			w.add(func(p *proc) {
				if err := r.Poll(context.Background(), p); err != nil || r.Len() != 1 {
					w.fail("Poll() = %v, Len() %d; want nil, 1", err, r.Len())
				}
			})
		}
		w.add(func(p *proc) {
			if err := r.Send(context.Background(), p, nil, []byte("x")); err != nil {
				w.fail("Send() = %v", err)
			}
		})
		return nil
	})
}
