//go:build unix

package timeline

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/space"
)

// A forged log is written by this process in the name of others.
type forged struct {
	*os.File
	processes []*eventlog.Log
}

// forge makes a log of so many processes besides the main one.
func forge(t *testing.T, n int) *forged {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(eventlog.Size); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(eventlog.Magic); err != nil {
		t.Fatal(err)
	}
	l := &forged{File: f}
	for lane := range n {
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		p, err := eventlog.Open(fd, lane+1)
		if err != nil {
			t.Fatal(err)
		}
		l.processes = append(l.processes, p)
	}
	l.processes[0].Reserve("MainProcess", false)
	for i := range n {
		l.processes[0].Reserve(string(rune('a'+i)), false)
	}
	return l
}

func (l *forged) add(process int, e eventlog.Event) { l.processes[process-1].Add(e) }

func (l *forged) read(t *testing.T) *Log {
	t.Helper()
	log, err := Read(l)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

const object = 77 // an id

// A holder that has died ends in the log when it is reaped, which may be after
// the next one has the lock.
func TestReadLockOfTheDead(t *testing.T) {
	for _, kind := range []space.Kind{space.Lock, space.RLock, space.Value} {
		l := forge(t, 2)
		l.add(1, eventlog.Event{Kind: eventlog.Acquire, Object: object, Sort: uint8(kind)})
		l.add(1, eventlog.Event{Kind: eventlog.Acquire, Object: object, Sort: uint8(kind)})
		l.add(2, eventlog.Event{Kind: eventlog.Acquire, Object: object, Sort: uint8(kind), Failed: true})
		e := l.read(t).Events
		if len(e) != 3 || e[0].Until != e[2].At || e[1].Until != e[2].At || e[2].Until != -1 {
			t.Errorf("kind %d: two hold it at a time: %+v", kind, e)
		}
	}
}

func TestReadPermitsGivenBackByAnother(t *testing.T) {
	l := forge(t, 3)
	on := eventlog.Event{Object: object, Sort: uint8(space.Semaphore)}
	acquire, release := on, on
	acquire.Kind, release.Kind = eventlog.Acquire, eventlog.Release
	l.add(1, acquire)
	l.add(2, acquire)
	l.add(2, release) // its own
	l.add(3, release)
	e := l.read(t).Events
	if len(e) != 2 || e[0].Until < e[1].Until || e[1].Until < e[1].At {
		t.Errorf("the log has %+v", e)
	}
}

func TestReadGivenUp(t *testing.T) {
	l := forge(t, 2)
	on := eventlog.Event{Object: object, Sort: uint8(space.Semaphore)}
	acquire, giveUp := on, on
	acquire.Kind, giveUp.Kind = eventlog.Acquire, eventlog.GiveUp
	l.add(2, acquire)
	l.add(1, acquire)
	l.add(1, acquire)
	l.add(1, giveUp)
	e := l.read(t).Events
	if len(e) != 3 || e[0].Until != -1 || e[1].Until < e[2].At || e[2].Until < e[2].At {
		t.Errorf("the log has %+v", e)
	}
}

// Who dies between telling of a message and making it visible has not sent it,
// and the next one uses its numbers. The same at the other side.
func TestReadMessageOfTheDead(t *testing.T) {
	l := forge(t, 4)
	on := eventlog.Event{Object: object, Sort: uint8(space.Queue), First: 1, Count: 1}
	send, recv := on, on
	send.Kind, recv.Kind = eventlog.Send, eventlog.Recv
	many := send
	many.Count = 3
	l.add(1, many)
	l.add(2, send)
	l.add(3, recv)
	l.add(4, recv)
	log := l.read(t)
	var who []int
	for _, e := range log.Events {
		who = append(who, e.Process)
	}
	if !slices.Equal(who, []int{2, 4}) {
		t.Errorf("sent and received by %v", who)
	}
	if links := newScene(log).links; len(links) != 1 || links[0].from.process != 2 || links[0].to.process != 4 {
		t.Errorf("the links are %+v", links)
	}
}

func TestReadLongTimes(t *testing.T) {
	r := reader{Log: &Log{Events: []Event{{At: 3 * time.Second, Kind: Set}, {At: 1000 * time.Second, Kind: Set}, {At: 0, Kind: Set}}}}
	r.finish()
	if !slices.IsSortedFunc(r.Events, func(a, b Event) int { return int(a.At/time.Second) - int(b.At/time.Second) }) {
		t.Errorf("the order is %v", r.Events)
	}
}
