package ipc

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// Handles and files go along with a message through a socket pair beside the
// ring: a packet for each segment, and one for all files, with their descriptors.
// Pipes and queues whose type may contain them have such a pair from the
// start, and their messages begin with a manifest:
//
//	0  the number of the message, which its packets have too
//	4  the length of the manifest, then the manifest, then the value
//
// The packets are sent before the message, or the last part of a long one, under
// the put lock, and taken after it, under the get lock: so they come in the same
// order, and whoever has the message finds them there. A process that dies in between leaves packets of a
// message that never comes, or that nobody has any more, with a lower number:
// these are thrown away.
type manifest struct {
	Berths []space.Berth // in segments
	Files  int
}

const manifestAt = 8

var manifestPlan = registeredPlan[manifest]("manifest")

// newSocks gives the holders of a new pipe or queue their socket pair, if
// values of the type may contain handles or files.
func newSocks(plan *codec.Plan, first, second *space.Handle) error {
	if !plan.Hooked() {
		return nil
	}
	fds, err := pair()
	if err != nil {
		return err
	}
	if first == second {
		first.SetSocks(fds)
	} else {
		first.SetSocks(fds[:1])
		second.SetSocks(fds[1:])
	}
	return nil
}

// pair is a socket pair that never blocks.
func pair() ([]int, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		err = errors.Join(err, syscall.SetNonblock(fd, true), quiet(fd))
	}
	if err != nil {
		closeAll(fds[:])
		return nil, err
	}
	return fds[:], nil
}

// sendAlong sends *p with what goes along.
func sendAlong(ctx context.Context, h *space.Handle, r *word.Ring, plan *codec.Plan, p unsafe.Pointer) error {
	if err := h.Enter(); err != nil {
		return public(err)
	}
	defer h.Exit()
	c := new(cargo)
	defer c.unload()
	body := codec.Encoder{Context: c}
	if err := plan.Encode(&body, p); err != nil {
		return sendError(err)
	}
	if err := c.embark(); err == space.ErrNoTransit {
		return ErrHandle
	} else if err != nil {
		return sendError(err)
	}
	m := manifest{c.berths, len(c.files)}
	head := codec.Encoder{Buf: make([]byte, manifestAt)}
	if err := manifestPlan().Encode(&head, unsafe.Pointer(&m)); err != nil {
		return sendError(err)
	}
	binary.LittleEndian.PutUint32(head.Buf[4:], uint32(len(head.Buf)-manifestAt))
	packets, err := c.packets()
	if err != nil {
		c.disembark()
		return sendError(err)
	}
	err = r.SendAlong(ctx, h, head.Buf, body.Buf, func(trip uint32) (bool, error) {
		for len(packets) > 0 {
			if ok, err := packets[0].send(h.Socks()[0], trip); !ok || err != nil {
				return false, err
			}
			packets = packets[1:]
		}
		return true, nil
	})
	if err != nil {
		c.disembark()
	}
	return public(err)
}

// A packet is a number among those of its message, and descriptors.
type packet struct {
	number int
	fds    []int
}

// The socket must take all packets of a message before the receiver takes the
// first of them, and the kernel no more descriptors at a time.
const (
	maxSegments = 64
	maxFiles    = 253 // SCM_MAX_FD of Linux
)

// packets are what the cargo of a message is sent in.
func (c *cargo) packets() (ps []packet, err error) {
	if len(c.fds) > maxSegments || len(c.files) > maxFiles {
		return nil, errors.New("one value can't have so many files, or handles in so many segments")
	}
	for _, fd := range c.fds {
		ps = append(ps, packet{len(ps), []int{fd}})
	}
	if len(c.files) > 0 {
		ps = append(ps, packet{len(ps), c.files})
	}
	return ps, nil
}

// recvAlong fills *p with the next value, by take, and what came along.
func recvAlong(h *space.Handle, plan *codec.Plan, p unsafe.Pointer, take func(along func(msg []byte)) error) error {
	if err := h.Enter(); err != nil {
		return public(err)
	}
	defer h.Exit()
	var a *arrival
	var body []byte
	var bad error
	err := take(func(msg []byte) { a, body, bad = disembark(h, msg) })
	if err != nil {
		return public(err)
	}
	defer a.done()
	if bad != nil {
		return recvError(bad)
	}
	if err := plan.Decode(&codec.Decoder{Buf: body, Context: a}, p); err != nil {
		return recvError(err)
	}
	return nil
}

