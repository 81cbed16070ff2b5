package ipc

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// outputDelay is for how long an ended child's pipe may be silent before it is
// given up: a process that the child started may hold it for ever.
const outputDelay = 100 * time.Millisecond

// output carries what a child writes to writers that are no files.
type output struct {
	ours   []*os.File // read ends
	childs []*os.File // write ends, until the child has them
	to     []io.Writer
	copies sync.WaitGroup
	ended  atomic.Bool // the child
}

// open gives the descriptor for a child's stream: w's if it is a file, the
// write end of a new pipe if it is another writer, that of inherit if it is
// nil, and null's if that is closed.
func (o *output) open(w io.Writer, inherit, null *os.File) (uintptr, error) {
	if w == nil {
		w = inherit
	}
	if f, ok := w.(*os.File); ok {
		fd := f.Fd()
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0); errno != 0 {
			fd = null.Fd()
		}
		return fd, nil
	}
	r, child, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	o.ours = append(o.ours, r)
	o.childs = append(o.childs, child)
	o.to = append(o.to, w)
	return child.Fd(), nil
}

// started closes the child's ends here and begins to copy.
func (o *output) started() {
	for _, f := range o.childs {
		f.Close()
	}
	o.childs = nil
	for i, r := range o.ours {
		o.copies.Go(func() { o.copy(o.to[i], r) })
	}
}

// copy copies until the end of r, or until r is silent after the child's end.
func (o *output) copy(w io.Writer, r *os.File) {
	buf := make([]byte, 32<<10)
	for {
		if o.ended.Load() {
			_ = r.SetReadDeadline(time.Now().Add(outputDelay))
		}
		n, err := r.Read(buf)
		if n > 0 && w != nil {
			if _, werr := w.Write(buf[:n]); werr != nil {
				w = nil // a writer that fails must not block the child
			}
		}
		if err != nil {
			return
		}
	}
}

// childEnded begins the wait for silence.
func (o *output) childEnded() {
	o.ended.Store(true)
	for _, r := range o.ours {
		_ = r.SetReadDeadline(time.Now().Add(outputDelay))
	}
}

// wait waits for the copies after the child has ended.
func (o *output) wait() {
	o.copies.Wait()
	o.close()
}

func (o *output) close() {
	for _, f := range append(o.ours, o.childs...) {
		f.Close()
	}
}

func sameWriter(a, b io.Writer) (same bool) {
	defer func() { _ = recover() }() // types that can't be compared are not the same
	return a != nil && a == b
}
