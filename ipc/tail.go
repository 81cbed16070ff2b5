package ipc

import (
	"io"
	"sync"
)

// tail collects what a failed process said last: from the first line that
// looks like the start of a crash on, tailStart bytes with a few lines of what
// came before it, and then the last tailEnd bytes. All goroutines may use it.
type tail struct {
	mu    sync.Mutex
	begin []byte // of the line that is being written
	long  bool   // that line is longer than any beginning that matters
	start []byte // from the fatal line on, nil if there was none
	end   []byte // what did not go to start, at most 2*tailEnd
	gap   bool   // something was dropped before end

	out  sync.Mutex
	next io.Writer // gets all that is written; nil after it failed
}

const (
	tailBefore = 512
	tailStart  = 4 << 10
	tailEnd    = 2 << 10
	tailPrefix = 16 // enough of a line to tell if it is fatal
)

// newTail returns a tail that passes everything on to next, if that isn't nil.
func newTail(next io.Writer) *tail { return &tail{next: next} }

// Write collects b. It never fails: when next does, it gets nothing more.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.collect(b)
	t.mu.Unlock()
	t.out.Lock()
	defer t.out.Unlock()
	t.next = pass(t.next, b)
	return len(b), nil
}

// String returns what is there now. Where something was left out is a line of
// three dots, unless nothing comes before it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	end, gap := t.end, t.gap
	if len(end) > tailEnd {
		end, gap = end[len(end)-tailEnd:], true
	}
	if gap {
		end = wholeLines(end)
	}
	if gap && len(t.start) > 0 {
		return string(t.start) + "\n...\n" + string(end)
	}
	return string(t.start) + string(end)
}

func (t *tail) collect(b []byte) {
	from := 0 // what is before it was kept
	for i, c := range b {
		if c == '\n' {
			t.begin, t.long = t.begin[:0], false
			continue
		}
		if t.long {
			continue
		}
		t.begin = append(t.begin, c)
		t.long = len(t.begin) == tailPrefix
		if c == ' ' && fatalPrefix(string(t.begin)) {
			t.keep(b[from : i+1])
			t.fatalLine()
			t.long, from = true, i+1
		}
	}
	t.keep(b[from:])
}

// fatalPrefix tells whether s is how the first line of a crash of a Go program
// begins, up to its first ": ".
func fatalPrefix(s string) bool {
	switch s {
	case "panic: ", "fatal error: ", "runtime: ":
		return true
	}
	if len(s) < len("SIGX: ") || s[:3] != "SIG" || s[len(s)-2:] != ": " {
		return false
	}
	for _, c := range []byte(s[3 : len(s)-2]) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// fatalLine makes the line that has begun the first of the start, after some
// of what was kept before it: there is what C code has to say about its crash.
// When a start is full, a second crash replaces the first, which the process
// survived; but not SIGQUIT, which stops the other threads as Go crashes.
func (t *tail) fatalLine() {
	n := len(t.end) - len(t.begin)
	if len(t.start) > 0 && (n < 0 || string(t.begin) == "SIGQUIT: ") {
		return
	}
	before := t.end[:n]
	if len(before) > tailBefore {
		before = wholeLines(before[len(before)-tailBefore:])
	}
	t.start = append(make([]byte, 0, tailBefore+tailStart), before...)
	t.start = append(t.start, t.begin...)
	t.end, t.gap = t.end[:0], false
}

// keep adds b to the start as long as there is room, and then to the end.
func (t *tail) keep(b []byte) {
	if t.start != nil {
		n := min(len(b), tailBefore+tailStart-len(t.start))
		t.start = append(t.start, b[:n]...)
		b = b[n:]
	}
	if len(b) > 2*tailEnd {
		b, t.end, t.gap = b[len(b)-2*tailEnd:], t.end[:0], true
	}
	if over := len(t.end) + len(b) - 2*tailEnd; over > 0 {
		over = max(over, len(t.end)-tailEnd)
		t.end, t.gap = t.end[:copy(t.end, t.end[over:])], true
	}
	t.end = append(t.end, b...)
}

// wholeLines returns b without the rest of a line at its beginning.
func wholeLines(b []byte) []byte {
	for i, c := range b {
		if c == '\n' && i+1 < len(b) {
			return b[i+1:]
		}
	}
	return b
}
