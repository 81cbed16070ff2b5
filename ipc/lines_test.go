package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// pieces is a writer that keeps each Write apart, and fails when it has room
// for no more.
type pieces struct {
	all  []string
	room int
}

var errNoRoom = errors.New("no room")

func (w *pieces) Write(b []byte) (int, error) {
	if w.room--; w.room < 0 {
		return 0, errNoRoom
	}
	w.all = append(w.all, string(b))
	return len(b), nil
}

func TestLinesAreWhole(t *testing.T) {
	mega := strings.Repeat("x", 1<<20)
	for _, tt := range []struct {
		name, tag string
		in, want  []string // Writes; the last of what is wanted comes by Close
	}{
		{"one", "a: ", []string{"1\n"}, []string{"a: 1\n"}},
		{"several at once", "a: ", []string{"1\n2\n\n3"}, []string{"a: 1\na: 2\na: \n", "a: 3\n"}},
		{"in parts", "a: ", []string{"1", "", "2", "\n3\n4", "\n"}, []string{"a: 12\na: 3\n", "a: 4\n"}},
		{"no tag", "", []string{"1\n2", "\n", "\n", "3"}, []string{"1\n", "2\n", "\n", "3\n"}},
		{"carriage return", "a: ", []string{"1\r\n2\r", "\n\r"}, []string{"a: 1\r\n", "a: 2\r\n", "a: \r\n"}},
		{"nothing", "a: ", []string{""}, nil},
		{"as long as can be", "a: ", []string{mega, "\n2"}, []string{"a: " + mega + "\n", "a: 2\n"}},
		{"longer", "a: ", []string{mega + mega + "y\nz"},
			[]string{"a: " + mega + "\n", "a: " + mega + "\n", "a: y\n", "a: z\n"}},
		{"longer, in parts", "", []string{mega[1:], "12\n"}, []string{mega[1:] + "1\n", "2\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &pieces{room: 100}
			l := ipc.NewLines(w, tt.tag)
			for _, s := range tt.in {
				if n, err := io.WriteString(l, s); n != len(s) || err != nil {
					t.Fatalf("Write() = %d, %v", n, err)
				}
			}
			if err := errors.Join(l.Close(), l.Close()); err != nil {
				t.Errorf("Close() = %v", err)
			}
			if !slices.Equal(w.all, tt.want) {
				t.Errorf("came: %.200q; want %.200q", w.all, tt.want)
			}
			if _, err := l.Write([]byte("x\n")); err != ipc.ErrClosed {
				t.Errorf("Write() after Close = %v", err)
			}
		})
	}
}

func TestLinesReturnErrorOnce(t *testing.T) {
	w := &pieces{room: 1}
	l := ipc.NewLines(w, "")
	for i, want := range []error{nil, errNoRoom, nil, nil} {
		w.room += i / 2 // it recovers, with a line missing
		if _, err := io.WriteString(l, "line\n"); err != want {
			t.Errorf("Write() = %v; want %v", err, want)
		}
	}
	if err := l.Close(); err != nil || len(w.all) != 1 {
		t.Errorf("Close() = %v, after %q; want no more than was written before the error", err, w.all)
	}
	l = ipc.NewLines(&pieces{}, "")
	if n, err := io.WriteString(l, "half"); n != 4 || err != nil {
		t.Errorf("Write() = %d, %v; want no error before there is a line", n, err)
	}
	if err := l.Close(); err != errNoRoom {
		t.Errorf("Close() = %v; want %v", err, errNoRoom)
	}
}

// A short writer says that it wrote all but the last byte.
type shortWriter struct{}

func (shortWriter) Write(b []byte) (int, error) { return len(b) - 1, nil }

func TestLinesNoticeShortWrite(t *testing.T) {
	l := ipc.NewLines(shortWriter{}, "")
	if _, err := io.WriteString(l, "line\n"); err != io.ErrShortWrite {
		t.Errorf("Write() = %v; want %v", err, io.ErrShortWrite)
	}
}

