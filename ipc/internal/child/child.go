//go:build unix

// Package child starts the test binary once more, as another process that
// obeys. Only tests import it.
package child

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// marker is set in the environment of a child.
const marker = "IPC_TEST_CHILD"

// Main is what TestMain does: run the tests or, in a child, give obey each line
// of the standard input, in which an operation comes first, and print its
// answer as a line.
func Main(m *testing.M, obey func(op, rest string) any) {
	if os.Getenv(marker) == "" {
		os.Exit(m.Run())
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		op, rest, _ := strings.Cut(lines.Text(), " ")
		fmt.Println(obey(op, rest))
	}
}

// A Child is another process, as the test sees it.
type Child struct {
	t       testing.TB
	process *os.Process
	in      *os.File
	out     *bufio.Reader
}

// Start starts a child, which has the descriptors as its own from 3 on. It is
// killed at the end of the test.
func Start(t testing.TB, fds ...int) *Child {
	t.Helper()
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	attr := &syscall.ProcAttr{
		Env:   append(os.Environ(), marker+"=1", "GORACE=atexit_sleep_ms=0"),
		Files: []uintptr{theirIn.Fd(), theirOut.Fd(), 2},
	}
	for _, fd := range fds {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	// Not by package os: its files close their descriptors one day, and with
	// one of a segment go the record locks of this process.
	pid, err := syscall.ForkExec(exe, os.Args[:1], attr)
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	c := &Child{t, process, in, bufio.NewReader(out)}
	t.Cleanup(func() {
		c.Kill()
		in.Close()
		out.Close()
	})
	return c
}

// Pid is the child's process id.
func (c *Child) Pid() int { return c.process.Pid }

// Tell tells the child what to do.
func (c *Child) Tell(format string, args ...any) { fmt.Fprintf(c.in, format+"\n", args...) }

// Want waits for the child's answer, which must be this one.
func (c *Child) Want(answer string) {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil || line != answer+"\n" {
		c.t.Fatalf("child answers %q, %v; want %q", line, err, answer)
	}
}

// Ask is Tell and Want.
func (c *Child) Ask(answer, format string, args ...any) {
	c.t.Helper()
	c.Tell(format, args...)
	c.Want(answer)
}

// Kill kills the child, and returns when it has ended.
func (c *Child) Kill() {
	c.process.Kill()
	c.process.Wait()
}

// End lets the child come to its end by itself.
func (c *Child) End() {
	c.in.Close()
	c.process.Wait()
}
