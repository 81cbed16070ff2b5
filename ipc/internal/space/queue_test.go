//go:build unix

package space

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/child"
)

func TestQueueEndsByWhatItsHoldersDo(t *testing.T) {
	s := newSpaceFor(t)
	type who struct{ holds, hasPut, waitsGet bool }
	for _, tt := range []struct {
		name   string
		self   who
		others []who
		want   bool
	}{
		{"alone and waiting", who{true, false, true}, nil, false},
		{"alone, and has put", who{true, true, true}, nil, true},
		{"another holds it", who{true, false, true}, []who{{true, false, false}}, true},
		{"another waits", who{true, false, true}, []who{{true, false, true}}, false},
		{"another waits, but has put", who{true, false, true}, []who{{true, true, true}}, true},
		{"another has put, and closed", who{true, false, true}, []who{{false, true, false}}, false},
		{"one of three may put", who{true, false, true}, []who{{true, false, true}, {true, false, false}}, true},
		{"none of three may put", who{true, false, true}, []who{{true, false, true}, {false, false, false}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			get, put := alloc(t, s, queueShape).Open(0), alloc(t, s, queueShape).Open(0)
			if !get.CanPut(true) || !put.CanGet(true) {
				t.Error("a queue that was never shared has ended")
			}
			for i, w := range append([]who{tt.self}, tt.others...) {
				slot := s.slot
				if i > 0 {
					slot, _, _ = s.Reserve()
				}
				for _, h := range []*Handle{get, put} {
					has, waits := QueueHasPut, QueueWaitGet
					if h == put { // the mirror image
						has, waits = QueueHasGot, QueueWaitPut
					}
					for m, set := range map[int]bool{QueueHolders: w.holds, has: w.hasPut, waits: w.waitsGet} {
						if h.unmark(m, slot); set {
							h.mark(m, slot)
						}
					}
					h.u32(offGrants).Store(1)
				}
			}
			for _, look := range []bool{false, true} {
				if got := get.CanPut(look); got != tt.want {
					t.Errorf("CanPut(%v) = %v; want %v", look, got, tt.want)
				}
				if got := put.CanGet(look); got != tt.want {
					t.Errorf("CanGet(%v) = %v; want %v", look, got, tt.want)
				}
			}
		})
	}
}

// A process waits in Get as long as any of its goroutines does.
func TestQueueMarksWaitUntilLastGoroutineStops(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, queueShape).Open(0)
	r := h.Ring(0)
	for _, tt := range []struct {
		m     int
		waits func(on bool)
	}{{QueueWaitGet, r.GetWaits}, {QueueWaitPut, r.PutWaits}} {
		for i, on := range []bool{true, true, false, true, false, false, true, false} {
			tt.waits(on)
			if want := i != 5 && i != 7; h.marked(tt.m, s.slot) != want {
				t.Errorf("mark %d after call %d = %v; want %v", tt.m, i, !want, want)
			}
		}
	}
}

// One goroutine of this process gives up waiting and another goes on: for the
// child, which waits too, nobody is left who could put.
func TestQueueEndsForOthersWhileOneOfOurGoroutinesWaits(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, queueShape).Open(0)
	c, _, _ := seat(t, s, h)
	last, gen, err := s.Reserve() // one more, who may still come and put
	if err != nil {
		t.Fatal(err)
	}
	h.Grant(last)
	c.Tell("get")
	r, waits := h.Ring(0), make(chan bool, 9)
	for r.Get.Owner() != uint32(c.Pid()) { // it is the child that looks for the others
		time.Sleep(time.Millisecond)
	}
	says := r.GetWaits
	r.GetWaits = func(on bool) {
		says(on)
		waits <- on
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, ctx := range []context.Context{ctx, t.Context()} {
		wg.Go(func() {
			_, err := r.Recv(ctx, h, nil)
			if ctx.Err() == nil && err != io.EOF || ctx.Err() != nil && err != ctx.Err() {
				t.Errorf("Recv() = %v", err)
			}
		})
		<-waits
	}
	cancel()
	<-waits
	s.Bury(last, gen, false)
	c.Want("EOF")
	c.Kill()
	wg.Wait()
}

