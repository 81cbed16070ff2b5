package ipc

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/mpbox/mpbox/ipc/internal/space"
	"github.com/mpbox/mpbox/ipc/internal/word"
)

// Errors of starting and handling a process.
var (
	// ErrNoMain is returned by Start in a program that has called neither
	// Main nor Dispatch: its children would run the program itself again, and
	// start children of their own.
	ErrNoMain = errors.New("ipc: children can't be told from the program itself: " +
		"in main, write os.Exit(ipc.Main(run)); in a test, " +
		"func TestMain(m *testing.M) { os.Exit(ipc.Main(m.Run)) }")
	// ErrDepth is returned by Start in a process that is MaxDepth levels
	// below the main process.
	ErrDepth = errors.New("ipc: processes are nested too deeply")
	// ErrNotStarted is returned for a process that was not started.
	ErrNotStarted = errors.New("ipc: process was not started")
	// ErrStarted is returned by Start for a process that was started before.
	ErrStarted = errors.New("ipc: process was started already")
	// ErrEnding is returned by Start when Main has begun to end the program's
	// children.
	ErrEnding = errors.New("ipc: program is ending")
	// ErrRunning is returned by Close for a process that has not ended.
	ErrRunning = errors.New("ipc: process is still running")
	// ErrNotChild is returned where a process is asked for what only its
	// parent can do, such as ending it, or waiting for it from inside.
	ErrNotChild = errors.New("ipc: process is not a child of this process")
)

// Errors of operations on shared objects.
var (
	// ErrClosed is returned for what this process itself has closed.
	ErrClosed = errors.New("ipc: closed")
	// ErrWouldBlock is returned by the Try methods instead of waiting.
	ErrWouldBlock = errors.New("ipc: operation would block")
	// ErrBrokenPipe is returned by Send, and by Put when the queue is full,
	// when no process is left that could receive. In Python: BrokenPipeError.
	ErrBrokenPipe = errors.New("ipc: no receiver is left")
	// ErrOwnerDied is returned by Acquire when the last holder of the lock
	// ended without releasing it. The caller holds the lock now; what it
	// guards may be half changed.
	ErrOwnerDied = errors.New("ipc: the last holder of the lock died")
	// ErrBrokenBarrier is returned by Wait at a barrier that was aborted or
	// reset, at which a wait was given up, or one of whose holders was
	// killed or crashed.
	ErrBrokenBarrier = errors.New("ipc: barrier is broken")
	// ErrHandle is returned for a value that contains a shared object or a
	// file where it can't be passed on: to a Pool; in an interface that a pipe
	// or a queue was made for before a type with handles was registered; and,
	// for shared objects, in messages on other systems than Linux.
	ErrHandle = errors.New("ipc: a shared object or a file can't be passed on here")
)

// ErrNoTask is returned by TaskDone when all values that were put are done.
var ErrNoTask = errors.New("ipc: TaskDone was called more often than there were values")

// public gives the errors of the internal packages their public form.
func public(err error) error {
	switch err {
	case nil:
		return nil
	case space.ErrClosed:
		return ErrClosed
	case word.ErrWouldBlock:
		return ErrWouldBlock
	case word.ErrNoReader:
		return ErrBrokenPipe
	case word.ErrBroken:
		return ErrBrokenBarrier
	case space.ErrTooMany:
		return ErrNoTask
	}
	return err
}

// An ExitError tells how a process ended that did not end well. Join returns
// it for every exit code but 0.
type ExitError struct {
	Name string // of the process
	Pid  int
	Code int   // the exit code, or minus the number of the signal
	Err  error // what its target returned or panicked with, a *RemoteError; else nil

	Cause  Cause  // why it ended so
	Detail string // more of the cause, for people, such as "limit of 128 MiB"; else empty
	Stderr string // the last that it wrote to its standard error, if that was collected
	Stacks string // of its goroutines before it was killed, if they were asked for
}

// Error names the process, how it ended, and why if that is known.
func (e *ExitError) Error() string {
	s := fmt.Sprintf("ipc: process %s (pid %d) %s", e.Name, e.Pid, describeExit(e.Code))
	if why := e.why(); why != "" {
		s += ": " + why
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns e.Err.
func (e *ExitError) Unwrap() error { return e.Err }

func describeExit(code int) string {
	if code < 0 {
		return "was ended by signal " + strconv.Itoa(-code) + " (" + syscall.Signal(-code).String() + ")"
	}
	return "exited with code " + strconv.Itoa(code)
}

// A LostTaskError is what Join of a [Queue] returns when values were taken by
// processes that have ended, or closed the queue, before they called TaskDone
// for them.
type LostTaskError struct {
	Pid   int // of the last such process
	Tasks int // how many values, of all such processes together
}

// Error names the process.
func (e *LostTaskError) Error() string {
	return "ipc: " + strconv.Itoa(e.Tasks) + " values of the queue were taken and never done, the last by process " +
		strconv.Itoa(e.Pid)
}
