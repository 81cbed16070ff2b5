package ipc

import (
	"bytes"
	"encoding/binary"
	"os"
	"reflect"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/space"
)

// Any bytes on the lifeline give an error or a bootstrap, and take no more
// memory than they account for.
func FuzzBootstrap(f *testing.F) {
	b := bootstrap{Target: "t", Name: "n", Identity: []int{1, 2}, Seats: []seat{{1, 2}}, Files: 3, Args: []byte("args")}
	frame, err := appendFrame(nil, bootstrapPlan(), unsafe.Pointer(&b))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame)
	f.Add(frame[:len(frame)-1])
	f.Add(binary.LittleEndian.AppendUint64(nil, maxFrame))
	f.Add(binary.LittleEndian.AppendUint64(nil, 1<<63))
	f.Add([]byte{9, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 127})
	f.Fuzz(func(t *testing.T, in []byte) {
		var before, after runtime.MemStats
		var b bootstrap
		runtime.ReadMemStats(&before)
		err := readFrame(bytes.NewReader(in), bootstrapPlan(), unsafe.Pointer(&b))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(1<<20+len(in)*100) {
			t.Errorf("a frame of %d bytes takes %d bytes of memory", len(in), n)
		}
		if want := len(in) - 8; err == nil && (want < 0 || binary.LittleEndian.Uint64(in) > uint64(want)) {
			t.Errorf("%d bytes are taken for a frame of more", len(in))
		}
	})
}

type wildArgs struct {
	Lock   *Lock
	Sender *Sender[int]
	Queue  *Queue[string]
	File   *os.File
}

var wildPlan = registeredPlan[wildArgs]("wild")

// close closes what was handed over.
func (a *wildArgs) close() {
	for _, t := range []traveler{a.Lock, a.Sender, a.Queue} {
		if v := reflect.ValueOf(t); !v.IsNil() && t.held() != nil {
			t.held().Close()
		}
	}
	a.File.Close()
}

// wildSpace is a segment with an object for each field, that nobody has open yet.
func wildSpace(t testing.TB) (*space.Space, []space.Object) {
	t.Helper()
	s, err := space.NewSized(1 << 17)
	if err != nil {
		t.Fatal(err)
	}
	var all []space.Object
	for _, sh := range []space.Shape{
		{Kind: space.Lock, Maps: 1},
		{Kind: space.Pipe, Maps: 2, Rings: 1, RingSize: 4096},
		{Kind: space.Queue, Maps: space.QueueMaps, Rings: 1, RingSize: 4096, Data: space.QueueData},
	} {
		o, err := s.Alloc(sh)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return s, all
}

// wildSeed is what is sent of such a segment's objects, and a file.
func wildSeed(f *testing.F) []byte {
	s, all := wildSpace(f)
	defer s.Unpin()
	a := wildArgs{new(Lock), new(Sender[int]), new(Queue[string]), os.Stdin}
	a.Lock.adopt(all[0].Open(0))
	a.Sender.adopt(all[1].Open(0))
	a.Queue.adopt(all[2].Open(0))
	c := new(cargo)
	e := codec.Encoder{Context: c}
	if err := wildPlan().Encode(&e, unsafe.Pointer(&a)); err != nil {
		f.Fatal(err)
	}
	c.unload()
	a.File = nil // it stays open
	a.close()
	return e.Buf
}

// wildFile is a file to come along, and a function that reports whether it is
// closed.
func wildFile(t *testing.T) (fd int, closed func() bool) {
	t.Helper()
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(p[0]) })
	if err := syscall.SetNonblock(p[0], true); err != nil {
		t.Fatal(err)
	}
	return p[1], func() bool { n, err := syscall.Read(p[0], make([]byte, 1)); return n == 0 && err == nil }
}

