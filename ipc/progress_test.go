package ipc_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// What is no terminal gets nothing, not even the last line: acceptance test 19.
func TestShowProgressOnlyOnTerminal(t *testing.T) {
	r, pipe := must2(os.Pipe())(t)
	file := ok(os.Create(filepath.Join(t.TempDir(), "file")))(t)
	null := ok(os.OpenFile(os.DevNull, os.O_WRONLY, 0))(t)
	closed := ok(os.Open(os.DevNull))(t)
	closed.Close()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	defer null.Close()
	var buf bytes.Buffer
	for name, w := range map[string]io.Writer{
		"pipe": pipe, "file": file, "null": null, "closed": closed, "net": a, "buffer": &buf,
		"lines": ipc.NewLines(&buf, "tag"), "nil": nil, "nil file": (*os.File)(nil),
	} {
		show := ipc.ShowProgress(w)
		for done := range 4 {
			show(ipc.Progress{Done: done, Total: 3})
		}
		if buf.Len() > 0 {
			t.Errorf("%s: %q was written", name, buf.String())
		}
	}
	pipe.Close()
	if got := ok(io.ReadAll(r))(t); len(got) > 0 {
		t.Errorf("%q was written to the pipe", got)
	}
	r.Close()
	if size := ok(file.Stat())(t).Size(); size > 0 {
		t.Errorf("%d bytes were written to the file", size)
	}
	file.Close()
}

// must2 is ok for two results.
func must2[A, B any](a A, b B, err error) func(*testing.T) (A, B) {
	return func(t *testing.T) (A, B) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
}
