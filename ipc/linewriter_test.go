package ipc

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"
)

func openLineWriters() int {
	lineWriters.Lock()
	defer lineWriters.Unlock()
	return len(lineWriters.of)
}

func TestLinesOfOneWriterShareIt(t *testing.T) {
	before := openLineWriters()
	var buf, other bytes.Buffer
	a, b, c := NewLines(&buf, ""), NewLines(&buf, ""), NewLines(&other, "")
	if a.to != b.to || a.to == c.to {
		t.Errorf("lines of one writer: %p and %p; of another: %p", a.to, b.to, c.to)
	}
	if n := openLineWriters() - before; n != 2 {
		t.Errorf("%d writers are open; want 2", n)
	}
	a.Close()
	a.Close()
	if d := NewLines(&buf, ""); d.to != b.to {
		t.Errorf("%p is closed, with a Lines left", b.to)
	} else {
		d.Close()
	}
	b.Close()
	c.Close()
	if n := openLineWriters() - before; n != 0 {
		t.Errorf("%d writers are still open", n)
	}
}

// A funcWriter can't be compared, nor can what has one inside.
type funcWriter func([]byte) (int, error)

func (f funcWriter) Write(b []byte) (int, error) { return f(b) }

func TestLinesOfUncomparableWriter(t *testing.T) {
	before := openLineWriters()
	var buf bytes.Buffer
	f := funcWriter(buf.Write)
	for _, w := range []io.Writer{f, struct{ io.Writer }{f}} {
		l := NewLines(w, "")
		if _, err := io.WriteString(l, "line\n"); err != nil {
			t.Errorf("Write() = %v", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	if buf.String() != "line\nline\n" || openLineWriters() != before {
		t.Errorf("came: %q; %d writers are open, %d were", buf.String(), openLineWriters(), before)
	}
}

func TestForgottenLinesAreCollected(t *testing.T) {
	before := openLineWriters()
	func() {
		for range 10 {
			NewLines(new(bytes.Buffer), "")
		}
	}()
	for end := time.Now().Add(10 * time.Second); openLineWriters() > before; runtime.Gosched() {
		runtime.GC()
		if time.Now().After(end) {
			t.Fatalf("%d writers are open; %d were", openLineWriters(), before)
		}
	}
}

func TestLinesAppearAboveTheBar(t *testing.T) {
	var buf bytes.Buffer
	l := NewLines(&buf, "a: ")
	bar := &progressLine{to: openLineWriter(&buf), width: func() int { return 13 }}
	bar.show(Progress{Done: 1, Total: 2})
	_, _ = io.WriteString(l, "line\n")
	bar.show(Progress{Done: 2, Total: 2})
	_, _ = io.WriteString(l, "line\n")
	bar.to.close()
	l.Close()
	want := "\r50% 1/2" + "\r       \ra: line\n50% 1/2" + "\r100% 2/2\n" + "a: line\n"
	if buf.String() != want {
		t.Errorf("came: %q; want %q", buf.String(), want)
	}
}
