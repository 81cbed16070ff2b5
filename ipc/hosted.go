package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/engine"
)

// A hosted crew does the tasks of a pool of another machine.
type hosted struct{ crew *crew }

// NewHostCrew makes a crew of up to that many workers from what the Spec of a
// pool of another process says. The writers get the lines of workers if the pool
// wants them. It is for package ipc/cluster.
func NewHostCrew(b []byte, workers int, stdout, stderr io.Writer) (engine.Crew, error) {
	var sp spec
	if err := decode(mustPlan[spec]("pool"), b, unsafe.Pointer(&sp)); err != nil {
		return nil, err
	}
	entry := entries[sp.Func]
	if entry == nil || entry.strips == nil {
		return nil, fmt.Errorf("ipc: no function %s in this executable", sp.Func)
	}
	args, results := entry.strips()
	c := newCrew(entry, workers, args, results)
	c.options = options{
		chunk: sp.Chunk, lifetime: sp.Lifetime, idleTime: sp.IdleTime, timeout: sp.Timeout, grace: sp.Grace,
		recycle: sp.Recycle, limits: sp.Limits, policy: policy{deaths: poolDeaths},
	}
	if sp.Stdout {
		c.stdout = stdout
	}
	if sp.Stderr {
		c.stderr = stderr
	}
	if sp.Setup != "" {
		e := setups[sp.Setup]
		if e == nil {
			return nil, errors.New("ipc: no setup " + sp.Setup + " in this executable")
		}
		c.setup = Setup{entry: e, encode: func(to *codec.Encoder) error {
			to.Buf = append(to.Buf, sp.Config...)
			return nil
		}}
	}
	return &hosted{c}, nil
}

func (h *hosted) Do(items []byte, first, n int, done func(report []byte)) engine.Run {
	r := &run{crew: h.crew, items: items}
	r.job = newJob(r, n, false)
	if err := r.index(n); err != nil {
		done(r.report(err))
		return r
	}
	r.job.base = first
	r.job.then = func() { done(r.report(r.job.stopped())) }
	if err := h.crew.submit(r.job); err != nil {
		done(r.report(err))
	}
	return r
}

// Stop is part of engine.Run.
func (r *run) Stop() { r.job.cancel() }

func (h *hosted) EndStopped() { h.crew.poke() }

func (h *hosted) Pace() float64          { return math.Float64frombits(h.crew.pace.Load()) }
func (h *hosted) Ended() <-chan struct{} { return h.crew.ended }
func (h *hosted) Close()                 { h.crew.close() }

func (h *hosted) Terminate() {
	h.crew.close()
	h.crew.stopAll(ErrTerminated)
	h.crew.killAll()
}

func (h *hosted) Insights() []byte {
	in := h.crew.insights()
	var e codec.Encoder
	if err := mustPlan[Insights]("insights").Encode(&e, unsafe.Pointer(&in)); err != nil {
		return nil
	}
	return e.Buf
}

// A run is the load of a hosted job: items that came, and results that go, as
// they are.
type run struct {
	crew  *crew
	job   *job
	items []byte
	ends  []int // of the items, if they are not plain

	mu    sync.Mutex
	parts []part
	told  int // how many of them Part has reported
}

// index finds where the n items end.
func (r *run) index(n int) error {
	s := r.crew.args
	if s.plain {
		if len(r.items) != n*s.size {
			return errBatch
		}
		return nil
	}
	rest := r.items
	for range n {
		var err error
		if _, rest, err = s.next(rest); err != nil {
			return err
		}
		r.ends = append(r.ends, len(r.items)-len(rest))
	}
	if len(rest) > 0 {
		return errBatch
	}
	return nil
}

// start is where item i begins.
func (r *run) start(i int) int {
	switch s := r.crew.args; {
	case s.plain:
		return i * s.size
	case i == 0:
		return 0
	}
	return r.ends[i-1]
}

func (r *run) encode(b []byte, i, n int) ([]byte, int, error) {
	done := 0
	for done < n && (done == 0 || len(b) < maxAhead) {
		b = append(b, r.items[r.start(i+done):r.start(i+done+1)]...)
		done++
	}
	return b, done, nil
}

func (r *run) keep(b []byte, i, n int) (int, error) {
	rest, err := r.crew.results.skip(b, n)
	if err != nil {
		return 0, nil // the worker is told to have sent what is no batch
	}
	r.add(part{index: i, n: n, what: sentResults, body: slices.Clone(b[:len(b)-len(rest)])})
	return n, nil
}

func (r *run) fail(e *TaskError, lost bool) {
	index := e.Index
	e.Index = 0 // what it is in its own pool is not known here
	r.add(part{index: index, n: 1, what: sentFailed, lost: lost, body: newRemoteError(e).append(nil, maxTree)})
}

func (r *run) add(p part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, p)
}

// report is what has become of the run, which has ended early for a reason or
// without one.
func (r *run) report(why error) []byte {
	if why != nil && why != ErrCancelled && why != ErrTerminated && why != ErrClosed {
		r.add(part{what: sentBroken, body: newRemoteError(why).append(nil, maxTree)})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.write(r.parts)
}

// Part is part of engine.Run.
func (r *run) Part() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told == len(r.parts) {
		return nil
	}
	b := r.write(r.parts[r.told:])
	r.told = len(r.parts)
	return b
}

// write makes a report.
func (r *run) write(parts []part) []byte {
	size := reportHeader
	for _, p := range parts {
		size += partHeader + len(p.body)
	}
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, size), r.crew.pace.Load())
	for _, p := range parts {
		b = p.append(b)
	}
	return b
}
