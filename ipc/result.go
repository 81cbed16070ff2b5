package ipc

import (
	"context"
	"iter"
	"sync"
)

// A Result is the result of a task, or of a whole map, that is under way. In
// Python: AsyncResult, and concurrent.futures.Future.
type Result[R any] struct {
	done  chan struct{}
	value R
	err   error
	stop  func() bool
}

// Apply runs the function on one value, and returns the result. The error is a
// [*TaskError] if the task fails, else one as that of Map. In Python: apply.
func (p *Pool[A, R]) Apply(ctx context.Context, item A) (R, error) {
	results, err := p.Map(ctx, []A{item})
	var r R
	if len(results) > 0 {
		r = results[0]
	}
	if failed, ok := err.(TaskErrors); ok {
		err = failed[0]
	}
	return r, err
}

// ApplyAsync is Apply that does not wait. When the pool is closed, those that
// it has are done still. In Python: apply_async, and submit.
func (p *Pool[A, R]) ApplyAsync(item A) *Result[R] {
	return async(p, []A{item}, func(results []R, err error) (R, error) {
		if failed, ok := err.(TaskErrors); ok {
			err = failed[0]
		}
		return results[0], err
	})
}

// MapAsync is Map that does not wait. Items must not be changed until the result
// is there. In Python: map_async.
func (p *Pool[A, R]) MapAsync(items []A) *Result[[]R] {
	return async(p, items, func(results []R, err error) ([]R, error) { return results, err })
}

// async makes the result of a job of what becomes of it.
func async[A, R, V any](p *Pool[A, R], items []A, result func([]R, error) (V, error)) *Result[V] {
	r := &Result[V]{done: make(chan struct{})}
	m := &mapping[A, R]{crew: p.crew, items: items, results: make([]R, len(items))}
	j := newJob(m, len(items), false)
	r.stop = func() bool {
		ended := j.cancel()
		p.crew.poke()
		return ended
	}
	j.then = func() {
		r.value, r.err = result(m.finish(j))
		close(r.done)
	}
	if err := p.begin(j); err != nil {
		r.err = err
		r.stop = func() bool { return false }
		close(r.done)
	}
	return r
}

// Done is closed when the result is there, for use in a select.
func (r *Result[R]) Done() <-chan struct{} { return r.done }

func (r *Result[R]) await(ctx context.Context) error {
	if r.Ready() {
		return nil // also if ctx has ended
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready reports whether the result is there.
func (r *Result[R]) Ready() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Get waits for the result and returns it, with the error of Apply or Map. If
// ctx ends first it returns ctx.Err(), and the task goes on. In Python: get,
// and result.
func (r *Result[R]) Get(ctx context.Context) (R, error) {
	select {
	case <-r.done:
		return r.value, r.err
	default:
	}
	defer logWaitForTasks()()
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		var zero R
		return zero, ctx.Err()
	}
}

// Cancel gives the result up: its error is [ErrCancelled], unless it is there
// already. It reports whether nothing had been begun, so that nothing ever will
// be. What is under way is ended as by Timeout.
func (r *Result[R]) Cancel() bool { return r.stop() }

// AsCompleted yields each of the results when it is there, the first one first,
// each once. It ends early if ctx does: those that it has not yielded are not
// there. In Python: as_completed.
func AsCompleted[R any](ctx context.Context, results ...*Result[R]) iter.Seq[*Result[R]] {
	return func(yield func(*Result[R]) bool) {
		seen := map[*Result[R]]bool{}
		ready := make(chan *Result[R], len(results))
		stop := make(chan struct{})
		var waits sync.WaitGroup
		defer waits.Wait()
		defer close(stop)
		for _, r := range results {
			if seen[r] {
				continue
			}
			seen[r] = true
			if r.Ready() {
				ready <- r
				continue
			}
			waits.Go(func() {
				select {
				case <-r.done:
					ready <- r
				case <-stop:
				}
			})
		}
		for range seen {
			select {
			case r := <-ready:
				if !yield(r) {
					return
				}
				continue
			default:
			}
			select {
			case r := <-ready:
				if !yield(r) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}
