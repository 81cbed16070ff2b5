package ipc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// numbered is lines of 16 bytes.
func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %10d\n", i)
	}
	return b.String()
}

func TestTailKeepsTheCrash(t *testing.T) {
	spam, trace := numbered(0, 10_000), numbered(20_000, 30_000)
	quiet := func(s string) string { return "no crash\n" + s }
	for _, tt := range []struct {
		name, in    string
		begin, end  string // of what is kept
		with, loses string
	}{
		{"nothing", "", "", "", "", "line"},
		{"short", "a\nb", "a\nb", "a\nb", "", "..."},
		{"long", spam, numbered(10_000-128, 10_000)[16:], spam[len(spam)-1024:], "", "..."},
		{"only a panic", "panic: no\n\ngoroutine 1\n", "panic: no\n\ngoroutine 1\n", "1\n", "", "..."},
		{"panic after much", spam + "panic: no\n" + trace, numbered(10_000-31, 10_000), trace[len(trace)-2032:],
			"\npanic: no\n" + trace[:4000], numbered(9000, 9001)},
		{"fatal error", spam + "fatal error: no\n" + trace, "", trace[len(trace)-2032:], "\nfatal error: no\nline", ""},
		{"runtime", spam + "runtime: no\n" + trace, "", trace[len(trace)-2032:], "\nruntime: no\nline", ""},
		{"signal", spam + "free(): no\nSIGABRT: abort\n" + trace, "", "", "\nfree(): no\nSIGABRT: abort\nline", ""},
		{"the first is kept", "panic: 1\nfatal error: 2\n" + trace, "panic: 1\nfatal error: 2\n", "", "", ""},
		{"a later one", "panic: 1\n" + trace + "SIGSEGV: 2\n" + trace, "line", "", "\nSIGSEGV: 2\nline", "panic: 1"},
		{"other threads", "SIGABRT: 1\n" + trace + "SIGQUIT: quit\n" + trace, "SIGABRT: 1\n", "", "\n...\n", "SIGQUIT"},
		{"inside a line", quiet("a panic: no\n") + spam, "line", "", "", "panic"},
		{"no blank", quiet("panic:no\nSIGNAL\n") + spam, "line", "", "", "panic"},
		{"no signal", quiet("SIGns: no\nSIG: no\n") + spam, "line", "", "", "SIG"},
		{"a long line", strings.Repeat("x", 10_000), strings.Repeat("x", 2048), "x", "", "..."},
	} {
		for _, size := range []int{1, 7, 4097, 1 << 20} {
			t.Run(fmt.Sprint(tt.name, " by ", size), func(t *testing.T) {
				c := newTail(nil)
				for in := []byte(tt.in); len(in) > 0; in = in[min(size, len(in)):] {
					if n, err := c.Write(in[:min(size, len(in))]); err != nil || n != min(size, len(in)) {
						t.Fatalf("Write() = %d, %v", n, err)
					}
				}
				got := c.String()
				if !strings.HasPrefix(got, tt.begin) || !strings.HasSuffix(got, tt.end) || !strings.Contains(got, tt.with) {
					t.Errorf("kept %q; want %.50q, %.50q, %.50q", got, tt.begin, tt.with, tt.end)
				}
				if tt.loses != "" && strings.Contains(got, tt.loses) {
					t.Errorf("kept %q; want no %q", got, tt.loses)
				}
				if limit := tailBefore + tailStart + tailEnd + len("\n...\n"); len(got) > limit {
					t.Errorf("kept %d bytes; want %d at most", len(got), limit)
				}
			})
		}
	}
}

// A failingWriter fails after some bytes.
type failingWriter struct {
	bytes.Buffer
	room  int
	calls int
}

var errFull = errors.New("full")

func (w *failingWriter) Write(b []byte) (int, error) {
	w.calls++
	if w.Len()+len(b) > w.room {
		return 0, errFull
	}
	return w.Buffer.Write(b)
}

func TestTailPassesOn(t *testing.T) {
	next := &failingWriter{room: 10}
	c := newTail(next)
	for _, s := range []string{"12345", "67890", "abc", "d"} {
		if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
			t.Errorf("Write(%q) = %d, %v", s, n, err)
		}
	}
	if got := next.String(); got != "1234567890" || next.calls != 3 {
		t.Errorf("%q was passed on, in %d calls; want 10 digits, and no call after the error", got, next.calls)
	}
	if got := c.String(); got != "1234567890abcd" {
		t.Errorf("kept %q", got)
	}
}

func TestTailOfGoroutines(t *testing.T) {
	var next bytes.Buffer
	c := newTail(&next)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				_, _ = c.Write([]byte("panic: 1\n"))
				_ = c.String()
			}
		})
	}
	wg.Wait()
	if want := strings.Repeat("panic: 1\n", 800); next.String() != want {
		t.Errorf("%d bytes were passed on; want %d, in whole lines", next.Len(), len(want))
	}
	if !strings.HasPrefix(c.String(), "panic: 1\npanic: 1\n") {
		t.Errorf("kept %q", c)
	}
}
