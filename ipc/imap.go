package ipc

import (
	"context"
	"errors"
	"iter"
	"math"
	"sync"
	"time"
	"unsafe"
)

// Imap runs the function on what in yields, and yields the results in that
// order, each as soon as it and those before it are there. The error of a task
// that has failed is a [*TaskError]; the results go on behind it. Any other
// error, as of Map, is the last thing that it yields.
//
// In is called on a goroutine of its own, and no more than Window values ahead
// of the results that were taken: it may be endless. When the loop over the
// results is left, in is asked for no more, the tasks under way are ended as by
// Timeout, and both are waited for, an input that waits for something itself
// no longer than Grace. In Python: imap.
func (p *Pool[A, R]) Imap(ctx context.Context, in iter.Seq[A]) iter.Seq2[R, error] {
	return p.ImapFrom(ctx, certain(in))
}

// ImapUnordered is as Imap, but yields each result as soon as it is there. In
// Python: imap_unordered.
func (p *Pool[A, R]) ImapUnordered(ctx context.Context, in iter.Seq[A]) iter.Seq2[R, error] {
	return p.stream(ctx, certain(in), false)
}

// ImapFrom is as Imap for an input that may fail: the first error in it is
// yielded behind the results of what came before it, and is the end.
func (p *Pool[A, R]) ImapFrom(ctx context.Context, in iter.Seq2[A, error]) iter.Seq2[R, error] {
	return p.stream(ctx, in, true)
}

// certain is in without errors.
func certain[A any](in iter.Seq[A]) iter.Seq2[A, error] {
	return func(yield func(A, error) bool) {
		for a := range in {
			if !yield(a, nil) {
				return
			}
		}
	}
}

func (p *Pool[A, R]) stream(ctx context.Context, in iter.Seq2[A, error], ordered bool) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var zero R
		if err := ctx.Err(); err != nil {
			yield(zero, err)
			return
		}
		f := &flow[A, R]{crew: p.crew, ordered: ordered, window: p.Window}
		f.changed = sync.NewCond(&f.mu)
		f.job = newJob(f, 0, true)
		f.job.then = f.over
		if err := p.begin(f.job); err != nil {
			yield(zero, err)
			return
		}
		defer context.AfterFunc(ctx, func() { f.stop(ctx.Err()) })()
		fed := make(chan struct{})
		go func() {
			defer close(fed)
			f.feed(in)
		}()
		defer func() {
			f.stop(ErrCancelled)
			<-f.job.done
			select {
			case <-fed:
			case <-time.After(p.crew.grace): // in waits for something of its own
			}
			f.job.repanic()
		}()
		f.drain(yield)
	}
}

// A flow is the load of an Imap.
type flow[A, R any] struct {
	crew    *crew
	job     *job
	ordered bool
	window  int // 0: by the time that tasks take

	mu      sync.Mutex
	changed *sync.Cond
	base    int             // the number of the first of tasks
	tasks   []passing[A, R] // replaced, and not moved, when the first ones are done with
	ready   []int           // those that are there and were not taken; in any order
	next    int             // in order: the first that was not taken
	taken   int             // how many were
	end     error           // what the input has ended with
	ended   bool            // the job has
}

// passing is a task from its input on until its result is taken.
type passing[A, R any] struct {
	item   A
	result R
	err    error
	there  bool
	taken  bool
}

// feed takes the input, as far ahead as the window lets it.
func (f *flow[A, R]) feed(in iter.Seq2[A, error]) {
	defer f.job.seal()
	defer func() {
		if v := recover(); v != nil {
			f.job.panics(v)
		}
	}()
	for a, err := range in {
		f.mu.Lock()
		if f.end = err; err == nil {
			f.tasks = append(f.tasks, passing[A, R]{item: a})
		}
		f.mu.Unlock()
		if err != nil || f.job.stopped() != nil {
			return
		}
		f.job.add(1)
		f.awaitRoom()
	}
}

// awaitRoom waits until the input may be asked for the next value.
func (f *flow[A, R]) awaitRoom() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.ended && f.job.stopped() == nil && f.base+len(f.tasks)-f.taken >= f.ahead() {
		f.changed.Wait()
	}
}