// disembark takes the packets of a message.
func disembark(h *space.Handle, msg []byte) (a *arrival, body []byte, err error) {
	a = new(arrival)
	if len(msg) < manifestAt {
		return a, nil, errSize
	}
	trip, n := binary.LittleEndian.Uint32(msg), binary.LittleEndian.Uint32(msg[4:])
	if body = msg[manifestAt:]; uint64(n) > uint64(len(body)) {
		return a, nil, errSize
	}
	var m manifest
	if err := manifestPlan().Decode(&codec.Decoder{Buf: body[:n]}, unsafe.Pointer(&m)); err != nil {
		return a, nil, err
	}
	socks := h.Socks()
	from := packets{fd: socks[len(socks)-1], trip: trip}
	defer from.discardAll() // those that an error has left
	for _, b := range m.Berths {
		s, c, err := from.segment(b)
		if err != nil {
			return a, nil, err
		}
		a.spaces, a.claims = append(a.spaces, s), append(a.claims, c)
	}
	if m.Files > 0 {
		if a.files, err = from.take(m.Files); err != nil {
			return a, nil, err
		}
	}
	return a, body[n:], nil
}

// packets takes those of one message, in their order.
type packets struct {
	fd   int
	trip uint32
	next uint32
}

// packetSize is that of the bytes of a packet: the number of the message, and
// its own.
const packetSize = 8

var errLostPacket = errors.New("what came along with the message is gone")

// send reports false if the socket takes no more now.
func (p packet) send(sock int, trip uint32) (bool, error) {
	var b [packetSize]byte
	binary.LittleEndian.PutUint32(b[:], trip)
	binary.LittleEndian.PutUint32(b[4:], uint32(p.number))
	for {
		switch _, err := syscall.SendmsgN(sock, b[:], syscall.UnixRights(p.fds...), nil, noSignal); err {
		case nil:
			return true, nil
		case syscall.EINTR:
		case syscall.EAGAIN, syscall.ENOBUFS, syscall.ETOOMANYREFS:
			return false, nil
		case syscall.EPIPE, syscall.ECONNRESET:
			return false, word.ErrNoReader
		default:
			return false, os.NewSyscallError("sendmsg", err)
		}
	}
}

// find throws away the packets of messages before this one.
func (p *packets) find() error {
	for {
		var b [packetSize]byte
		n, _, err := recv(p.fd, b[:], nil, syscall.MSG_PEEK)
		if err != nil || n < packetSize {
			return errLostPacket
		}
		trip, number := binary.LittleEndian.Uint32(b[:]), binary.LittleEndian.Uint32(b[4:])
		switch older := int32(trip - p.trip); {
		case older == 0 && number == p.next:
			return nil
		case older > 0 || older == 0 && number > p.next:
			return errLostPacket
		}
		p.discard()
	}
}

// discard throws a packet away. With no room for its descriptor, the kernel
// never opens it here: closing it would do more than that, see shm.Segment.
func (p *packets) discard() {
	var b [packetSize]byte
	_, _, _ = recv(p.fd, b[:], nil, 0)
}

// discardAll throws away what is left of the message.
func (p *packets) discardAll() {
	for {
		var b [packetSize]byte
		n, _, err := recv(p.fd, b[:], nil, syscall.MSG_PEEK)
		if err != nil || n < packetSize || int32(binary.LittleEndian.Uint32(b[:])-p.trip) > 0 {
			return
		}
		p.discard()
	}
}

// take takes the n descriptors of the next packet.
func (p *packets) take(n int) ([]int, error) {
	if n < 0 || n > maxFiles {
		return nil, errLostPacket
	}
	if err := p.find(); err != nil {
		return nil, err
	}
	p.next++
	var b [packetSize]byte
	oob := make([]byte, syscall.CmsgSpace(4*n))
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	_, oobn, err := recv(p.fd, b[:], oob, 0)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	var fds []int
	if msgs, err := syscall.ParseSocketControlMessage(oob[:oobn]); err == nil && len(msgs) == 1 {
		fds, _ = syscall.ParseUnixRights(&msgs[0])
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
	}
	if len(fds) != n { // the limit of open files is reached
		closeAll(fds)
		return nil, errLostPacket
	}
	return fds, nil
}

// segment takes the next packet, which is for a berth in a segment.
func (p *packets) segment(b space.Berth) (*space.Space, *space.Claim, error) {
	arriving.Lock()
	defer arriving.Unlock()
	s, ok := space.Member(b.Segment)
	if !ok {
		fds, err := p.take(1)
		if err != nil {
			return nil, nil, err
		}
		return space.Arrive(fds[0], b)
	}
	err := p.find()
	if err != nil {
		s.Unpin()
		return nil, nil, err
	}
	// While the descriptor is on its way it vouches for the berth.
	c, err := s.Take(b)
	p.discard()
	if p.next++; err != nil {
		s.Unpin()
	}
	return s, c, err
}

func recv(fd int, b, oob []byte, flags int) (n, oobn int, err error) {
	for {
		n, oobn, _, _, err = syscall.Recvmsg(fd, b, oob, flags)
		if err != syscall.EINTR {
			return n, oobn, err
		}
	}
}
