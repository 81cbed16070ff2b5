package ipc

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// The errors of a tree travel as a list of entries, in the order in which
// errors.Is looks at them. An entry is a kind, a payload, and branches:
//
//	sentinel  the key of a registered error
//	errno     the number of a syscall.Errno
//	ours      an error of ourErrorTypes
//	typed     an error of a registered type
//	remote    a RemoteError, whose payload has its own tree
//
// The branches are, for types with fields of type error, these fields, and
// else one with what the error wraps, in case that nothing of it can be made
// from the payload. A branch is a text and a list. Errors of other types have
// no entry; those that they wrap stand in their place.
const (
	sentinel = iota + 1
	errno
	ours
	typed
	remote
)

// Bounds of a tree: its bytes, its errors, how deep they wrap each other.
const (
	maxTree       = 1 << 20
	maxErrors     = 1000
	maxErrorDepth = 50
)

var errorType = reflect.TypeFor[error]()

// ourErrorTypes are the types that nobody needs to register. They are no part
// of plans, which would let them stand in messages from the first error on.
var ourErrorTypes = sync.OnceValue(func() *codec.Compiler {
	c := new(codec.Compiler)
	for _, t := range []reflect.Type{
		reflect.TypeFor[*os.PathError](),
		reflect.TypeFor[*os.SyscallError](),
		reflect.TypeFor[*os.LinkError](),
		reflect.TypeFor[*strconv.NumError](),
		reflect.TypeFor[*ExitError](),
		reflect.TypeFor[*TaskError](),
		reflect.TypeFor[*LostTaskError](),
	} {
		_ = c.Register(t) // they are no interfaces
	}
	return c
})

// compilerOf is what knows the types of a kind, nil if there are none.
func compilerOf(kind uint64) *codec.Compiler {
	switch kind {
	case ours:
		return ourErrorTypes()
	case typed:
		return &plans
	}
	return nil
}

// An errorWriter turns the errors that a process ends with into bytes. Their
// methods may panic, and wrap each other without end.
type errorWriter struct {
	path   []error // from the outermost error to the one that is being written
	errors int     // how many more there may be
	bytes  int
}

func newErrorWriter() *errorWriter { return &errorWriter{errors: maxErrors, bytes: maxTree} }

func (w *errorWriter) list(errs []error) []byte {
	var e codec.Encoder
	for _, err := range errs {
		w.add(&e, err)
	}
	return e.Buf
}

// add appends the entry of err, or those of what it wraps.
func (w *errorWriter) add(e *codec.Encoder, err error) {
	again := slices.ContainsFunc(w.path, func(above error) bool { return same(above, err) })
	if err == nil || again || w.errors == 0 || len(w.path) == maxErrorDepth {
		return
	}
	w.errors--
	w.path = append(w.path, err)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	kind, payload, fields := w.encode(err)
	if kind == 0 {
		for _, s := range claimed(err) {
			w.add(e, s)
		}
		for _, wrapped := range unwrapped(err) {
			w.add(e, wrapped)
		}
		return
	}
	e.PutUint(kind)
	putBytes(e, payload)
	switch {
	case kind == remote:
		e.PutUint(0)
	case len(fields) > 0:
		e.PutUint(uint64(len(fields)))
		for _, field := range fields {
			putBytes(e, w.branch(field))
		}
	default:
		e.PutUint(1)
		putBytes(e, w.branch(unwrapped(err)...))
	}
}

// branch is empty if there is no error.
func (w *errorWriter) branch(errs ...error) []byte {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	var e codec.Encoder
	text := ""
	if len(errs) == 1 {
		text = textOf(errs[0])
	}
	putBytes(&e, cut(text, w.bytes))
	w.bytes -= min(w.bytes, len(text))
	e.Buf = append(e.Buf, w.list(errs)...)
	return e.Buf
}

// encode gives the kind and the payload of err, without the errors in its
// fields. The kind is 0 if err has no entry.
func (w *errorWriter) encode(err error) (kind uint64, payload []byte, fields []error) {
	defer func() {
		if recover() != nil || len(payload) > w.bytes {
			kind = 0
		}
		if kind != 0 {
			w.bytes -= len(payload)
		}
	}()
	if key, found := sentinels.key(err); found {
		return sentinel, []byte(key), nil
	}
	switch err := err.(type) {
	case syscall.Errno:
		return errno, strconv.AppendUint(nil, uint64(err), 10), nil
	case *RemoteError:
		return remote, err.append(nil, w.bytes/4), nil // the three parts fit
	}
	for _, k := range []uint64{ours, typed} {
		c := compilerOf(k)
		if !c.Registered(reflect.TypeOf(err)) {
			continue
		}
		fields, bare := split(err)
		var e codec.Encoder
		p, perr := c.Compile(errorType)
		if perr == nil {
			perr = p.Encode(&e, unsafe.Pointer(&bare))
		}
		if perr == nil {
			return k, e.Buf, fields
		}
	}
	return 0, nil, nil
}

// unwrapped is what err wraps, nothing if its Unwrap panics.
func unwrapped(err error) (errs []error) {
	defer func() {
		if recover() != nil {
			errs = nil
		}
	}()
	return mustUnwrap(err)
}

func mustUnwrap(err error) []error {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if wrapped := e.Unwrap(); wrapped != nil {
			return []error{wrapped}
		}
	case interface{ Unwrap() []error }:
		return slices.Clone(e.Unwrap())
	}
	return nil
}

// claimed are the registered errors that the Is method of err takes err for.
func claimed(err error) (errs []error) {
	defer func() { _ = recover() }()
	if e, hasIs := err.(interface{ Is(error) bool }); hasIs {
		for _, s := range sentinels.all() {
			if e.Is(s) {
				errs = append(errs, s)
			}
		}
	}
	return errs
}

// same compares errors of any types, also those that can't be.
func same(a, b error) (is bool) {
	defer func() { _ = recover() }()
	return a == b
}

// textOf is err.Error(), or something about its panic.
func textOf(err error) string { return fmt.Sprint(err) }
