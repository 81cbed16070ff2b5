package ipc

import (
	"io"
	"runtime"
	"slices"
	"sync"
)

// Lines is an [io.Writer] that passes on whole lines, each with a tag before
// it: with one for each child as its Stdout and Stderr, the lines of several
// children can go to one writer and be told apart. Use [NewLines] or [LinesTo];
// the zero value does not work. All goroutines of this process may use it.
//
// The line that a child was writing when it died comes without its end, and
// with a newline, when the Lines is closed.
type Lines struct {
	to      *lineWriter
	tag     string
	cleanup runtime.Cleanup

	mu     sync.Mutex
	out    []byte // whole lines, and then the one that has no end yet
	whole  int    // bytes of whole lines in out
	failed bool   // nothing more goes to the writer
	err    error  // why, until it is returned
	closed bool
}

const (
	maxLine  = 1 << 20  // of a line, before it is cut
	maxWhole = 64 << 10 // of whole lines, before they are written
)

// NewLines makes lines for w, each of which begins with tag; "" means none.
// As with [log.New], the tag is all there is between it and the line, so it
// had better end in a space.
//
// It writes no parts of lines, and several lines at once where they came at
// once. All the Lines on one w take turns to write to it, so that w need not
// be safe for several goroutines. They know it by ==: of a w that can't be
// compared, such as a func, give them a pointer.
//
// The caller must close it, after the end of the processes that write to it.
func NewLines(w io.Writer, tag string) *Lines {
	l := &Lines{to: openLineWriter(w), tag: tag}
	// Else what is forgotten would keep w in memory.
	l.cleanup = runtime.AddCleanup(l, (*lineWriter).close, l.to)
	return l
}

// LinesTo makes lines that f gets, each without its newline, one after the
// other. It is for the lines of a child that go to a log.
//
// The caller must close it, after the end of the processes that write to it.
func LinesTo(f func(line string)) *Lines {
	return NewLines(&lineFunc{f}, "")
}

// Write passes on the lines that end in b, and keeps the rest for the next
// Write. Lines of more than 1 MiB are cut into several. A carriage return is
// part of the line.
//
// When the writer fails, Write returns its error once; after that it drops
// what it gets, for a child must not have to wait for a writer that is gone.
// It returns ErrClosed after Close.
func (l *Lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, ErrClosed
	}
	for rest := b; len(rest) > 0 && !l.failed; {
		i := slices.Index(rest, '\n')
		if i < 0 {
			l.add(rest)
			break
		}
		l.add(rest[:i])
		l.endLine()
		rest = rest[i+1:]
	}
	l.flush()
	if err := l.takeErr(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close writes what is there of a last line, with its tag and a newline. It returns the
// writer's error, if no Write did. It does not close the writer, and can be
// called again.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	if len(l.out) > l.whole {
		l.endLine()
	}
	l.flush()
	l.closed, l.out = true, nil
	l.cleanup.Stop()
	l.to.close()
	return l.takeErr()
}

// add adds b, which has no newline, to the last line.
func (l *Lines) add(b []byte) {
	for len(b) > 0 {
		l.beginLine()
		n := min(len(b), l.whole+len(l.tag)+maxLine-len(l.out))
		l.out = append(l.out, b[:n]...)
		if b = b[n:]; len(b) > 0 {
			l.endLine()
		}
	}
}

func (l *Lines) beginLine() {
	if len(l.out) == l.whole {
		l.out = append(l.out, l.tag...)
	}
}

func (l *Lines) endLine() {
	l.beginLine()
	l.out = append(l.out, '\n')
	l.whole = len(l.out)
	if l.whole >= maxWhole {
		l.flush()
	}
}

// flush writes the whole lines.
func (l *Lines) flush() {
	if l.whole == 0 {
		return
	}
	if !l.failed {
		l.err = l.to.write(l.out[:l.whole])
		l.failed = l.err != nil
	}
	l.out, l.whole = l.out[:copy(l.out, l.out[l.whole:])], 0
}

// takeErr returns an error that was not returned yet.
func (l *Lines) takeErr() error {
	err := l.err
	l.err = nil
	return err
}

// A lineFunc calls f with each line of what is written, which is whole lines.
type lineFunc struct{ f func(string) }

func (w *lineFunc) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		i := slices.Index(rest, '\n')
		w.f(string(rest[:i]))
		rest = rest[i+1:]
	}
	return len(b), nil
}
