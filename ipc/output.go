package ipc

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// output carries what a child writes to writers that are no files.
type output struct {
	ours   []*os.File // read ends
	childs []*os.File // write ends, until the child has them
	to     []io.Writer
	copies sync.WaitGroup
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

// copy copies until the end of r. When the child has ended first, a process
// that it started holds the pipe: what is in it then is all that counts.
func (o *output) copy(w io.Writer, r *os.File) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		w = pass(w, buf[:n])
		if err != nil {
			break
		}
	}
	_ = r.SetReadDeadline(time.Time{})
	for left := maxPipe; left > 0; {
		n := readNow(r, buf)
		if n <= 0 {
			return
		}
		w = pass(w, buf[:n])
		left -= n
	}
}

// maxPipe is the most that a pipe can hold.
const maxPipe = 1 << 20

// pass writes b to w, and returns nil for a writer that fails: it must not
// block the child.
func pass(w io.Writer, b []byte) io.Writer {
	if w == nil || len(b) == 0 {
		return w
	}
	if _, err := w.Write(b); err != nil {
		return nil
	}
	return w
}

// readNow reads what is there, without waiting.
func readNow(r *os.File, buf []byte) (n int) {
	conn, err := r.SyscallConn()
	if err != nil {
		return 0
	}
	err = conn.Read(func(fd uintptr) bool {
		for {
			n, err = syscall.Read(int(fd), buf)
			if err != syscall.EINTR {
				return true
			}
		}
	})
	if err != nil {
		return 0
	}
	return n
}

// childEnded ends the reads that wait.
func (o *output) childEnded() {
	for _, r := range o.ours {
		_ = r.SetReadDeadline(time.Unix(1, 0))
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
