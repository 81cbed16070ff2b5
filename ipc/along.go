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
// ring: a packet for each segment and each file, whose descriptor it carries.
// Pipes and queues whose type may contain them have such a pair from the
// start, and their messages begin with a manifest:
//
//	0  the number of the message, which its packets have too
//	4  the length of the manifest, then the manifest, then the value
//
// The packets are sent before the message, under the put lock, and taken after
// it, under the get lock: so they come in the same order, and whoever has the
// message finds them there. A process that dies in between leaves packets of a
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
	number := func(trip uint32) []byte {
		binary.LittleEndian.PutUint32(head.Buf, trip)
		return head.Buf
	}
	packets := append(c.fds, c.files...)
	sent := 0
	err := r.SendAlong(ctx, h, number, body.Buf, func(trip uint32) (bool, error) {
		for ; sent < len(packets); sent++ {
			if ok, err := sendPacket(h.Socks()[0], trip, sent, packets[sent]); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		c.disembark()
	}
	return public(err)
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
	for _, b := range m.Berths {
		s, err := from.segment(b)
		if err != nil {
			return a, nil, err
		}
		a.spaces = append(a.spaces, s)
	}
	for range m.Files {
		fd, err := from.take()
		if err != nil {
			return a, nil, err
		}
		a.files = append(a.files, fd)
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

// sendPacket reports false if the socket takes no more now.
func sendPacket(sock int, trip uint32, n, fd int) (bool, error) {
	var b [packetSize]byte
	binary.LittleEndian.PutUint32(b[:], trip)
	binary.LittleEndian.PutUint32(b[4:], uint32(n))
	for {
		switch _, err := syscall.SendmsgN(sock, b[:], syscall.UnixRights(fd), nil, noSignal); err {
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

// take takes the descriptor of the next packet.
func (p *packets) take() (int, error) {
	if err := p.find(); err != nil {
		return -1, err
	}
	p.next++
	var b [packetSize]byte
	oob := make([]byte, syscall.CmsgSpace(4))
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	_, oobn, err := recv(p.fd, b[:], oob, 0)
	if err != nil {
		return -1, os.NewSyscallError("recvmsg", err)
	}
	msgs, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(msgs) != 1 {
		return -1, errLostPacket // the limit of open files is reached
	}
	fds, err := syscall.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return -1, errLostPacket
	}
	syscall.CloseOnExec(fds[0])
	return fds[0], nil
}

// segment takes the next packet, which is for a berth in a segment.
func (p *packets) segment(b space.Berth) (*space.Space, error) {
	arriving.Lock()
	defer arriving.Unlock()
	if s, ok := space.Member(b.Segment); ok {
		if err := p.find(); err != nil {
			s.Unpin()
			return nil, err
		}
		// While the descriptor is on its way it vouches for the berth.
		err := s.Take(b)
		p.discard()
		if p.next++; err != nil {
			s.Unpin()
		}
		return s, err
	}
	fd, err := p.take()
	if err != nil {
		return nil, err
	}
	return space.Arrive(fd, b)
}

func recv(fd int, b, oob []byte, flags int) (n, oobn int, err error) {
	for {
		n, oobn, _, _, err = syscall.Recvmsg(fd, b, oob, flags)
		if err != syscall.EINTR {
			return n, oobn, err
		}
	}
}
