//go:build unix

package space

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, new(subject).obey) }

// A subject is the child's side: one space and one handle.
type subject struct {
	s *Space
	h *Handle
}

func (c *subject) obey(op, rest string) any {
	ctx := context.Background()
	switch op {
	case "attach":
		var slot int
		var gen uint32
		fmt.Sscan(rest, &slot, &gen)
		var err error
		fds := []int{3, 4, 5}[:Descriptors]
		c.s, err = Attach(fds, slot, gen)
		return err
	case "arrive":
		b := Berth{}
		fmt.Sscan(rest, &b.Slot, &b.Gen)
		var err error
		c.s, _, err = Arrive(3, b)
		return err
	case "find":
		var kind, off, gen uint32
		var role int
		fmt.Sscan(rest, &kind, &off, &gen, &role)
		var err error
		c.h, err = c.s.Find(Kind(kind), off, gen, role)
		return err
	case "close":
		c.h.Close()
		return nil
	case "closeall":
		CloseAll()
		return c.h.Closed()
	case "reserve":
		slot, gen, err := c.s.Reserve()
		return fmt.Sprint(slot, " ", gen, " ", err)
	case "registry": // and die in the middle of it
		c.s.locked(func() error {
			fmt.Println("locked")
			time.Sleep(time.Hour)
			return nil
		})
	case "count":
		for range 200 {
			c.s.locked(func() error {
				w := c.s.seg.U32(offObjects - 4)
				w.Store(w.Load() + 1)
				return nil
			})
		}
		return nil
	}
	return c.operate(ctx, op, rest)
}

// operate does something with the handle.
func (c *subject) operate(ctx context.Context, op, rest string) any {
	switch op {
	case "lock":
		died, err := c.h.Mutex().Lock(ctx, c.h)
		return fmt.Sprint(died, " ", err)
	case "barrier":
		_, err := c.h.Barrier().Wait(ctx, c.h)
		return err
	case "mark":
		c.h.Mark(QueueHasPut)
		return nil
	case "send":
		return c.h.Ring(c.h.Role()).Send(ctx, c.h, nil, []byte(rest))
	case "get": // from a queue
		b, err := c.h.Ring(0).Recv(ctx, c.h, nil)
		if err == io.EOF {
			return err
		}
		return fmt.Sprintf("%q %v", b, err)
	}
	return "no such operation"
}

// start starts a child that has the descriptors of the segment.
func start(t *testing.T, s *Space) *child.Child {
	t.Helper()
	fds, done, err := s.ForChild()
	if err != nil {
		t.Fatalf("ForChild() = %v", err)
	}
	defer done()
	return child.Start(t, fds...)
}

// seat reserves a place, grants the handles in it and starts a child there,
// which has the last of them open.
func seat(t *testing.T, s *Space, handles ...*Handle) (c *child.Child, slot int, gen uint32) {
	t.Helper()
	slot, gen, err := s.Reserve()
	if err != nil {
		t.Fatalf("Reserve() = %v", err)
	}
	for _, h := range handles {
		h.Grant(slot)
	}
	c = start(t, s)
	c.Ask("<nil>", "attach %d %d", slot, gen)
	for _, h := range handles {
		find(c, "<nil>", h)
	}
	return c, slot, gen
}

// find has the child look for the object of h, in its role.
func find(c *child.Child, answer string, h *Handle) {
	off, gen, role := h.Address()
	c.Ask(answer, "find %d %d %d %d", h.Kind(), off, gen, role)
}
