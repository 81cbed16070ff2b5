package ipc_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

func speak(_ context.Context, n int) error {
	for range n {
		_, _ = os.Stdout.WriteString("0123456789\n")
	}
	_, err := os.Stderr.WriteString("done\n")
	return err
}

var speakTarget = ipc.NewTarget(speak)

func TestOutputGoesToWriters(t *testing.T) { // PROC-30
	guard(t)
	const n = 10000
	var stdout, stderr bytes.Buffer
	p := ipc.NewProcess(speakTarget, n)
	p.Stdout, p.Stderr = &stdout, &stderr
	start(t, p)
	join(t, p)
	if stdout.Len() != 11*n || stderr.String() != "done\n" {
		t.Errorf("stdout has %d bytes, stderr %q", stdout.Len(), stderr.String())
	}
	stdout.Reset()
	q := ipc.NewProcess(speakTarget, 1)
	q.Stdout, q.Stderr = &stdout, &stdout
	start(t, q)
	join(t, q)
	if stdout.String() != "0123456789\ndone\n" {
		t.Errorf("both in one = %q", stdout.String())
	}
}

func holdOutput(_ context.Context, _ ipc.None) error {
	cmd := exec.Command("sleep", "1000")
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err := fmt.Println(cmd.Process.Pid)
	return err
}

var holdTarget = ipc.NewTarget(holdOutput)

func TestJoinIgnoresGrandchildThatHoldsOutput(t *testing.T) { // PROC-80, ROB-37
	guard(t)
	var stdout bytes.Buffer
	p := ipc.NewProcess(holdTarget, ipc.None{})
	p.Stdout = &stdout
	start(t, p)
	join(t, p)
	var pid int
	if _, err := fmt.Sscan(stdout.String(), &pid); err != nil {
		t.Fatalf("no pid in %q", stdout.String())
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the grandchild should have survived: %v", err)
	}
}
