package ipc_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// picky is a value that travels unless its text forbids it.
type picky struct{ V string }

func (p picky) MarshalBinary() ([]byte, error) {
	switch p.V {
	case "not encoded":
		return nil, errors.New("picky refuses")
	case "panic when encoded":
		panic("picky refuses")
	}
	return []byte(p.V), nil
}

func (p *picky) UnmarshalBinary(b []byte) error {
	switch p.V = string(b); p.V {
	case "not decoded":
		return errors.New("picky refuses")
	case "panic when decoded":
		panic("picky refuses")
	}
	return nil
}

// strip returns what comes after "result ", as a result that the item alone
// does not show.
func strip(_ context.Context, p picky) (picky, error) {
	return picky{strings.TrimPrefix(p.V, "result ")}, nil
}

var stripFunc = ipc.NewFunc(strip)

func TestPoolKeepsWorkerWhenValuesCanNotTravel(t *testing.T) { // KF-05, KF-06, POOL-06, POOL-27, ROB-05
	ctx := guard(t)
	pool := ipc.NewPool(stripFunc, 1)
	pool.ChunkSize = 4
	ok(pool.Map(ctx, []picky{{"a"}}))(t)
	worker := ipc.ActiveChildren()[0]
	for _, v := range []string{
		"not encoded", // here
		"not decoded", // by the worker
		"panic when decoded",
		"result not encoded", // by the worker
		"result panic when encoded",
		"result not decoded", // here
	} {
		_, err := pool.Map(ctx, []picky{{"a"}, {"b"}, {v}, {"d"}, {"e"}})
		te, isTask := errors.AsType[*ipc.TaskError](err)
		if !isTask || te.Index != 2 || !strings.Contains(err.Error(), "picky refuses") {
			t.Errorf("%s: Map() = %v", v, err)
		}
	}
	if got, err := pool.Map(ctx, []picky{{"x"}}); err != nil || got[0].V != "x" || !worker.IsAlive() {
		t.Errorf("the next Map() = %v, %v; the worker: %v", got, err, worker)
	}
	finish(t, pool)
}

// A method of a value may panic here as well. The caller of Map can recover,
// as no other goroutine runs such methods.
func TestPoolPanicsInMapOnly(t *testing.T) {
	ctx := guard(t)
	pool := ipc.NewPool(stripFunc, 1)
	for _, v := range []string{"panic when encoded", "result panic when decoded"} {
		func() {
			defer func() {
				if r := recover(); r != "picky refuses" {
					t.Errorf("%s: recovered %v", v, r)
				}
			}()
			_, err := pool.Map(ctx, []picky{{v}})
			t.Errorf("%s: Map() = %v", v, err)
		}()
	}
	ok(pool.Map(ctx, []picky{{"a"}}))(t)
	finish(t, pool)
}

// slow is a value whose encoding takes until it is told to end.
type slow struct{ begun, end chan struct{} }

func (s slow) MarshalBinary() ([]byte, error) {
	close(s.begun)
	<-s.end
	return nil, nil
}

func (*slow) UnmarshalBinary([]byte) error { return nil }

func ignore(context.Context, slow) (int, error) { return 0, nil }

var ignoreFunc = ipc.NewFunc(ignore)

// The items are the caller's again when Map returns: a slot that still read
// them would race with it, and for a map crash the program.
func TestPoolMapReturnsWhenItemsAreNotRead(t *testing.T) { // ROB-26
	guard(t)
	for _, how := range []string{"cancel", "terminate"} {
		ctx, cancel := context.WithCancel(context.Background())
		pool := ipc.NewPool(ignoreFunc, 1)
		item := slow{make(chan struct{}), make(chan struct{})}
		var err error
		wait := mustBlock(t, "Map", func() { _, err = pool.Map(ctx, []slow{item}) })
		<-item.begun
		want := context.Canceled
		if how == "terminate" {
			want = ipc.ErrTerminated
			pool.Terminate()
		} else {
			cancel()
		}
		wait = mustBlock(t, "Map while an item is encoded", wait)
		close(item.end)
		wait()
		// With the item encoded, a worker may yet be asked and answer.
		if err != nil && err != want {
			t.Errorf("%s: Map() = %v", how, err)
		}
		cancel()
		pool.Terminate()
		if err := pool.Join(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
