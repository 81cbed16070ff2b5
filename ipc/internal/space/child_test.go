//go:build unix

package space

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childMarker makes a run of the test binary a child that obeys on its standard input.
const childMarker = "SPACE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMarker) != "" {
		new(subject).obey()
		return
	}
	os.Exit(m.Run())
}

// A subject is the child's side: one space and one handle.
type subject struct {
	s *Space
	h *Handle
}

func (c *subject) obey() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		op, rest, _ := strings.Cut(lines.Text(), " ")
		fmt.Println(c.do(op, rest))
	}
}

func (c *subject) do(op, rest string) any {
	ctx := context.Background()
	switch op {
	case "attach":
		var slot int
		var gen uint32
		fmt.Sscan(rest, &slot, &gen)
		var err error
		fds := []int{3, 4, 5}[:Descriptors]
		c.s, err = Attach(fds, slot, gen)
		return err
	case "find":
		var kind, off, gen uint32
		var role int
		fmt.Sscan(rest, &kind, &off, &gen, &role)
		var err error
		c.h, err = c.s.Find(Kind(kind), off, gen, role)
		return err
	case "close":
		c.h.Close()
	case "closeall":
		CloseAll()
		return c.h.Closed()
	case "reserve":
		slot, gen, err := c.s.Reserve()
		return fmt.Sprint(slot, " ", gen, " ", err)
	case "lock":
		died, err := c.h.Mutex().Lock(ctx, c.h)
		return fmt.Sprint(died, " ", err)
	case "barrier":
		_, err := c.h.Barrier().Wait(ctx, c.h)
		return err
	case "mark":
		c.h.Mark(QueueHasPut)
	case "send":
		return c.h.Ring(c.h.Role()).Send(ctx, c.h, func(bool) bool { return true }, []byte(rest))
	case "registry": // and die in the middle of it
		c.s.locked(func() error {
			fmt.Println("locked")
			time.Sleep(time.Hour)
			return nil
		})
	case "count":
		for range 200 {
			c.s.locked(func() error {
				w := c.s.seg.U32(offObjects - 4)
				w.Store(w.Load() + 1)
				return nil
			})
		}
	}
	return nil
}

// A child is another process, as the test sees it.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// files keeps what was handed on from being closed: a descriptor that is
// closed takes the record locks of its process with it.
var files []*os.File

func start(t *testing.T, s *Space) *child {
	t.Helper()
	var own []*os.File
	for i, fd := range s.Fds() {
		if i > 0 { // the runtime watches it
			fd, _ = syscall.Dup(fd)
		}
		own = append(own, os.NewFile(uintptr(fd), "segment"))
	}
	files = append(files, own...)
	c := &child{t: t, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childMarker+"=1", "GORACE=atexit_sleep_ms=0")
	c.cmd.ExtraFiles = own
	c.cmd.Stderr = os.Stderr
	c.in, _ = c.cmd.StdinPipe()
	out, _ := c.cmd.StdoutPipe()
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

func (c *child) tell(format string, args ...any) { fmt.Fprintf(c.in, format+"\n", args...) }

func (c *child) want(answer string) {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil || line != answer+"\n" {
		c.t.Fatalf("child answers %q, %v; want %q", line, err, answer)
	}
}

func (c *child) ask(answer, format string, args ...any) {
	c.t.Helper()
	c.tell(format, args...)
	c.want(answer)
}

func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// seat reserves a place, grants the handles in it and starts a child there,
// which has the last of them open.
func seat(t *testing.T, s *Space, handles ...*Handle) (c *child, slot int, gen uint32) {
	t.Helper()
	slot, gen, err := s.Reserve()
	if err != nil {
		t.Fatalf("Reserve() = %v", err)
	}
	for _, h := range handles {
		h.Grant(slot)
	}
	c = start(t, s)
	c.ask("<nil>", "attach %d %d", slot, gen)
	for _, h := range handles {
		c.find("<nil>", h)
	}
	return c, slot, gen
}

func (c *child) find(answer string, h *Handle) {
	c.t.Helper()
	off, gen, role := h.Address()
	c.ask(answer, "find %d %d %d %d", h.kind(), off, gen, role)
}
