package ipc_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// lateWriter takes nothing before the process has ended, and then its time.
type lateWriter struct {
	ended <-chan struct{}
	got   bytes.Buffer
}

func (w *lateWriter) Write(b []byte) (int, error) {
	<-w.ended
	time.Sleep(60 * time.Millisecond)
	return w.got.Write(b)
}

func TestJoinWaitsForSlowWriter(t *testing.T) { // PROC-30
	guard(t)
	const n = 5000 // what a pipe holds, so that the process can end
	p := ipc.NewProcess(speakTarget, n)
	w := &lateWriter{ended: p.Sentinel()}
	p.Stdout, p.Stderr = w, io.Discard
	start(t, p)
	join(t, p)
	if w.got.Len() != 11*n {
		t.Errorf("%d bytes of %d came", w.got.Len(), 11*n)
	}
}

func TestProcessEndsWhileItsWriterBlocks(t *testing.T) { // PROC-40
	guard(t)
	r, w := io.Pipe()
	p := ipc.NewProcess(speakTarget, 1)
	p.Stdout, p.Stderr = w, io.Discard
	start(t, p)
	<-p.Sentinel()
	if code, ended := p.ExitCode(); code != 0 || !ended || p.IsAlive() || len(ipc.ActiveChildren()) != 0 {
		t.Errorf("%v; it has ended", p)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Join(over); err != context.Canceled {
		t.Errorf("Join() = %v", err)
	}
	wait := mustBlock(t, "Join", func() { join(t, p) })
	r.Close()
	wait()
}

// chatter starts a program that writes for as long as it can.
func chatter(_ context.Context, program string) error {
	cmd := exec.Command("sh", "-c", program)
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err := os.Stderr.WriteString(strconv.Itoa(cmd.Process.Pid))
	return err
}

var chatterTarget = ipc.NewTarget(chatter)

func TestJoinIgnoresGrandchildThatWrites(t *testing.T) { // ROB-37, KF-44
	for _, program := range []string{
		"while echo x; do sleep 0.01; done",
		"exec yes",
	} {
		t.Run(program, func(t *testing.T) {
			guard(t)
			p := ipc.NewProcess(chatterTarget, program)
			var pid bytes.Buffer
			p.Stdout, p.Stderr = io.Discard, &pid
			start(t, p)
			join(t, p)
			n := ok(strconv.Atoi(pid.String()))(t)
			_ = syscall.Kill(n, syscall.SIGKILL)
			until(func() bool { return gone(n) }, func() { t.Errorf("process %d is still there", n) })
		})
	}
}

func TestProcessStartsWithoutOutput(t *testing.T) { // PROC-56
	guard(t)
	stdout, stderr := os.Stdout, os.Stderr
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	closed := ok(os.Open(os.DevNull))(t)
	closed.Close()
	for _, files := range [][2]*os.File{{nil, stderr}, {stdout, nil}, {nil, nil}, {closed, closed}} {
		os.Stdout, os.Stderr = files[0], files[1]
		p := ipc.NewProcess(noopTarget, ipc.None{})
		start(t, p)
		join(t, p)
	}
}
