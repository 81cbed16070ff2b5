package ipc

import (
	"context"
	"io"
	"slices"
)

// A Waitable is something of this package that can become ready: a [Conn], a
// [Receiver] or a [Queue], when it has a value or is at its end (io.EOF); an
// [Event], when it is set; a [Process], when it has ended.
type Waitable interface {
	// await returns nil when it is ready. It takes nothing.
	await(ctx context.Context) error
}

// Wait waits until at least one of things is ready, and returns all that are,
// in their order. It returns ctx.Err() if ctx ends first, at once for a context
// that has ended and things that are not ready, and ErrClosed or ErrNotStarted
// for one that can't become ready. Nothing is taken: others may be faster, so
// follow it with a Try method, or a context, where several wait for the same.
//
// Each of things takes a goroutine while it waits. In Python:
// multiprocessing.connection.wait.
func Wait(ctx context.Context, things ...Waitable) ([]Waitable, error) {
	for {
		ready, err := readyOf(things)
		if len(ready) > 0 || len(things) == 0 || err != nil {
			return ready, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := awaitOne(ctx, things); err != nil {
			return nil, err
		}
		// What was ready may not be any more: another one was faster.
	}
}

// readyOf are those that are ready now.
func readyOf(things []Waitable) (ready []Waitable, err error) {
	for _, w := range things {
		switch err := w.await(ended); err {
		case nil, io.EOF:
			ready = append(ready, w)
		case context.Canceled:
		default:
			return nil, err
		}
	}
	return ready, nil
}

// awaitOne returns when one of things was ready.
func awaitOne(ctx context.Context, things []Waitable) error {
	one, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(things))
	for _, w := range things {
		go func() { results <- w.await(one) }()
	}
	var errs []error
	for range things {
		errs = append(errs, <-results)
		cancel()
	}
	if slices.Contains(errs, nil) || slices.Contains(errs, io.EOF) {
		return nil
	}
	return errs[0]
}

func (e *end) await(ctx context.Context) error      { return e.poll(ctx) }
func (q *Queue[T]) await(ctx context.Context) error { return q.Poll(ctx) }

func (e *Event) await(ctx context.Context) error {
	if err := e.h.Closed(); err != nil {
		return public(err)
	}
	if ctx == ended && !e.IsSet() {
		return context.Canceled // a look, not a wait that may spin
	}
	return e.Wait(ctx)
}

func (p *Process) await(ctx context.Context) error {
	if err := p.check(); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	default:
	}
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
