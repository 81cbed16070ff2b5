package ipc

import "context"

// TaskDone says that the work on a value which this process has taken is
// done, for those who wait in Join. It returns ErrNoTask if it is called more
// often than values were put, and ErrClosed. A process may also call it for a
// value that another one took. In Python: JoinableQueue.task_done.
func (q *Queue[T]) TaskDone() error {
	if err := q.h.Enter(); err != nil {
		return public(err)
	}
	defer q.h.Exit()
	return public(q.h.Tasks().Done())
}

// Join waits until TaskDone was called once for each value that was put: all
// were taken, and the work on them is done. It returns ctx.Err() if ctx ends
// first, and ErrClosed.
//
// A value that was taken by a process that ended, or closed the queue, before
// it called TaskDone will never be done. It is counted as finished, and Join
// returns a [*LostTaskError], now and from then on. In Python:
// JoinableQueue.join, which waits for ever then.
func (q *Queue[T]) Join(ctx context.Context) error {
	if err := q.h.Enter(); err != nil {
		return public(err)
	}
	defer q.h.Exit()
	lost, pid, err := q.h.Tasks().Wait(ctx)
	switch {
	case err != nil:
		return public(err)
	case lost > 0:
		return &LostTaskError{Pid: pid, Tasks: lost}
	}
	return nil
}
