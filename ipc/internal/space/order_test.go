//go:build unix

package space

import (
	"sync"
	"testing"
)

// The race detector does not see the words of a segment. In these tests it
// must learn all the same, as a program has it: what one goroutine wrote before
// it let the other go on, the other may read.

func TestLockOrdersGoroutines(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	n := 0
	for _, unlock := range []func() bool{
		func() bool { return h.Mutex().Unlock(h) },
		func() bool { return h.Mutex().UnlockDied(h) },
	} {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					if _, err := h.Mutex().Lock(t.Context(), h); err != nil {
						t.Errorf("Lock() = %v", err)
					}
					n++
					if !unlock() {
						t.Error("Unlock() by the holder = false")
					}
				}
			})
		}
		wg.Wait()
	}
	if n != 400 {
		t.Errorf("counted to %d; want 400", n)
	}
}

func TestEventOrdersGoroutines(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, Shape{Kind: Event, Maps: 1}).Open(0)
	n := 0
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := h.Event().Wait(t.Context(), h); err != nil || n != 42 {
				t.Errorf("Wait() = %v, n = %d; want nil, 42", err, n)
			}
		})
	}
	n = 42
	h.Event().Set(h)
	wg.Wait()
}

func TestBarrierOrdersGoroutines(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, barrierShape).Open(0)
	const rounds = 100
	var seen [rounds][2]bool
	var wg sync.WaitGroup
	for me := range 2 {
		wg.Go(func() {
			for r := range rounds {
				seen[r][me] = true
				if _, err := h.Barrier().Wait(t.Context(), h); err != nil || !seen[r][1-me] {
					t.Errorf("Wait() = %v in round %d, the other was there: %v", err, r, seen[r][1-me])
				}
			}
		})
	}
	wg.Wait()
}

// The goroutines of a process share what it remembers of a ring.
func TestGoroutinesShareOneRing(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, queueShape).Open(0)
	const goroutines, each = 3, 200
	var wg sync.WaitGroup
	var got [goroutines]int
	for i := range goroutines {
		wg.Go(func() {
			for n := range each {
				msg := make([]byte, n%40*n%40)
				if n%50 == 7 {
					msg = make([]byte, 5000)
				}
				if err := h.Ring(0).Send(t.Context(), h, nil, msg); err != nil {
					t.Errorf("Send() = %v", err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				if _, err := h.Ring(0).Recv(t.Context(), h, nil); err != nil {
					t.Errorf("Recv() = %v", err)
				}
				got[i]++
			}
		})
	}
	wg.Wait()
	if n := h.Ring(0).Len(); n != 0 || got != [goroutines]int{each, each, each} {
		t.Errorf("%v messages came, Len() = %d", got, n)
	}
}
