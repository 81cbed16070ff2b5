package ipc

import (
	"errors"
	"strconv"
)

// Errors of a pool.
var (
	// ErrTerminated is what unfinished tasks end with when their pool is
	// terminated.
	ErrTerminated = errors.New("ipc: pool was terminated")
	// ErrNotClosed is returned by Join for a pool that was neither closed nor
	// terminated: its workers would never end.
	ErrNotClosed = errors.New("ipc: pool was not closed")
	// ErrTimeout is the error of a task that took longer than the Timeout of
	// its pool.
	ErrTimeout = errors.New("ipc: the task took too long")
	// ErrCancelled is the error of a Result that was cancelled.
	ErrCancelled = errors.New("ipc: the task was cancelled")
	// ErrQuarantined is the error of a task that is not tried again because it
	// has killed too many workers.
	ErrQuarantined = errors.New("ipc: the task is in quarantine: it kills its workers")
)

// A TaskError says which task of a [Pool] failed, and why. Err is a
// [*RemoteError] if the function returned an error or panicked, an [*ExitError]
// if the worker ended with the task in its hands, and anything else if an item
// or a result could not be encoded or decoded. It wraps [ErrTimeout],
// [ErrCancelled] or [ErrQuarantined] where that is the reason.
type TaskError struct {
	Index    int    // of the item in the input
	Attempts int    // how often the task was tried
	Pid      int    // of the worker that had it last, 0 if none had
	Host     string // where that was, if the pool is on several; else empty
	Cause    Cause  // why it has failed
	Stderr   string // if the worker ended: the last lines that it wrote
	Stacks   string // of the worker, before it was ended for the task
	Err      error
}

// Error names the task and the cause.
func (e *TaskError) Error() string {
	s := "ipc: task " + strconv.Itoa(e.Index)
	if e.Attempts > 1 {
		s += " (attempt " + strconv.Itoa(e.Attempts) + ")"
	}
	if e.Host != "" {
		s += " on " + e.Host
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *TaskError) Unwrap() error { return e.Err }

// TaskErrors are all tasks of a Map that failed, by ascending index.
type TaskErrors []*TaskError

// Error is that of the first task, with the number of the others.
func (e TaskErrors) Error() string {
	switch len(e) {
	case 0:
		return "ipc: no task failed"
	case 1:
		return e[0].Error()
	}
	return e[0].Error() + " (and " + strconv.Itoa(len(e)-1) + " more failed)"
}

// Unwrap returns the errors of the tasks.
func (e TaskErrors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, t := range e {
		errs[i] = t
	}
	return errs
}

// An endedError is that of a task which was made to end.
type endedError struct{ why, err error }

func (e *endedError) Error() string {
	if e.err == nil {
		return e.why.Error()
	}
	return e.why.Error() + ": " + e.err.Error()
}

func (e *endedError) Unwrap() []error { return []error{e.why, e.err} }