// ahead is how many tasks there may be whose results were not taken.
func (f *flow[A, R]) ahead() int {
	if f.window > 0 {
		return f.window
	}
	return f.crew.ahead()
}

// over is told that the job has ended.
func (f *flow[A, R]) over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.changed.Broadcast()
}

// stop ends the job, and all waits for it.
func (f *flow[A, R]) stop(why error) {
	f.job.stop(why)
	f.mu.Lock()
	f.changed.Broadcast()
	f.mu.Unlock()
	f.crew.poke()
}

// drain yields results up to the end.
func (f *flow[A, R]) drain(yield func(R, error) bool) {
	var some []passing[A, R]
	for {
		var end bool
		if some, end = f.take(some[:0]); end {
			break
		}
		for i := range some {
			if !yield(some[i].result, some[i].err) {
				return
			}
		}
		clear(some)
	}
	var zero R
	if err := f.job.stopped(); err != nil {
		if !errors.Is(err, errPanicked) {
			yield(zero, err)
		}
	} else if f.end != nil {
		yield(zero, f.end)
	}
}

// take appends the results that are there to some, and waits for the first one.
// It reports the end, if there is none to come.
func (f *flow[A, R]) take(some []passing[A, R]) (_ []passing[A, R], end bool) {
	most := math.MaxInt
	if f.window > 0 {
		most = 1 // others are not taken before this one was looked at
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		for len(some) < most {
			n, there := f.following()
			if !there {
				break
			}
			some = append(some, f.pick(n))
		}
		if len(some) > 0 {
			f.forget()
			f.changed.Broadcast()
			return some, false
		}
		if f.ended || f.job.stopped() != nil {
			return some, true
		}
		f.changed.Wait()
	}
}

// following is the task whose result is to be taken next, if it is there.
func (f *flow[A, R]) following() (n int, there bool) {
	if !f.ordered {
		if len(f.ready) == 0 {
			return 0, false
		}
		n, f.ready = f.ready[0], f.ready[1:]
		return n, true
	}
	if i := f.next - f.base; i == len(f.tasks) || !f.tasks[i].there {
		return 0, false
	}
	f.next++
	return f.next - 1, true
}

// pick takes the result of task n.
func (f *flow[A, R]) pick(n int) passing[A, R] {
	t := &f.tasks[n-f.base]
	p := *t
	*t = passing[A, R]{taken: true}
	f.taken++
	return p
}

// forget frees the memory of the first tasks, if that is worth the while.
func (f *flow[A, R]) forget() {
	const few = 64
	n := 0
	for n < len(f.tasks) && f.tasks[n].taken {
		n++
	}
	if n > few && n > len(f.tasks)/2 || n == len(f.tasks) {
		f.tasks = append([]passing[A, R](nil), f.tasks[n:]...)
		f.base += n
	}
}

// from are the tasks from number i on, of which the caller has the first.
func (f *flow[A, R]) from(i int) []passing[A, R] {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tasks[i-f.base:]
}

func (f *flow[A, R]) encode(b []byte, i, n int) ([]byte, int, error) {
	tasks := f.from(i)
	for k := range n {
		if k > 0 && len(b) >= maxAhead {
			return b, k, nil
		}
		var err error
		if b, err = f.crew.args.append(b, unsafe.Pointer(&tasks[k].item)); err != nil {
			return b, k, err
		}
	}
	return b, n, nil
}

func (f *flow[A, R]) keep(b []byte, i, n int) (int, error) {
	results := make([]R, n)
	done, err := decodeResults(f.crew.results, b, results)
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range done {
		f.put(i+k, results[k], nil)
	}
	return done, err
}

func (f *flow[A, R]) fail(e *TaskError, _ bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.job.stopped() != nil { // most likely it failed of that, which is the end
		f.changed.Broadcast()
		return
	}
	var zero R
	f.put(e.Index, zero, e)
}

// put notes the result of task n. The caller holds mu.
func (f *flow[A, R]) put(n int, result R, err error) {
	t := &f.tasks[n-f.base]
	t.result, t.err, t.there = result, err, true
	if !f.ordered {
		f.ready = append(f.ready, n)
	}
	f.changed.Broadcast()
}
