package ipc_test

import (
	"context"
	"errors"
	"os"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

type try struct {
	Queue *ipc.Queue[[]byte]
	Tried *ipc.Sender[string]
	Hold  *ipc.Receiver[bool]
}

// Run tries to get once, and stays.
func (a try) Run(ctx context.Context) error {
	result := "a value"
	if _, err := a.Queue.TryGet(); err != nil {
		result = err.Error()
	}
	if err := a.Tried.Send(ctx, result); err != nil {
		return err
	}
	_, err := a.Hold.Recv(ctx)
	return err
}

var tryTarget = ipc.TargetOf[try]()

// TryGet would take the parts that are there, and nobody could use the rest.
func TestTryGetDoesNotTearLongValue(t *testing.T) {
	ctx := guard(t)
	q := newQueue[[]byte](t, 0)
	tried, ts := channel[string](t)
	hold, release := channel[bool](t)
	put := make(chan error, 1)
	go func() { put <- q.Put(ctx, make([]byte, 2*longMessage)) }()
	if err := q.Poll(ctx); err != nil { // its beginning is there
		t.Fatal(err)
	}
	p := ipc.NewProcess(tryTarget, try{q, ts, hold})
	start(t, p)
	if got, want := ok(tried.Recv(ctx))(t), ipc.ErrWouldBlock.Error(); got != want {
		t.Fatalf("TryGet() = %s; want %s", got, want)
	}
	if b, err := q.Get(ctx); len(b) != 2*longMessage || err != nil {
		t.Errorf("Get() = %d bytes, %v", len(b), err)
	}
	if err := <-put; err != nil {
		t.Errorf("Put() = %v", err)
	}
	if err := release.Send(ctx, true); err != nil {
		t.Error(err)
	}
	join(t, p)
}

type making struct {
	Back *ipc.Sender[*ipc.Queue[*os.File]]
	Hold *ipc.Receiver[bool]
}

// Run makes a queue in a segment of its own, and stays.
func (m making) Run(ctx context.Context) error {
	q, err := ipc.NewQueue[*os.File](1)
	if err != nil {
		return err
	}
	if err := m.Back.Send(ctx, q); err != nil {
		return err
	}
	_, err = m.Hold.Recv(ctx)
	return err
}

type putting struct {
	In    *ipc.Receiver[*ipc.Queue[*os.File]]
	Ready *ipc.Sender[bool]
}

// Run waits for room in a queue that came in a message.
func (a putting) Run(ctx context.Context) error {
	q, err := a.In.Recv(ctx)
	if err != nil {
		return err
	}
	f, err := os.Open(os.DevNull)
	return errors.Join(err, q.Put(ctx, f), a.Ready.Send(ctx, true), q.Put(ctx, f))
}

var (
	makingTarget  = ipc.TargetOf[making]()
	puttingTarget = ipc.TargetOf[putting]()
)

// No parent of the killed process clears up a segment that came in a message:
// TryPut itself has to see that the holder of the put lock is dead.
func TestTryPutAfterDeathOfPutter(t *testing.T) { // ROB-13, KF-25
	ctx := guard(t)
	needMessages(t)
	back, bs := channel[*ipc.Queue[*os.File]](t)
	hold, release := channel[bool](t)
	maker := ipc.NewProcess(makingTarget, making{bs, hold})
	start(t, maker)
	q := ok(back.Recv(ctx))(t)
	defer q.Close()
	in, to := channel[*ipc.Queue[*os.File]](t)
	ready, rs := channel[bool](t)
	p := ipc.NewProcess(puttingTarget, putting{in, rs})
	start(t, p)
	if err := to.Send(ctx, q); err != nil {
		t.Fatal(err)
	}
	ok(ready.Recv(ctx))(t)
	time.Sleep(20 * time.Millisecond) // most likely it waits for room then
	_ = p.Kill()
	_ = p.Join(ctx)
	ok(q.TryGet())(t).Close()
	f := null(t)
	until(func() bool { return q.TryPut(f) == nil },
		func() { t.Errorf("TryPut() into a queue of %d = %v", q.Len(), q.TryPut(f)) })
	if err := release.Send(ctx, true); err != nil {
		t.Error(err)
	}
	join(t, maker)
}

// stamped is a string that says what has been done to it.
type stamped string

func (s stamped) MarshalBinary() ([]byte, error) { return []byte(s + " sent"), nil }

func (s *stamped) UnmarshalBinary(b []byte) error {
	*s = stamped(b) + " received"
	return nil
}

// roundTrip lets v go each way that values go.
func roundTrip[T any](t *testing.T, v, want T) {
	t.Helper()
	ctx := t.Context()
	r, s := channel[T](t)
	q := newQueue[T](t, 0)
	if err := errors.Join(s.Send(ctx, v), s.Send(ctx, v), q.Put(ctx, v), q.TryPut(v)); err != nil {
		t.Fatal(err)
	}
	if n, err := q.PutMany(ctx, []T{v, v, v}); n != 3 || err != nil {
		t.Errorf("PutMany() = %d, %v", n, err)
	}
	got := make([]T, 7)
	got[0] = ok(r.Recv(ctx))(t)
	if err := r.RecvInto(ctx, &got[1]); err != nil {
		t.Error(err)
	}
	got[2], got[3] = ok(q.Get(ctx))(t), ok(q.TryGet())(t)
	for n := 4; n < len(got); {
		n += ok(q.GetMany(ctx, got[n:]))(t)
	}
	for i, v := range got {
		if !reflect.DeepEqual(v, want) {
			t.Errorf("%T, way %d: %#v; want %#v", v, i, v, want)
		}
	}
}

// goes is roundTrip for a value that arrives as it is.
func goes[T any](t *testing.T, v T) {
	t.Helper()
	roundTrip(t, v, v)
}

// Strings are shorter than slices in memory: to treat them alike would read
// and write behind the last of many, which -race reports.
func TestTypesGoEachWay(t *testing.T) { // QUE-26
	guard(t)
	goes(t, "")
	goes(t, "abc")
	goes(t, []string{"a", "", "abc"})
	goes(t, []string(nil))
	goes(t, []byte(nil))
	goes(t, []byte{})
	goes(t, []int64(nil))
	goes(t, []int64{1, 2, 3})
	goes(t, []bool{true, false})
	goes(t, struct{}{})
	goes(t, [][0]int{{}, {}})
	goes(t, []struct{}(nil))
	goes(t, map[string]int{})
	goes(t, map[string]int(nil))
	goes(t, []time.Time{time.Unix(1, 2).UTC()})
	goes(t, make([]uint32, 30000))
	goes(t, struct {
		A string
		B []uint64
	}{"x", make([]uint64, 5000)})
	roundTrip(t, stamped("a"), "a sent received")
	roundTrip(t, []stamped{"a", "b"}, []stamped{"a sent received", "b sent received"})
}

// The collector does not know how much memory a closed array keeps mapped, and
// would let them pile up.
func TestClosedArraysDoNotPileUp(t *testing.T) { // KF-52
	guard(t)
	collected := func() (lingering int) {
		runtime.GC()
		_, lingering, _ = ipc.Usage()
		return lingering
	}
	const arrays, most = 12, 4
	before := collected()
	until(func() bool { last := before; before = collected(); return before == last }, func() {})
	for range arrays {
		ok(ipc.NewArray[byte](33 << 20))(t).Close() // each has a segment of its own
	}
	lingering := 0
	until(func() bool {
		_, lingering, _ = ipc.Usage()
		return lingering-before <= most
	}, func() { t.Errorf("of %d closed arrays the memory of %d is still mapped", arrays, lingering-before) })
	// What goes later would change the census of the next test.
	until(func() bool { return collected() <= before }, func() { t.Error("some stay mapped") })
}

// null is a file to send, of which nothing is wanted.
func null(t *testing.T) *os.File {
	t.Helper()
	f := ok(os.Open(os.DevNull))(t)
	t.Cleanup(func() { f.Close() })
	return f
}
