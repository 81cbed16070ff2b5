package ipc

import (
	"errors"
	"reflect"
	"slices"
	"sync"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
)

// A traveler is a shared object. What travels of it is where it lies; the
// child is given its segment and a place among its holders.
type traveler interface {
	held() *space.Handle
	kind() space.Kind
	// adopt makes a zero traveler the one behind h.
	adopt(h *space.Handle)
}

var plans = codec.Compiler{Hook: codec.Hook{
	Match: func(t reflect.Type) bool {
		// A struct that embeds a handle has its methods, but is not one.
		return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == reflect.TypeFor[Lock]().PkgPath() &&
			t.Implements(reflect.TypeFor[traveler]())
	},
	Encode: encodeTraveler,
	Decode: decodeTraveler,
}}

// mustPlan compiles the plan of T, and panics if T can't travel.
func mustPlan[T any](what string) *codec.Plan {
	p, err := plans.Compile(reflect.TypeFor[T]())
	if err != nil {
		panic("ipc: " + what + ": " + err.Error())
	}
	return p
}

// registeredPlan is mustPlan for targets. A child has only one of them to
// run, and its parent, the same executable, has checked them all: so a child
// compiles none before it needs it.
func registeredPlan[T any](what string) func() *codec.Plan {
	plan := sync.OnceValue(func() *codec.Plan { return mustPlan[T](what) })
	if !isChild {
		plan()
	}
	return plan
}

// A cargo is what goes to a child besides the bytes of its arguments.
type cargo struct {
	handles []*space.Handle
	spaces  []*space.Space // each once, in the order of their descriptors
	seats   []seat         // the child's places in them
}

// A seat is the child's place in a segment.
type seat struct {
	Slot int
	Gen  uint32
}

// load notes a handle and returns the number of its segment. From then until
// unload it can't go away.
func (c *cargo) load(h *space.Handle) (int, error) {
	if err := h.Enter(); err != nil {
		return 0, err
	}
	c.handles = append(c.handles, h)
	if i := slices.Index(c.spaces, h.Space()); i >= 0 {
		return i, nil
	}
	c.spaces = append(c.spaces, h.Space())
	return len(c.spaces) - 1, nil
}

func (c *cargo) unload() {
	for _, h := range c.handles {
		h.Exit()
	}
	c.handles = nil
}

// seatChild takes a place in each segment and makes the child a holder of
// each handle before it is there: the parent may close its own right after
// Start.
func (c *cargo) seatChild() error {
	for _, s := range c.spaces {
		slot, gen, err := s.Reserve()
		if err != nil {
			c.bury(true)
			return err
		}
		c.seats = append(c.seats, seat{slot, gen})
	}
	for _, h := range c.handles {
		h.Grant(c.seats[slices.Index(c.spaces, h.Space())].Slot)
	}
	return nil
}

// bury gives up what a child held that has ended, or never began: then it
// has left in good order.
func (c *cargo) bury(left bool) {
	for i, seat := range c.seats {
		c.spaces[i].Bury(seat.Slot, seat.Gen, left)
	}
	c.seats = nil
}

func encodeTraveler(e *codec.Encoder, v reflect.Value) error {
	if v.IsNil() {
		e.PutUint(0)
		return nil
	}
	c, ok := e.Context.(*cargo)
	if !ok {
		return ErrHandle
	}
	t := v.Interface().(traveler)
	h := t.held()
	if h == nil {
		return errors.New("ipc: zero " + v.Type().Elem().String() + " in arguments")
	}
	i, err := c.load(h)
	if err != nil {
		return public(err)
	}
	off, gen, role := h.Address()
	for _, n := range []uint64{uint64(i) + 1, uint64(off), uint64(gen), uint64(role)} {
		e.PutUint(n)
	}
	return nil
}

func decodeTraveler(d *codec.Decoder, v reflect.Value) error {
	var n [4]uint64
	for i := range n {
		var err error
		if n[i], err = d.Uint(); err != nil {
			return err
		}
		if n[0] == 0 {
			v.SetZero()
			return nil
		}
	}
	spaces, _ := d.Context.([]*space.Space)
	if n[0] > uint64(len(spaces)) {
		return errors.New("no such segment")
	}
	v.Set(reflect.New(v.Type().Elem()))
	t := v.Interface().(traveler)
	h, err := spaces[n[0]-1].Find(t.kind(), uint32(n[1]), uint32(n[2]), int(n[3]))
	if err != nil {
		return err
	}
	t.adopt(h)
	return nil
}
