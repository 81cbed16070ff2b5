package ipc

import (
	"errors"
	"os"
	"reflect"
	"sync"
	"syscall"

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
	Match:  func(t reflect.Type) bool { return t == fileType || isTraveler(t) },
	Encode: encodeHooked,
	Decode: decodeHooked,
}}

var fileType = reflect.TypeFor[*os.File]()

// isTraveler tells the shared objects. A struct that embeds one has its
// methods, but is not one.
func isTraveler(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == reflect.TypeFor[Lock]().PkgPath() &&
		t.Implements(reflect.TypeFor[traveler]())
}

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

func encodeHooked(e *codec.Encoder, v reflect.Value) error {
	if v.IsNil() {
		e.PutUint(0)
		return nil
	}
	c, ok := e.Context.(*cargo)
	if !ok {
		return ErrHandle
	}
	if f, ok := v.Interface().(*os.File); ok {
		return encodeFile(e, c, f)
	}
	return encodeTraveler(e, c, v.Interface().(traveler))
}

func encodeTraveler(e *codec.Encoder, c *cargo, t traveler) error {
	h := t.held()
	if h == nil {
		return errors.New("ipc: zero " + reflect.TypeOf(t).Elem().String() + " can't travel")
	}
	i, err := c.load(h)
	if err != nil {
		return public(err)
	}
	off, gen, role := h.Address()
	for _, n := range []uint64{uint64(i) + 1, uint64(h.Kind()), uint64(off), uint64(gen), uint64(role)} {
		e.PutUint(n)
	}
	if cond, ok := t.(*Cond); ok {
		return encodeTraveler(e, c, cond.L)
	}
	return encodeSocks(e, c, h)
}

func decodeHooked(d *codec.Decoder, v reflect.Value) error {
	first, err := d.Uint()
	if err != nil || first == 0 {
		v.SetZero()
		return err
	}
	a, ok := d.Context.(*arrival)
	if !ok {
		return errors.New("nothing came along")
	}
	if v.Type() == fileType {
		f, err := decodeFile(d, a, first-1)
		v.Set(reflect.ValueOf(f))
		return err
	}
	v.Set(reflect.New(v.Type().Elem()))
	return decodeTraveler(d, a, first-1, v.Interface().(traveler))
}

// decodeTraveler makes the zero t the one that comes, whose segment has been read.
func decodeTraveler(d *codec.Decoder, a *arrival, segment uint64, t traveler) error {
	var n [4]uint64
	for i := range n {
		var err error
		if n[i], err = d.Uint(); err != nil {
			return err
		}
	}
	kind := space.Kind(n[0])
	if segment >= uint64(len(a.spaces)) || !isOf(t, kind) {
		return errors.New("no such segment, or no such object in it")
	}
	h, err := a.spaces[segment].Find(kind, uint32(n[1]), uint32(n[2]), int(n[3]))
	if err != nil {
		return err
	}
	if cond, ok := t.(*Cond); ok {
		cond.adopt(h)
		if segment, err = d.Uint(); err != nil {
			return err
		}
		return decodeTraveler(d, a, segment-1, cond.L)
	}
	if p, ok := t.(pipeEnd); ok && !p.fits(h.Rings(), h.Role()) {
		return errors.New("it is another kind of pipe")
	}
	if err := decodeSocks(d, a, h); err != nil {
		return err
	}
	t.adopt(h)
	return nil
}

// A pipeEnd knows which pipes it can be an end of.
type pipeEnd interface {
	fits(rings, role int) bool
}

// isOf reports whether t can be an object of the kind. A lock can be the guard
// of a value or an array.
func isOf(t traveler, kind space.Kind) bool {
	_, lock := t.(*Lock)
	return kind == t.kind() || lock && (kind == space.Value || kind == space.Array)
}

// The sockets of a pipe or a queue, if it has them, travel as files. What
// comes is the number of them, and which files they are.
func encodeSocks(e *codec.Encoder, c *cargo, h *space.Handle) error {
	socks := h.Socks()
	e.PutUint(uint64(len(socks)))
	for _, fd := range socks {
		i, err := c.file(fd)
		if err != nil {
			return err
		}
		e.PutUint(uint64(i))
	}
	return nil
}

func decodeSocks(d *codec.Decoder, a *arrival, h *space.Handle) error {
	n, err := d.Uint()
	if err != nil || n == 0 {
		return err
	}
	var socks []int
	for range min(n, maxSocks) {
		i, err := d.Uint()
		if err != nil {
			closeAll(socks)
			return err
		}
		fd, err := a.file(i)
		if err != nil {
			closeAll(socks)
			return err
		}
		socks = append(socks, fd)
	}
	if !h.SetSocks(socks) { // it came before, by another way
		closeAll(socks)
	}
	return nil
}

const maxSocks = 2

func encodeFile(e *codec.Encoder, c *cargo, f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var i int
	cerr := conn.Control(func(fd uintptr) { i, err = c.file(int(fd)) })
	if err = errors.Join(err, cerr); err != nil {
		return err
	}
	e.PutUint(uint64(i) + 1)
	e.PutUint(uint64(len(f.Name())))
	e.Buf = append(e.Buf, f.Name()...)
	return nil
}

func decodeFile(d *codec.Decoder, a *arrival, i uint64) (*os.File, error) {
	n, err := d.Uint()
	if err != nil {
		return nil, err
	}
	name, err := d.Bytes(int(min(n, uint64(len(d.Buf))+1)))
	if err != nil {
		return nil, err
	}
	fd, err := a.file(i)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), string(name)), nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}
