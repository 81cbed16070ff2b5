//go:build unix

package space

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func TestSegmentGoesWithPinAndHandles(t *testing.T) {
	s := newSpaceFor(t)
	a, b := alloc(t, s, pipeShape).Open(0), alloc(t, s, lockShape).Open(0)
	slot, gen, err := s.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	s.Unpin()
	a.Close()
	b.Close()
	b.Close()
	if s.seg == nil {
		t.Fatal("segment is unmapped while a child may come")
	}
	s.Bury(slot, gen, false)
	if s.seg != nil || memberships.m[s] {
		t.Error("segment is mapped that nothing needs")
	}
	if _, _, err := s.Reserve(); err != ErrClosed {
		t.Errorf("Reserve() afterwards = %v; want ErrClosed", err)
	}
	if err := a.Enter(); err != ErrClosed {
		t.Errorf("Enter() afterwards = %v; want ErrClosed", err)
	}
	a.Close()
}

func TestHandleStaysUntilOperationEnds(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	h.unmark(1, s.slot)
	s.Unpin()
	if err := h.Enter(); err != nil {
		t.Fatalf("Enter() = %v", err)
	}
	h.Close()
	if err := h.Enter(); err != ErrClosed || h.Closed() != ErrClosed {
		t.Errorf("Enter() after Close = %v; want ErrClosed", err)
	}
	if _, err := h.Wait(t.Context(), h.u32(offGrants), 0); err != ErrClosed {
		t.Errorf("Wait() after Close = %v; want ErrClosed", err)
	}
	if !h.marked(0, s.slot) {
		t.Error("hold is given up while an operation is under way")
	}
	h.Exit()
	if s.seg != nil {
		t.Error("segment is mapped after the last operation")
	}
}

func TestCloseEndsOperationUnderWay(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	if err := h.Enter(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer h.Exit()
		_, err := h.Ring(1).Recv(context.Background(), h, nil)
		if err != ErrClosed {
			t.Errorf("Recv() = %v; want ErrClosed", err)
		}
	})
	h.Close()
	wg.Wait()
}

// The last operation may end while Close is under way, and the memory goes.
func TestCloseMeetsEndOfOperation(t *testing.T) {
	watchdog.Start(t)
	for range 300 {
		s, err := NewSized(1 << 16)
		if err != nil {
			t.Fatal(err)
		}
		h := alloc(t, s, pipeShape).Open(0)
		s.Unpin()
		var wg sync.WaitGroup
		ready := make(chan bool)
		for range 2 {
			wg.Go(func() {
				if h.Enter() == nil {
					ready <- true
					h.Wake(h.u32(offGrants))
					h.Exit()
				}
			})
			<-ready
		}
		wg.Go(h.Close)
		wg.Go(h.Close)
		wg.Wait()
		if s.seg != nil {
			t.Fatal("segment is mapped after the last operation")
		}
	}
}

func TestHeldSeesHandover(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, pipeShape).Open(0)
	var slots [2]int
	for i := range slots {
		slots[i], _, _ = s.Reserve()
	}
	h.Grant(slots[0])
	h.unmark(0, s.slot)
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			h.Grant(slots[1-i%2])
			h.unmark(0, slots[i%2])
		}
	})
	for i := range 20000 {
		if !h.Held(0, i%64 == 0) {
			t.Error("Held() = false while it is handed to and fro")
			break
		}
	}
	close(stop)
	wg.Wait()
}

func TestWaitAsksForALookAfterItsNap(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, lockShape).Open(0)
	start := time.Now()
	for look := false; !look; {
		var err error
		if look, err = h.Wait(t.Context(), h.u32(offGrants), 0); err != nil {
			t.Fatalf("Wait() = %v", err)
		}
	}
	if d := time.Since(start); d < nap {
		t.Errorf("Wait() asks for a look after %v; want %v at least", d, nap)
	}
}
