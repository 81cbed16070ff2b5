package ipc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// A SetupFunc prepares the workers of a pool: it opens what all tasks of a
// worker use, and closes it at the end. Like a Target it is made in a
// package-level variable. The zero value does not work.
type SetupFunc[C, S any] struct{ entry *setupEntry }

// A Setup is a SetupFunc with the value that it is given. The zero value is
// none.
type Setup struct {
	entry  *setupEntry
	encode func(e *codec.Encoder) error
	direct beginFunc // without encoding
}

// A beginFunc sets a worker up. End may be nil.
type beginFunc func(ctx context.Context) (state any, end func(context.Context) error, err error)

type setupEntry struct {
	name   string
	decode func(d *codec.Decoder) (beginFunc, error)
	begin  any // func(C) beginFunc
}

var setups = map[string]*setupEntry{}

// NewSetup makes a SetupFunc of two functions. Begin runs in each worker before
// its first task, and what it returns is there for the tasks as [State]. End, if
// it is not nil, runs when the worker ends in good order: when the pool is
// closed, or the worker replaced; not when it is killed. An error of begin
// counts as a worker that can't be started. NewSetup panics if begin or C won't
// do, as NewTarget does; C may contain shared objects. In Python: initializer
// and initargs.
func NewSetup[C, S any](begin func(context.Context, C) (S, error), end func(context.Context, S) error) SetupFunc[C, S] {
	name := funcName(begin)
	plan := registeredPlan[C](name)
	if setups[name] != nil {
		panic("ipc: " + name + " is a setup already")
	}
	bind := func(c C) beginFunc {
		return func(ctx context.Context) (any, func(context.Context) error, error) {
			s, err := begin(ctx, c)
			if err != nil || end == nil {
				return s, nil, err
			}
			return s, func(ctx context.Context) error { return end(ctx, s) }, nil
		}
	}
	e := &setupEntry{name: name, begin: bind, decode: func(d *codec.Decoder) (beginFunc, error) {
		var c C
		if err := plan().Decode(d, unsafe.Pointer(&c)); err != nil {
			return nil, fmt.Errorf("ipc: argument of %s: %w", name, err)
		}
		return bind(c), nil
	}}
	setups[name] = e
	return SetupFunc[C, S]{e}
}

// With is the setup that gives c, which each start of a worker copies, to the
// function.
func (f SetupFunc[C, S]) With(c C) Setup {
	if f.entry == nil {
		panic("ipc: zero SetupFunc")
	}
	plan := mustPlan[C](f.entry.name)
	return Setup{
		entry:  f.entry,
		encode: func(e *codec.Encoder) error { return plan.Encode(e, unsafe.Pointer(&c)) },
		direct: f.entry.begin.(func(C) beginFunc)(c),
	}
}

type stateKey struct{}

// State is what the setup of the pool has returned in this worker. The context
// is the task's, or one made from it. It panics if there was no setup, or one
// that returns another type.
func State[S any](ctx context.Context) S {
	s, ok := ctx.Value(stateKey{}).(S)
	if !ok {
		panic(fmt.Sprintf("ipc: the pool has no Setup that returns a %T", s))
	}
	return s
}

// encodeWorker encodes what a worker is given: its ends, with their length,
// and the setup's value.
func encodeWorker(e *codec.Encoder, ends *workerEnds, setup Setup) error {
	at := len(e.Buf)
	e.Buf = append(e.Buf, make([]byte, 8)...)
	if err := mustPlan[workerEnds]("worker").Encode(e, unsafe.Pointer(ends)); err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(e.Buf[at:], uint64(len(e.Buf)-at-8))
	if setup.entry == nil {
		return nil
	}
	return setup.encode(e)
}

func decodeWorker(d *codec.Decoder) (ends workerEnds, config *codec.Decoder, err error) {
	if len(d.Buf) < 8 || binary.LittleEndian.Uint64(d.Buf) > uint64(len(d.Buf)-8) {
		return ends, nil, errors.New("ipc: a worker's arguments are damaged")
	}
	n := 8 + int(binary.LittleEndian.Uint64(d.Buf))
	err = mustPlan[workerEnds]("worker").Decode(&codec.Decoder{Buf: d.Buf[8:n], Context: d.Context}, unsafe.Pointer(&ends))
	return ends, &codec.Decoder{Buf: d.Buf[n:], Context: d.Context}, err
}

// A workFunc does tasks until the pool closes the pipe.
type workFunc func(ctx context.Context, ends workerEnds, o *orders) error

// runWorker is the life of a worker process.
func runWorker(ctx context.Context, d *codec.Decoder, work workFunc) error {
	// A terminal sends Ctrl-C to every process of its group. What becomes of
	// the tasks is for the parent to decide. It is caught, not ignored: the
	// programs that tasks start would inherit that.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	ends, config, err := decodeWorker(d)
	if err != nil {
		return err
	}
	ends.quiet()
	o := newOrders(ctx, ends.Board)
	onCancelTask(o.cancelTask)
	var begin beginFunc
	if ends.Setup != "" {
		begin = func(ctx context.Context) (any, func(context.Context) error, error) {
			e := setups[ends.Setup]
			if e == nil {
				return nil, nil, errors.New("ipc: no setup " + ends.Setup + " in this executable")
			}
			begin, err := e.decode(config)
			if err != nil {
				return nil, nil, err
			}
			return begin(ctx)
		}
	}
	return setUp(ctx, ends, begin, o, work)
}

// setUp sets a worker up, has it work, and tears it down. Begin may be nil.
func setUp(ctx context.Context, ends workerEnds, begin beginFunc, o *orders, work workFunc) error {
	report := draft{board: ends.Board, to: ends.Results}
	var end func(context.Context) error
	if begin != nil {
		report.send(batchHead{what: sentHere}, nil)
		failed := guarded(func() (err error) {
			var state any
			if state, end, err = begin(ctx); err == nil {
				o.setState(state)
			}
			return err
		})
		if failed != nil {
			report.send(batchHead{what: sentBroken}, failed.append(nil, maxTree))
			return report.err
		}
	}
	report.send(batchHead{what: sentReady}, nil)
	err := work(ctx, ends, o)
	if err == nil && end != nil {
		err = end(ctx)
	}
	return err
}
