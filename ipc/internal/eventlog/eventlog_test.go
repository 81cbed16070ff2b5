//go:build unix

package eventlog

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func newLog(t *testing.T) (*Log, *os.File) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(); current.Store(nil) })
	l, err := Create(int(f.Fd()), "main")
	if err != nil {
		t.Fatal(err)
	}
	return l, f
}

func readAll(t *testing.T, f *os.File) *Record {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNewestEventsAreKept(t *testing.T) {
	l, f := newLog(t)
	const more = 1000
	for i := range Events + more {
		l.Add(Event{Kind: Send, First: uint32(i)})
	}
	r := readAll(t, f)
	if len(r.Events) != Events || r.Lost != more {
		t.Fatalf("%d events, %d lost", len(r.Events), r.Lost)
	}
	for i, e := range r.Events {
		if e.First != uint32(i+more) {
			t.Fatalf("event %d is %d", i, e.First)
		}
	}
}

// A writer that died in the middle costs its own event, and in each round the
// one that would take its slot.
func TestHalfWrittenEvent(t *testing.T) {
	l, f := newLog(t)
	l.Add(Event{Kind: Send, First: 1})
	dead := l.slot(2)
	dead.number.Store(2<<1 | 1)
	l.head.events.Add(1)
	for range Events {
		l.Add(Event{Kind: Send, First: 2})
	}
	r := readAll(t, f)
	if len(r.Events) != Events-1 {
		t.Errorf("%d events", len(r.Events))
	}
	if l.head.dropped.Load() != 1 || r.Lost != 3 { // and the first two
		t.Errorf("%d were dropped, %d are lost", l.head.dropped.Load(), r.Lost)
	}
}

// What a dying process had not done yet is not missing.
func TestEventThatNeverWas(t *testing.T) {
	l, f := newLog(t)
	l.Add(Event{Kind: Send})
	l.head.events.Add(1) // killed right after
	l.Add(Event{Kind: Send})
	if r := readAll(t, f); len(r.Events) != 2 || r.Lost != 0 {
		t.Errorf("%d events, %d are lost", len(r.Events), r.Lost)
	}
}

func TestFileOfAnotherProgram(t *testing.T) {
	l, f := newLog(t)
	l.Add(Event{Kind: Send, First: 5})
	current.Store(nil) // as in the other program
	defer current.Store(l)
	g, err := os.OpenFile(f.Name(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if _, err := Create(int(g.Fd()), "other"); err != errInUse {
		t.Errorf("Create: %v", err)
	}
	if r := readAll(t, f); len(r.Events) != 1 || r.Events[0].First != 5 || r.Lanes[0].Name != "main" {
		t.Errorf("the log has %+v", r)
	}
}

// A writer that was stopped for a whole round finds its slot used by a later one.
func TestLateWriter(t *testing.T) {
	l, f := newLog(t)
	l.slot(1).number.Store((Events + 1) << 1)
	l.Add(Event{Kind: Send})
	if r := readAll(t, f); l.head.dropped.Load() != 1 || len(r.Events) != 1 || r.Numbers[0] != Events+1 {
		t.Errorf("%d were dropped, there is %v", l.head.dropped.Load(), r.Numbers)
	}
}

func TestManyWriters(t *testing.T) {
	l, f := newLog(t)
	const writers, each = 8, Events / 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				l.Add(Event{Kind: Send, First: uint32(w), Count: uint32(i)})
			}
		})
	}
	wg.Wait()
	next := map[uint32]uint32{}
	for _, e := range readAll(t, f).Events {
		if e.Count != next[e.First] {
			t.Fatalf("writer %d: event %d comes where %d should", e.First, e.Count, next[e.First])
		}
		next[e.First]++
	}
	if len(next) != writers {
		t.Errorf("events of %d writers", len(next))
	}
}

func TestLanesRunOut(t *testing.T) {
	l, f := newLog(t)
	for i := range Lanes + 5 {
		n, ok := l.Reserve("child", i%2 == 0)
		if ok != (i < Lanes-1) {
			t.Fatalf("Reserve %d: %v", i, ok)
		}
		if ok {
			l.Started(n, i%3)
		}
	}
	r := readAll(t, f)
	if len(r.Lanes) != Lanes || r.Unlisted != 6 {
		t.Errorf("%d lanes, %d processes without", len(r.Lanes), r.Unlisted)
	}
	if !r.Lanes[1].Void || r.Lanes[2].Void {
		t.Error("a process that was not started is none")
	}
}

func TestReadRefusesOtherFiles(t *testing.T) {
	for _, b := range [][]byte{nil, []byte(Magic), make([]byte, Size)} {
		if _, err := Read(b); err != ErrFormat {
			t.Errorf("Read of %d bytes: %v", len(b), err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{1}, uint32(lanesAt))
	f.Add([]byte{255, 255, 255, 255}, uint32(32))
	f.Fuzz(func(t *testing.T, damage []byte, at uint32) {
		b := make([]byte, Size)
		copy(b, Magic)
		copy(b[min(int(at), Size):], damage)
		copy(b[:len(Magic)], Magic)
		if _, err := Read(b); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	l, err := Create(int(f.Fd()), "main")
	if err != nil {
		b.Fatal(err)
	}
	defer current.Store(nil)
	for b.Loop() {
		l.Add(Event{Kind: Send, First: 1, Count: 1})
	}
}