// Any bytes for the arguments of a child give an error or arguments, and each
// file that came is handed over or closed.
func FuzzArguments(f *testing.F) {
	seed := wildSeed(f)
	f.Add(uint8(3), seed)
	f.Add(uint8(2), seed)
	f.Add(uint8(0), []byte{0, 0, 0, 0})
	f.Add(uint8(2), []byte{0, 0, 0, 1, 2, 'f', 'd'})
	f.Add(uint8(3), []byte("\x01\x01\x80\xa0\x02\x01\x00\x02\x00"))
	n := 0
	f.Fuzz(func(t *testing.T, came uint8, in []byte) {
		a, closed := new(arrival), func() bool { return true }
		if came&1 != 0 {
			s, _ := wildSpace(t)
			defer s.Unpin()
			a.spaces = []*space.Space{s}
		}
		if came&2 != 0 {
			var fd int
			fd, closed = wildFile(t)
			a.files = []int{fd}
		}
		var args wildArgs
		err := wildPlan().Decode(&codec.Decoder{Buf: in, Context: a}, unsafe.Pointer(&args))
		a.done()
		args.close()
		if !closed() {
			t.Errorf("Decode() = %v, and a file is left open", err)
		}
		if n++; n%64 == 0 {
			runtime.GC() // the memory of a closed lock goes with it
		}
	})
}

// Any message, and any packets beside it, give an error or an arrival, and
// what was on its way is closed.
func FuzzDisembark(f *testing.F) {
	message := func(m manifest) []byte {
		e := codec.Encoder{Buf: make([]byte, manifestAt)}
		if err := manifestPlan().Encode(&e, unsafe.Pointer(&m)); err != nil {
			f.Fatal(err)
		}
		binary.LittleEndian.PutUint32(e.Buf[4:], uint32(len(e.Buf)-manifestAt))
		return append(e.Buf, "body"...)
	}
	berth := []space.Berth{{Segment: 1, Slot: 2, Gen: 3}}
	f.Add(message(manifest{}), uint32(0), uint8(0), []byte{})
	f.Add(message(manifest{Files: 1}), uint32(0), uint8(0), []byte{})
	f.Add(message(manifest{Files: -1}), ^uint32(0), uint8(0), []byte{1})
	f.Add(message(manifest{Berths: berth}), uint32(0), uint8(0), []byte{})
	f.Add(message(manifest{Berths: berth, Files: 1})[:9], uint32(0), uint8(1), []byte{})
	f.Fuzz(func(t *testing.T, msg []byte, trip uint32, number uint8, stray []byte) {
		// A hang is a failure with all stacks.
		hang := time.AfterFunc(20*time.Second, func() { panic("disembark hangs") })
		defer hang.Stop()
		s, all := wildSpace(t)
		defer s.Unpin()
		h := all[2].Open(0)
		defer h.Close()
		if err := newSocks(mustPlan[*os.File]("wild"), h, h); err != nil {
			t.Fatal(err)
		}
		fd, closed := wildFile(t)
		if ok, err := (packet{int(number), []int{fd}}).send(h.Socks()[0], trip); !ok || err != nil {
			t.Fatal(ok, err)
		}
		syscall.Close(fd)
		_, _ = syscall.Write(h.Socks()[0], stray)
		a, body, err := disembark(h, msg)
		if a == nil || err == nil && len(body) > len(msg) {
			t.Errorf("disembark() = %v, %d bytes, %v", a, len(body), err)
		}
		a.done()
		h.Close() // with what is in its sockets
		if !closed() {
			t.Errorf("disembark() = %v, and a file is left open", err)
		}
	})
}

func TestPipeOfAnotherKindIsRefused(t *testing.T) {
	s, err := space.New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Unpin()
	r, w, err := oneWay[int](s.Alloc)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	decodeEnd := func(h *space.Handle, plan *codec.Plan, to unsafe.Pointer) error {
		off, gen, role := h.Address()
		var e codec.Encoder
		for _, n := range []uint64{1, uint64(space.Pipe), uint64(off), uint64(gen), uint64(role), 0} {
			e.PutUint(n)
		}
		return plan.Decode(&codec.Decoder{Buf: e.Buf, Context: &arrival{spaces: []*space.Space{s}}}, to)
	}
	var c *Conn[int]
	var from *Receiver[int]
	var to *Sender[int]
	for name, wrong := range map[string]error{
		"Conn of a receiver":   decodeEnd(r.h, mustPlan[*Conn[int]]("test"), unsafe.Pointer(&c)),
		"Receiver of a sender": decodeEnd(w.h, mustPlan[*Receiver[int]]("test"), unsafe.Pointer(&from)),
		"Sender of a receiver": decodeEnd(r.h, mustPlan[*Sender[int]]("test"), unsafe.Pointer(&to)),
	} {
		if wrong == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := decodeEnd(r.h, mustPlan[*Receiver[int]]("test"), unsafe.Pointer(&from)); err != nil {
		t.Error(err)
	}
}
