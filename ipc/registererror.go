package ipc

import (
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"strconv"
	"sync"
)

// RegisterError says that these errors keep their identity from process to
// process: errors.Is finds them in the [RemoteError] of a process or a task
// that returned them, or one that wraps them. They have to be registered in
// both processes, which an init function sees to:
//
//	var ErrNoRoute = errors.New("trip: no route")
//
//	func init() { ipc.RegisterError(ErrNoRoute) }
//
// The receiver finds an error by its type and its text. RegisterError panics
// if another registered error has the same, if one is nil, and if one can't
// be compared, as errors.Is would not find it. It can be called again for the
// same error, at any time, by several goroutines.
//
// These need not be registered: the errors of this package; io.EOF,
// io.ErrUnexpectedEOF, io.ErrClosedPipe, io.ErrNoProgress, io.ErrShortBuffer
// and io.ErrShortWrite; context.Canceled and context.DeadlineExceeded; the Err
// variables of package os; strconv.ErrRange and strconv.ErrSyntax;
// errors.ErrUnsupported. In Python exceptions are found by their class.
func RegisterError(errs ...error) {
	for _, err := range errs {
		if err == nil {
			panic("ipc: RegisterError: error is nil")
		}
		if !reflect.ValueOf(err).Comparable() {
			panic("ipc: RegisterError: " + reflect.TypeOf(err).String() + " can't be compared")
		}
	}
	if twin := sentinels.add(errs); twin != nil {
		panic("ipc: RegisterError: there are two errors " + keyOf(twin))
	}
}

// knownErrors need not be registered.
func knownErrors() []error {
	return []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, io.ErrNoProgress, io.ErrShortBuffer, io.ErrShortWrite,
		context.Canceled, context.DeadlineExceeded,
		os.ErrInvalid, os.ErrPermission, os.ErrExist, os.ErrNotExist, os.ErrClosed,
		os.ErrNoDeadline, os.ErrDeadlineExceeded, os.ErrProcessDone,
		strconv.ErrRange, strconv.ErrSyntax, errors.ErrUnsupported,

		ErrNoMain, ErrDepth, ErrNotStarted, ErrStarted, ErrEnding, ErrRunning, ErrNotChild, ErrRecording,
		ErrClosed, ErrWouldBlock, ErrBrokenPipe, ErrOwnerDied, ErrBrokenBarrier, ErrHandle,
		ErrNoTask, ErrTerminated, ErrNotClosed, ErrTimeout, ErrCancelled, ErrQuarantined,
	}
}

var sentinels sentinelTable

// A sentinelTable has the errors that travel by their names. The children of a
// program fill it anew when they start: so there is but a list until one of
// them fails, or is told of an error.
type sentinelTable struct {
	mu     sync.Mutex
	list   []error // that are not in the maps yet
	byKey  map[string]error
	keys   map[error]string
	sorted []error // as they were registered
}

// add returns an error that another one has the key of.
func (t *sentinelTable) add(errs []error) (twin error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, errs...)
	if isChild {
		return nil // its parent has looked
	}
	return t.fill()
}

// fill brings the maps up to date.
func (t *sentinelTable) fill() (twin error) {
	if t.byKey == nil {
		t.byKey, t.keys = map[string]error{}, map[error]string{}
		t.list = append(knownErrors(), t.list...)
	}
	for _, err := range t.list {
		key := keyOf(err)
		switch is, found := t.byKey[key]; {
		case !found:
			t.byKey[key], t.keys[err] = err, key
			t.sorted = append(t.sorted, err)
		case is != err:
			twin = err
		}
	}
	t.list = nil
	return twin
}

func (t *sentinelTable) key(err error) (key string, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fill()
	if !reflect.ValueOf(err).Comparable() {
		return "", false
	}
	key, found = t.keys[err]
	return key, found
}

// find returns nil if there is no such error.
func (t *sentinelTable) find(key string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fill()
	return t.byKey[key]
}

// all is for reading only.
func (t *sentinelTable) all() []error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fill()
	return t.sorted
}

// keyOf is the type and the text of a registered error.
func keyOf(err error) string { return reflect.TypeOf(err).String() + " " + strconv.Quote(textOf(err)) }
