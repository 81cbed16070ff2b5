package ipc_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The kill table: a process dies at every place in every way, and the others
// see what the table says, which docs/death.md publishes. Then they and a
// child that is started afterwards use the object again.

// A stage is what the victim and the others share. What a place does not need
// is nil there: who holds a handle is one for whom the others may have to wait.
type stage struct {
	Lock     *ipc.Lock
	RLock    *ipc.RLock
	Cond     *ipc.Cond
	Sem      *ipc.Semaphore
	Event    *ipc.Event
	Barrier  *ipc.Barrier
	Value    *ipc.Value[block]
	Array    *ipc.Array[int]
	Conn     *ipc.Conn[[]byte]
	Sender   *ipc.Sender[[]byte]
	Receiver *ipc.Receiver[[]byte]
	Queue    *ipc.Queue[[]byte]
	Parcels  *ipc.Conn[pouch]
}

// closeBut closes what s has and other has not.
func (s stage) closeBut(other stage) {
	v, o := reflect.ValueOf(s), reflect.ValueOf(other)
	for i := range v.NumField() {
		if h := v.Field(i); !h.IsNil() && h.Interface() != o.Field(i).Interface() {
			_ = h.Interface().(io.Closer).Close()
		}
	}
}

// A place is where the victim is when it dies: a row of the table.
type place struct {
	object string // of which kind
	moment string
	mode   mode
	seen   string // by the others, as the page says it
	ways   func(way) bool

	set    func(t *testing.T) (ours, victims stage)
	victim func(ctx context.Context, s stage) error
	others func(ctx context.Context, s stage, w way) error // from before the death on
	before func(ctx context.Context, s stage) error        // when the others wait
	after  func(ctx context.Context, s stage, w way) error // once it is dead
	again  func(ctx context.Context, s stage) error        // in this process and a new one
}

// A mode is how the victim gets to its place.
type mode int

const (
	there  mode = iota // by what its function does
	asleep             // its function sleeps in a call
	moving             // its function is under way, somewhere
	unborn             // it has been started, and is killed at any moment from then on
)

func (p place) name() string { return p.object + ", " + p.moment }

var places = slices.Concat(lockPlaces, condPlaces, meetingPlaces, memoryPlaces, pipePlaces, queuePlaces, familyPlaces)

func placeNamed(name string) place {
	return places[slices.IndexFunc(places, func(p place) bool { return p.name() == name })]
}

func TestKillTable(t *testing.T) {
	for _, p := range places {
		for _, w := range ways {
			if testing.Short() && !slices.Contains(mostDifferent, w.name) {
				continue
			}
			if p.ways == nil || p.ways(w) {
				t.Run(p.name()+"/"+w.name, func(t *testing.T) { p.check(t, w) })
			}
		}
	}
}

// TestKilledAtAnyMoment kills those who are under way with something again and
// again, each time at another moment of it.
func TestKilledAtAnyMoment(t *testing.T) {
	for _, p := range places {
		for range repeats(5) {
			if p.mode == moving {
				t.Run(p.name(), func(t *testing.T) { p.check(t, outside) })
			}
		}
	}
}

// repeats is how often something is done whose outcome is a matter of luck.
func repeats(usually int) int {
	if n, err := strconv.Atoi(os.Getenv("IPC_REPEATS")); err == nil {
		return n
	}
	return usually
}

// check is a cell of the table.
func (p place) check(t *testing.T, w way) {
	ctx, giveUp := context.WithCancel(guard(t))
	defer giveUp()
	ours, theirs := p.set(t)
	c := p.raise(t, w, theirs)
	theirs.closeBut(ours)
	others := make(chan error, 1)
	if p.others == nil {
		others <- nil
	} else {
		go func() {
			err := survive(ctx, p, ours, w)
			if err != nil {
				giveUp() // what follows may wait for what it has not done
			}
			others <- err
		}()
		if p.mode != moving && !sleeps("ipc_test.survive", others) && len(others) == 0 {
			t.Error("the other one neither waits nor is done")
		}
	}
	if p.before != nil {
		if err := p.before(ctx, ours); err != nil {
			t.Errorf("before its death: %v", err)
		}
	}
	c.fall(t)
	if p.after != nil {
		if err := p.after(ctx, ours, w); err != nil {
			t.Errorf("after its death: %v", err)
		}
	}
	if err := <-others; err != nil {
		t.Errorf("another one: %v", err)
	}
	if p.again == nil || t.Failed() {
		return
	}
	if err := p.again(ctx, ours); err != nil {
		t.Errorf("again: %v", err)
	}
	next := ipc.NewProcess(successorTarget, successor{p.name(), ours})
	start(t, next)
	join(t, next)
}

// want checks the error of an operation.
func want(operation string, got, want error) error {
	if got != want {
		return fmt.Errorf("%s = %v; want %v", operation, got, want)
	}
	return nil
}

// inTurn does one thing after the other, up to the first error.
func inTurn(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
