//go:build unix

package eventlog

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"unsafe"
)

// A Record is what a log had at one moment.
type Record struct {
	Lanes    []Lane  // with gaps where a process could not be started
	Events   []Event // of the newest ones, by number
	Numbers  []uint64
	Lost     int // how many events there were besides
	Unlisted int
}

// A Lane is a process. Times count from the beginning of the log, and are -1 for
// what has not happened.
type Lane struct {
	Name              string
	Pid, Parent, Code int
	Void, Daemon      bool
	Start, Ready, End int64
}

// ErrFormat is what Read gives for something that is no log.
var ErrFormat = errors.New("no event log of package ipc, or one of another version")

// Read reads a log, b being its file. It may be that of a program that is
// still running.
func Read(b []byte) (*Record, error) {
	if len(b) != Size || string(b[:len(Magic)]) != Magic {
		return nil, ErrFormat
	}
	mem := make([]uint64, Size/8) // aligned, as b need not be
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&mem[0])), Size), b)
	l := &Log{mem: unsafe.Slice((*byte)(unsafe.Pointer(&mem[0])), Size), head: (*header)(unsafe.Pointer(&mem[0]))}
	r := &Record{Unlisted: int(l.head.unlisted.Load())}
	for n := range min(int(l.head.lanes.Load()), Lanes) {
		r.Lanes = append(r.Lanes, l.read(n))
	}
	l.readEvents(r)
	r.Lost = l.lost(r.Numbers)
	return r, nil
}

// lost is how many events the log had no room for, numbers being those that it
// has. One that its writer did not live to finish is not lost: what it would
// have told of had not come true, or nobody can know of it.
func (l *Log) lost(numbers []uint64) int {
	total := min(l.head.events.Load(), math.MaxInt32)
	before := max(total, Events) - Events
	missing := min(total, Events)
	for _, n := range numbers {
		if n > before && missing > 0 {
			missing--
		}
	}
	return int(before + min(missing, l.head.dropped.Load()))
}

func (l *Log) since(t int64) int64 {
	if t == 0 {
		return -1
	}
	return max(0, t-l.head.begin)
}

func (l *Log) read(n int) Lane {
	e := l.lane(n)
	state := e.state.Load()
	return Lane{
		Name:   string(e.name[:min(int(e.length), len(e.name))]),
		Pid:    int(e.pid),
		Parent: int(e.parent),
		Code:   int(e.code),
		Daemon: e.daemon != 0,
		Void:   state != laneStarting && state != laneStarted,
		Start:  l.since(e.start),
		Ready:  l.since(e.ready.Load()),
		End:    l.since(e.end.Load()),
	}
}

func (l *Log) readEvents(r *Record) {
	type numbered struct {
		number uint64
		Event
	}
	var all []numbered
	for i := range Events {
		s := (*slot)(unsafe.Pointer(&l.mem[eventsAt+i*slotSize]))
		if n := s.number.Load(); n != 0 && n&1 == 0 && int(s.Lane) < len(r.Lanes) {
			all = append(all, numbered{n >> 1, s.Event})
		}
	}
	slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	for _, e := range all {
		e.At = l.since(e.At)
		r.Events, r.Numbers = append(r.Events, e.Event), append(r.Numbers, e.number)
	}
}
