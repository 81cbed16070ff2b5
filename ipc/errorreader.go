package ipc

import (
	"reflect"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// readErrors makes errors of a list. What is damaged, or does not decode, is
// left out.
func readErrors(b []byte, depth int) (errs []error) {
	d := codec.Decoder{Buf: b}
	for depth < maxErrorDepth && len(d.Buf) > 0 {
		entry, err := takeEntry(&d)
		if err != nil {
			break
		}
		errs = append(errs, entry.errors(depth+1)...)
	}
	return errs
}

type errorEntry struct {
	kind     uint64
	payload  []byte
	branches [][]byte
}

func takeEntry(d *codec.Decoder) (e errorEntry, err error) {
	if e.kind, err = d.Uint(); err != nil {
		return e, err
	}
	if e.payload, err = takeBytes(d); err != nil {
		return e, err
	}
	n, err := d.Uint()
	for ; n > 0 && err == nil; n-- {
		var b []byte
		b, err = takeBytes(d)
		e.branches = append(e.branches, b)
	}
	return e, err
}

// errors is the error of the entry, or else those of its branches.
func (e errorEntry) errors(depth int) []error {
	var fields, wrapped []error
	for _, b := range e.branches {
		list, field := readBranch(b, depth)
		fields = append(fields, field)
		wrapped = append(wrapped, list...)
	}
	err := e.decode(fields, depth)
	switch {
	case err == nil:
		return wrapped
	case len(errorFields(reflect.TypeOf(err))) > 0 || len(unwrapped(err)) > 0:
		return []error{err} // has them already
	}
	return append([]error{err}, wrapped...)
}

// readBranch gives the errors of the branch's list, and the error that stands
// for them in a field. It is one of them if that says the same.
func readBranch(b []byte, depth int) (list []error, field error) {
	d := codec.Decoder{Buf: b}
	text, err := takeBytes(&d)
	if err != nil {
		return nil, nil
	}
	list = readErrors(d.Buf, depth)
	if len(list) == 1 && textOf(list[0]) == string(text) {
		return list, list[0]
	}
	e := &RemoteError{Msg: string(text), tree: d.Buf}
	if len(list) > 0 {
		e.unwrap = func() []error { return list }
	}
	return list, e
}

// decode gives nil for what can't be decoded, or could not be used.
func (e errorEntry) decode(fields []error, depth int) (err error) {
	defer func() {
		if recover() != nil {
			err = nil
		}
	}()
	if err = e.rebuild(fields, depth); !sound(err, 0) {
		return nil
	}
	return err
}

func (e errorEntry) rebuild(fields []error, depth int) error {
	switch e.kind {
	case sentinel:
		return sentinels.find(string(e.payload))
	case errno:
		n, err := strconv.ParseUint(string(e.payload), 10, 31)
		if err != nil {
			return nil
		}
		return syscall.Errno(n)
	case remote:
		r, err := readRemoteError(e.payload, depth)
		if err != nil {
			return nil
		}
		return r
	}
	c := compilerOf(e.kind)
	if c == nil {
		return nil
	}
	p, err := c.Compile(errorType)
	if err != nil {
		return nil
	}
	var bare error
	if err := p.Decode(&codec.Decoder{Buf: e.payload}, unsafe.Pointer(&bare)); err != nil || bare == nil {
		return nil
	}
	return join(bare, fields)
}

// sound reports whether err can be looked at without a panic or an endless
// loop. What has no state that travels may be neither.
func sound(err error, depth int) bool {
	if err == nil || depth == maxErrorDepth {
		return err == nil
	}
	if _, isRemote := err.(*RemoteError); isRemote {
		return true
	}
	_ = err.Error()
	if e, hasIs := err.(interface{ Is(error) bool }); hasIs {
		_ = e.Is(errDamaged)
	}
	for _, wrapped := range mustUnwrap(err) {
		if !sound(wrapped, depth+1) {
			return false
		}
	}
	return true
}

// fitting is as many entries of a tree as fit into limit bytes.
func fitting(tree []byte, limit int) []byte {
	if len(tree) <= limit {
		return tree
	}
	var fit []byte
	d := codec.Decoder{Buf: tree}
	for len(d.Buf) > 0 {
		rest := d.Buf
		if _, err := takeEntry(&d); err != nil {
			break
		}
		if entry := rest[:len(rest)-len(d.Buf)]; len(fit)+len(entry) <= limit {
			fit = append(fit, entry...)
		}
	}
	return fit
}
