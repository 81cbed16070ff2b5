//go:build unix

// Package eventlog is a log in a file that all processes of a tree have mapped:
// what one has written is there whatever becomes of it, without a system call.
//
// The layout of the file, in bytes:
//
//	0        magic (8), time of the beginning (8), number of events so far (8),
//	         events that were dropped (8), lanes in use (4), processes without
//	         one (4)
//	4096     a lane for each process, 128 each
//	135168   events, 64 each: the newest ones
//
// Times are in nanoseconds and comparable between the processes.
package eventlog

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// The sizes of the parts of the file.
const (
	Magic = "ipclog1\n"

	Lanes    = 1024
	Events   = 1 << 16
	laneSize = 128
	slotSize = 64
	lanesAt  = 4096
	eventsAt = lanesAt + Lanes*laneSize
	Size     = eventsAt + Events*slotSize
)

type header struct {
	magic    [8]byte
	begin    int64
	events   atomic.Uint64
	dropped  atomic.Uint64
	lanes    atomic.Uint32
	unlisted atomic.Uint32
}

// A lane is what the log knows of one process. Its parent writes all but ready;
// the end, too, is written by the process itself, if it comes to that.
type lane struct {
	state  atomic.Uint32
	pid    int32
	parent uint16
	daemon uint16
	code   int32
	start  int64
	ready  atomic.Int64
	end    atomic.Int64
	length uint32
	name   [80]byte
}

// The states of a lane.
const (
	laneFree = iota
	laneStarting
	laneStarted
	laneVoid // the process could not be started
)

// Kind is what an [Event] is. The file has it as a number.
type Kind uint8

const (
	Send Kind = iota + 1
	Recv
	WaitBegin
	WaitEnd
	Acquire
	Release
	Set
	Notify
	Signal
	TaskBegin
	TaskEnd
	GiveUp // all of the object that the process has acquired
)

// Why is what a process waits for.
type Why uint8

const (
	ForValue Why = iota + 1
	ForRoom
	ForLock
	ForParties
	ForEvent
	ForNotify
	ForTasks
	ForEnd
	ForTask
)

// An Event is what a process has done.
type Event struct {
	At     int64
	Object uint64 // 0 for none
	Begun  uint64 // at a WaitEnd: the number of its WaitBegin
	First  uint32 // the number of a value or a task, a signal
	Count  uint32 // of values
	Lane   uint16 // whose it is
	Peer   uint16 // the lane of another process
	Kind   Kind
	Sort   uint8 // of the object: space.Kind
	Why    Why
	Ring   uint8 // the direction of a pipe
	Failed bool
}

// A slot has the number of its event, doubled, while it is being written plus
// one: a writer that dies in between leaves a slot that nobody takes for an event.
type slot struct {
	number atomic.Uint64
	Event
}

// A Log is the log as this process has it.
type Log struct {
	fd   int
	mem  []byte
	head *header
	self uint16
	clock
}

var current atomic.Pointer[Log]

// Current is the log of this process, nil if it keeps none.
func Current() *Log { return current.Load() }

// Errors of Create.
var (
	ErrTwice = errors.New("the event log is on already")
	errInUse = errors.New("another program keeps its log in this file")
)

var creating sync.Mutex

// Create makes a log in the file behind fd, which must be open for reading and
// writing, and remains the caller's.
func Create(fd int, name string) (*Log, error) {
	creating.Lock()
	defer creating.Unlock()
	if Current() != nil {
		return nil, ErrTwice
	}
	syscall.ForkLock.RLock()
	own, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(own)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	if err := claim(own); err != nil {
		syscall.Close(own)
		return nil, err
	}
	l, err := attach(own)
	if err != nil {
		return nil, err
	}
	copy(l.head.magic[:], Magic)
	l.head.begin = l.now()
	n, _ := l.Reserve(name, false)
	l.self = uint16(n)
	l.Started(n, os.Getpid())
	l.Ready()
	current.Store(l)
	return l, nil
}

