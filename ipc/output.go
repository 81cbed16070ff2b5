package ipc

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// outputDelay is for how long the end of a child is kept back for output that
// is not complete, because a process that the child started holds its pipe.
const outputDelay = 100 * time.Millisecond

// output carries what a child writes to writers that are no files.
type output struct {
	ours   []*os.File // read ends
	childs []*os.File // write ends, until the child has them
	copies sync.WaitGroup
	to     []io.Writer
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
		o.copies.Go(func() {
			_, _ = io.Copy(o.to[i], r)
			// A writer that fails must not block the child.
			_, _ = io.Copy(io.Discard, r)
		})
	}
}

// wait waits for the copies after the child has ended.
func (o *output) wait() {
	if len(o.ours) == 0 {
		return
	}
	late := time.AfterFunc(outputDelay, o.close)
	defer late.Stop()
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
