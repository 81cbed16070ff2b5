package ipc_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

func TestHandlesInArgumentsWithFiles(t *testing.T) { // FDPASS-01
	ctx := guard(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	in, s := channel[luggage](t)
	p := ipc.NewProcess(writeArgTarget, writeArg{w, in, "from the child"})
	start(t, p)
	w.Close()
	in.Close()
	s.Close()
	if got := string(ok(io.ReadAll(r))(t)); got != "from the child" {
		t.Errorf("read %q", got)
	}
	join(t, p)
	if err := s.Send(ctx, luggage{}); err != ipc.ErrClosed {
		t.Errorf("Send() = %v", err)
	}
}

type writeArg struct {
	To   *os.File
	In   *ipc.Receiver[luggage]
	Note string
}

func writeArgRun(ctx context.Context, a writeArg) error {
	if _, err := a.In.Recv(ctx); err != io.EOF {
		return errors.New("no end of file")
	}
	_, err := a.To.WriteString(a.Note)
	return err
}

var writeArgTarget = ipc.NewTarget(writeArgRun)