func TestLinesOfGoroutines(t *testing.T) {
	var out bytes.Buffer // the race detector tells if they write at once
	shared := ipc.NewLines(&out, "s")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			own := ipc.NewLines(&out, fmt.Sprint(i))
			for range 200 {
				_, _ = io.WriteString(own, "own")
				_, _ = io.WriteString(shared, "shared\n")
				_, _ = io.WriteString(own, " line\n")
			}
			_, _ = io.WriteString(own, "end")
			_ = own.Close()
		})
	}
	wg.Wait()
	got := make(map[string]int)
	for line := range strings.Lines(out.String()) {
		got[line]++
	}
	want := map[string]int{"sshared\n": 1600}
	for i := range 8 {
		want[fmt.Sprint(i, "own line\n")], want[fmt.Sprint(i, "end\n")] = 200, 1
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("came: %v; want %v", got, want)
	}
}

// logLines are of 10 kB each, written by four goroutines in parts that end
// anywhere but at the ends of lines.
const (
	logLines = 40
	logLine  = 10_000
)

func logMuch(_ context.Context, id int) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for g := range 4 {
		wg.Go(func() {
			line := fmt.Sprintf("%d.%d ", id, g)
			line += strings.Repeat(string(rune('a'+id)), logLine-len(line)-1) + "\n"
			for range logLines / 4 {
				fmt.Print(line)
			}
		})
	}
	for range 10 {
		fmt.Fprint(os.Stderr, "err", id)
		fmt.Fprint(os.Stderr, "or\nand ")
	}
	return nil
}

var logMuchTarget = ipc.NewTarget(logMuch)

func TestLinesOfChildren(t *testing.T) { // acceptance test 14
	guard(t)
	var out bytes.Buffer
	var ps []*ipc.Process
	var lines []*ipc.Lines
	for id := range 8 {
		p := ipc.NewProcess(logMuchTarget, id)
		stdout, stderr := ipc.NewLines(&out, fmt.Sprintf("[%d] ", id)), ipc.NewLines(&out, fmt.Sprintf("[%d!] ", id))
		p.Stdout, p.Stderr = stdout, stderr
		ps, lines = append(ps, p), append(lines, stdout, stderr)
	}
	start(t, ps...)
	join(t, ps...)
	for _, l := range lines {
		if err := l.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	checkLog(t, out.String())
}

// checkLog looks at each line that came.
func checkLog(t *testing.T, log string) {
	t.Helper()
	got := make(map[string]int)
	for line := range strings.Lines(log) {
		got[line]++
	}
	for id := range 8 {
		for g := range 4 {
			line := fmt.Sprintf("%d.%d ", id, g)
			line += strings.Repeat(string(rune('a'+id)), logLine-len(line)-1) + "\n"
			take(t, got, fmt.Sprintf("[%d] ", id)+line, logLines/4)
		}
		take(t, got, fmt.Sprintf("[%d!] err%dor\n", id, id), 1)
		take(t, got, fmt.Sprintf("[%d!] and err%dor\n", id, id), 9)
		take(t, got, fmt.Sprintf("[%d!] and \n", id), 1)
	}
	for line, n := range got {
		t.Errorf("%d times: %d bytes, %.60q", n, len(line), line)
	}
}

// take checks that the line came n times, and takes it away.
func take(t *testing.T, from map[string]int, line string, n int) {
	t.Helper()
	if from[line] != n {
		t.Errorf("%.30q came %d times; want %d", line, from[line], n)
	}
	delete(from, line)
}

func TestLinesToOneAtATime(t *testing.T) {
	var got []string
	l := ipc.LinesTo(func(line string) { got = append(got, line) })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				_, _ = io.WriteString(l, "a\n\nb\n")
			}
		})
	}
	wg.Wait()
	_, _ = io.WriteString(l, "end")
	if err := l.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if want := append(slices.Repeat([]string{"a", "", "b"}, 800), "end"); !slices.Equal(got, want) {
		t.Errorf("%d lines came; want %d", len(got), len(want))
	}
}

func TestLinesThatFailDontBlockTheChild(t *testing.T) {
	guard(t)
	p := ipc.NewProcess(logMuchTarget, 1)
	l := ipc.NewLines(&pieces{}, "tag")
	p.Stdout, p.Stderr = l, l
	start(t, p)
	join(t, p)
	if err := l.Close(); err != nil {
		t.Errorf("Close() = %v; the error was returned", err)
	}
}