// claim clears the file, unless it is the log of a program, any process of which
// would get a SIGBUS then. The lock goes with the last descriptor that is handed
// on. Where files can't be locked, nobody can tell.
func claim(fd int) error {
	if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err == syscall.EWOULDBLOCK {
		return errInUse
	}
	return clear(fd)
}

// clear fills the file with zeros. A hole in it could be a SIGBUS later, when the
// disk is full.
func clear(fd int) error {
	if err := syscall.Ftruncate(fd, 0); err != nil {
		return os.NewSyscallError("ftruncate", err)
	}
	zero := make([]byte, 64<<10)
	for at := 0; at < Size; {
		n, err := syscall.Pwrite(fd, zero[:min(len(zero), Size-at)], int64(at))
		if err != nil && err != syscall.EINTR {
			return os.NewSyscallError("pwrite", err)
		}
		at += max(n, 0)
	}
	return nil
}

// Open is the log of a child, whose lane its parent has reserved. It owns fd.
func Open(fd, lane int) (*Log, error) {
	if lane <= 0 || lane >= Lanes {
		syscall.Close(fd)
		return nil, syscall.EINVAL
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil || st.Size != Size {
		syscall.Close(fd)
		return nil, syscall.EINVAL
	}
	l, err := attach(fd)
	if err != nil {
		return nil, err
	}
	l.self = uint16(lane)
	current.Store(l)
	return l, nil
}

func attach(fd int) (*Log, error) {
	mem, err := syscall.Mmap(fd, 0, Size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("mmap", err)
	}
	// In bounds and aligned: a mapping begins on a page.
	return &Log{fd: fd, mem: mem, head: (*header)(unsafe.Pointer(&mem[0])), clock: newClock()}, nil
}

// Fd is the descriptor to be handed on to a child. It belongs to the log.
func (l *Log) Fd() int { return l.fd }

// Self is the lane of this process.
func (l *Log) Self() int { return int(l.self) }

func (l *Log) lane(n int) *lane { return (*lane)(unsafe.Pointer(&l.mem[lanesAt+n*laneSize])) }

// Reserve has a lane ready for a process that this one is about to start. It
// reports false if there is none left.
func (l *Log) Reserve(name string, daemon bool) (n int, ok bool) {
	for {
		used := l.head.lanes.Load()
		if used >= Lanes {
			l.head.unlisted.Add(1)
			return 0, false
		}
		if l.head.lanes.CompareAndSwap(used, used+1) {
			n = int(used)
			break
		}
	}
	e := l.lane(n)
	e.parent, e.start = l.self, l.now()
	if daemon {
		e.daemon = 1
	}
	e.length = uint32(copy(e.name[:], name))
	e.state.Store(laneStarting)
	return n, true
}

// Started says that the process of a lane was started, or with pid 0 that it
// could not be.
func (l *Log) Started(n, pid int) {
	e := l.lane(n)
	if e.pid = int32(pid); pid == 0 {
		e.state.Store(laneVoid)
		return
	}
	e.state.Store(laneStarted)
}

// Ready says that this process has come to its own work.
func (l *Log) Ready() { l.lane(int(l.self)).ready.Store(l.now()) }

// Ended says that the process of a lane has ended.
func (l *Log) Ended(n, code int) {
	e := l.lane(n)
	e.code = int32(code)
	e.end.Store(l.now())
}

// slot is where the event of that number goes.
func (l *Log) slot(n uint64) *slot {
	return (*slot)(unsafe.Pointer(&l.mem[eventsAt+n%Events*slotSize]))
}

// Add writes an event of this process, and returns its number.
func (l *Log) Add(e Event) uint64 {
	e.At, e.Lane = l.now(), l.self
	n := l.head.events.Add(1)
	s := l.slot(n)
	old := s.number.Load()
	// Who is so late that the slot was used again meanwhile, or finds it half
	// written by another one, drops its event.
	if old&1 != 0 || old > n<<1 || !s.number.CompareAndSwap(old, n<<1|1) {
		l.head.dropped.Add(1)
		return n
	}
	s.Event = e
	s.number.Store(n << 1)
	return n
}
