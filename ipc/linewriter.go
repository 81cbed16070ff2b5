package ipc

import (
	"io"
	"reflect"
	"slices"
	"sync"
)

// A lineWriter is a writer that several write whole lines to.
type lineWriter struct {
	users int // guarded by lineWriters

	mu  sync.Mutex
	w   io.Writer
	bar string // what stands in the last line of a terminal, see ShowProgress
}

// lineWriters are those in use, by their writers: who made a Lines can't know
// of the others on its writer.
var lineWriters struct {
	sync.Mutex
	of map[io.Writer]*lineWriter
}

// openLineWriter returns the one lineWriter of w. Each needs a close.
func openLineWriter(w io.Writer) *lineWriter {
	if !reflect.ValueOf(w).Comparable() {
		return &lineWriter{w: w, users: 1}
	}
	lineWriters.Lock()
	defer lineWriters.Unlock()
	lw := lineWriters.of[w]
	if lw == nil {
		if lineWriters.of == nil {
			lineWriters.of = make(map[io.Writer]*lineWriter)
		}
		lw = &lineWriter{w: w}
		lineWriters.of[w] = lw
	}
	lw.users++
	return lw
}

func (w *lineWriter) close() {
	lineWriters.Lock()
	defer lineWriters.Unlock()
	if w.users--; w.users == 0 && reflect.ValueOf(w.w).Comparable() {
		delete(lineWriters.of, w.w)
	}
}

// write writes b, above the bar if there is one.
func (w *lineWriter) write(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bar != "" {
		b = slices.Concat(cleared("", len(w.bar)), b, []byte(w.bar))
	}
	return w.writeAll(b)
}

// draw makes line the bar. A last bar stays where it is.
func (w *lineWriter) draw(line string, last bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := cleared(line, len(w.bar))
	w.bar = line
	if last {
		w.bar, b = "", append(b, '\n')
	}
	return w.writeAll(b)
}

func (w *lineWriter) writeAll(b []byte) error {
	n, err := w.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// cleared is what puts line into the place of another of n bytes. Blanks can
// do that on every terminal.
func cleared(line string, n int) []byte {
	b := append([]byte{'\r'}, line...)
	for len(b) < n+1 {
		b = append(b, ' ')
	}
	if line == "" {
		b = append(b, '\r')
	}
	return b
}
