package ipc

import (
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/mpbox/mpbox/ipc/internal/space"
)

// A cargo is what goes to another process besides the bytes of a value: places
// in the segments of its handles, and files.
type cargo struct {
	handles []*space.Handle
	spaces  []*space.Space // each once, in the order of their descriptors
	files   []int          // descriptors of our own

	seats  []seat        // a child's places in the segments
	berths []space.Berth // or those of a message,
	fds    []int         // with the descriptors that vouch for them
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

// file takes a file along, and returns its number.
func (c *cargo) file(fd int) (int, error) {
	own, err := dupCloexec(fd)
	if err != nil {
		return 0, os.NewSyscallError("dup", err)
	}
	c.files = append(c.files, own)
	return len(c.files) - 1, nil
}

func dupCloexec(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	own, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(own)
	}
	return own, err
}

// unload gives up what was needed until the cargo was on its way.
func (c *cargo) unload() {
	for _, h := range c.handles {
		h.Exit()
	}
	closeAll(c.files)
	closeAll(c.fds)
	c.handles, c.files, c.fds = nil, nil, nil
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
	c.grant(func(i int) int { return c.seats[i].Slot })
	return nil
}

// grant makes the place in each segment a holder of its handles.
func (c *cargo) grant(slot func(i int) int) {
	for _, h := range c.handles {
		h.Grant(slot(slices.Index(c.spaces, h.Space())))
	}
}

// bury gives up what a child held that has ended, or never began: then it
// has left in good order.
func (c *cargo) bury(left bool) {
	for i, seat := range c.seats {
		c.spaces[i].Bury(seat.Slot, seat.Gen, left)
	}
	c.seats = nil
}

// embark is seatChild for a message.
func (c *cargo) embark() error {
	for _, s := range c.spaces {
		b, fd, err := s.Depart()
		if err != nil {
			c.disembark()
			return err
		}
		c.berths, c.fds = append(c.berths, b), append(c.fds, fd)
	}
	c.grant(func(i int) int { return c.berths[i].Slot })
	return nil
}

// disembark takes back what embark did, for a message that was not sent.
func (c *cargo) disembark() {
	for i, b := range c.berths {
		c.spaces[i].Return(b)
	}
	c.berths = nil
}

// An arrival is a cargo where it has come to.
type arrival struct {
	spaces []*space.Space
	claims []*space.Claim // on what a message has brought in them
	files  []int          // -1 when they are taken
}

// file hands over a file.
func (a *arrival) file(i uint64) (int, error) {
	if i >= uint64(len(a.files)) || a.files[i] < 0 {
		return -1, errors.New("no such file")
	}
	fd := a.files[i]
	a.files[i] = -1
	return fd, nil
}

// done gives up what was not handed over.
func (a *arrival) done() {
	for _, fd := range a.files {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
	for _, c := range a.claims {
		c.Settle()
	}
}

// arriving serialises what joins segments: of two messages that bring the same
// one, the second has to find this process a member.
var arriving sync.Mutex