// What a process has taken and not done is lost when it ends, or closes the
// queue, whoever finds that out.
func TestTasksAreLostWithWhoTookThem(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(s *Space, c *child.Child, slot int, gen uint32)
	}{
		{"killed and reported", func(s *Space, c *child.Child, slot int, gen uint32) {
			c.Kill()
			s.Bury(slot, gen, false)
		}},
		{"killed", func(_ *Space, c *child.Child, _ int, _ uint32) { c.Kill() }},
		{"closed", func(_ *Space, c *child.Child, _ int, _ uint32) { c.Ask("<nil>", "close") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpaceFor(t)
			h := alloc(t, s, queueShape).Open(0)
			h.Mark(QueueHasPut)
			for range 3 {
				if err := h.Ring(0).Send(t.Context(), h, nil, []byte("x")); err != nil {
					t.Fatalf("Send() = %v", err)
				}
			}
			c, slot, gen := seat(t, s, h)
			for range 2 {
				c.Ask(`"x" <nil>`, "get")
			}
			if _, err := h.Ring(0).TryRecv(h, nil); err != nil {
				t.Fatalf("TryRecv() = %v", err)
			}
			if err := h.Tasks().Done(); err != nil {
				t.Errorf("Done() = %v", err)
			}
			if got := h.taken(s.slot).Load(); got != 0 {
				t.Errorf("%d tasks are in our hands; want 0", got)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, _, err := h.Tasks().Wait(ctx); err != context.Canceled {
				t.Errorf("Wait() for what a child has taken = %v; want context.Canceled", err)
			}
			tt.end(s, c, slot, gen)
			lost, pid, err := h.Tasks().Wait(t.Context())
			if lost != 2 || pid != c.Pid() || err != nil {
				t.Errorf("Wait() = %d lost, the last by %d, %v; want 2, %d, nil", lost, pid, err, c.Pid())
			}
			if err := h.Tasks().Done(); err != ErrTooMany {
				t.Errorf("Done() of nothing = %v; want ErrTooMany", err)
			}
		})
	}
}

// A long message whose getter is killed half way is put, and never done by
// anyone: Wait must not wait for that.
func TestTasksLoseMessageThatItsGetterTookHalf(t *testing.T) {
	s := newSpaceFor(t)
	h := alloc(t, s, queueShape).Open(0)
	c, slot, gen := seat(t, s, h)
	r, frames := h.Ring(0), 0
	h.Mark(QueueHasPut)
	stalled, goOn := make(chan bool), make(chan bool)
	r.Getters = func(bool) bool {
		if frames++; frames == 3 {
			stalled <- true
			<-goOn
		}
		return true
	}
	c.Tell("get")
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, n := range []int{6 << 10, 4} {
			if err := r.Send(t.Context(), h, nil, make([]byte, n)); err != nil {
				t.Errorf("Send() = %v", err)
			}
		}
	})
	<-stalled
	for uint32(r.Tail.Load())&^3 != uint32(r.Head.Load())&^3 { // until it has what there is
		time.Sleep(time.Millisecond)
	}
	c.Kill()
	s.Bury(slot, gen, false)
	close(goOn)
	if b, err := r.Recv(t.Context(), h, nil); len(b) != 4 || err != nil {
		t.Fatalf("Recv() = %d bytes, %v; want the second message", len(b), err)
	}
	wg.Wait()
	if err := h.Tasks().Done(); err != nil {
		t.Errorf("Done() = %v", err)
	}
	if lost, _, err := h.Tasks().Wait(t.Context()); lost != 1 || err != nil {
		t.Errorf("Wait() = %d lost, %v; want 1, nil", lost, err)
	}
}
