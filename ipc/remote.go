package ipc

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// A RemoteError is an error or a panic of another process: its text, and what
// could travel of the error itself, so that [errors.Is] and [errors.As] find
// it. These travel, also when they are wrapped, joined, or the value of a
// panic:
//
//   - the errors that [RegisterError] was given, and those of this package and
//     of the standard library that it names: errors.Is finds them;
//   - errors of the types that [Register] was given, [syscall.Errno],
//     [*fs.PathError], [*os.SyscallError], [*os.LinkError],
//     [*strconv.NumError], and the types of this package: errors.As finds a
//     copy. A field of type error keeps what could travel of its error, and
//     the text of the rest as a *RemoteError.
//
// Of others only the text travels, and the errors that they wrap: errors.As
// does not find them. What their Is method says of registered errors holds
// here too. An error that can't be encoded or decoded, or is too large, is
// like one of an unknown type.
//
// In Python: multiprocessing.pool.RemoteTraceback, and the exception that has
// it as its cause.
type RemoteError struct {
	Msg   string
	Stack string // of a panic; else empty

	tree   []byte         // what travels of the error, as errorWriter makes it
	unwrap func() []error // the errors of tree, which are decoded when they are asked for
}

// Error returns the message, without the stack.
func (e *RemoteError) Error() string { return e.Msg }

// Unwrap returns what has travelled of the error. Where errors wrap each
// other, these are the outermost ones that could travel.
func (e *RemoteError) Unwrap() []error {
	if e.unwrap == nil {
		return nil
	}
	return slices.Clone(e.unwrap())
}

// MarshalBinary and UnmarshalBinary let a RemoteError go from process to
// process. At most 1 MiB of the text, of the stack, and of the errors is kept.
func (e *RemoteError) MarshalBinary() ([]byte, error) { return e.append(nil, maxTree), nil }

// UnmarshalBinary is described with MarshalBinary.
func (e *RemoteError) UnmarshalBinary(b []byte) error {
	r, err := readRemoteError(slices.Clone(b), 0)
	if err != nil {
		return err
	}
	*e = *r
	return nil
}

var errDamaged = errors.New("ipc: the report of an error is damaged")

// newRemoteError makes err ready to travel. It runs the methods of err: what
// they do wrong costs their part, but a panic of its Error method goes on.
func newRemoteError(err error) *RemoteError {
	return makeRemoteError(err.Error(), "", newErrorWriter().list([]error{err}), 0)
}

// newRemotePanic is newRemoteError for a panic, from the goroutine that has it.
func newRemotePanic(v any) *RemoteError {
	var tree []byte
	if err, isError := v.(error); isError {
		tree = newErrorWriter().list([]error{err})
	}
	return makeRemoteError(fmt.Sprint("panic: ", v), stack(), tree, 0)
}

func makeRemoteError(msg, stack string, tree []byte, depth int) *RemoteError {
	e := &RemoteError{Msg: msg, Stack: stack}
	if len(tree) > 0 {
		// The methods of users' types are not for the goroutine that receives.
		e.tree, e.unwrap = tree, sync.OnceValue(func() []error { return readErrors(tree, depth) })
	}
	return e
}

// append appends e to b, no more than limit bytes of each of its parts, and
// some bytes besides.
func (e *RemoteError) append(b []byte, limit int) []byte {
	to := codec.Encoder{Buf: b}
	putBytes(&to, cut(e.Msg, limit))
	putBytes(&to, cut(e.Stack, limit))
	putBytes(&to, fitting(e.tree, limit))
	return to.Buf
}

// parseRemoteError makes an error of any bytes, which are those of append if
// nothing is wrong. It keeps nothing of b.
func parseRemoteError(b []byte) *RemoteError {
	e := new(RemoteError)
	if err := e.UnmarshalBinary(b); err != nil {
		e.Msg = err.Error()
	}
	return e
}

// readRemoteError keeps b. It is depth errors below the one that has come.
func readRemoteError(b []byte, depth int) (*RemoteError, error) {
	from := codec.Decoder{Buf: b}
	var parts [3][]byte
	for i := range parts {
		var err error
		if parts[i], err = takeBytes(&from); err != nil {
			return nil, errDamaged
		}
	}
	if len(from.Buf) > 0 {
		return nil, errDamaged
	}
	return makeRemoteError(string(parts[0]), string(parts[1]), parts[2], depth), nil
}

// cut bounds a text.
func cut(s string, limit int) string {
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}

// putBytes appends b with its length before it.
func putBytes[B []byte | string](e *codec.Encoder, b B) {
	e.PutUint(uint64(len(b)))
	e.Buf = append(e.Buf, b...)
}

// takeBytes takes what putBytes has put, which stays where it lies.
func takeBytes(d *codec.Decoder) ([]byte, error) {
	n, err := d.Uint()
	if err != nil {
		return nil, err
	}
	return d.Bytes(int(min(n, uint64(len(d.Buf))+1)))
}
