//go:build unix

package park

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/shm"
)

// childMarker makes a run of the test binary a child that plays. Its value
// is the backend.
const childMarker = "PARK_TEST_CHILD"

func TestMain(m *testing.M) {
	if backend := os.Getenv(childMarker); backend != "" {
		if err := echo(backend); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// What parent and children share, in words.
const (
	atBall = Words + 1 // odd: the children's turn
	atHits = Words + 2 // how often a child has hit the ball
)

var attachers = map[string]func(words *atomic.Uint32, fds []int) (Parker, error){
	Backend:    Attach,
	"doorbell": func(words *atomic.Uint32, fds []int) (Parker, error) { return AttachDoorbell(words, fds) },
}

// A court is memory that several processes have, and its Parker.
type court struct {
	Parker
	seg *shm.Segment
}

func (c court) word(n uint32) *atomic.Uint32 { return c.seg.U32(4 * n) }

// wait waits until w holds another value than old.
func (c court) wait(w *atomic.Uint32, old uint32) uint32 {
	for w.Load() == old {
		if _, err := c.Wait(context.Background(), w, old, time.Hour); err != nil {
			panic(err)
		}
	}
	return w.Load()
}

func newCourt(t testing.TB, backend string) court {
	t.Helper()
	seg, err := shm.Create(64 << 10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	if err := seg.Reserve(0, seg.Size()); err != nil {
		t.Fatal(err)
	}
	p, err := makers[backend](seg.U32(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return court{p, seg}
}

// start starts children, which all hit the ball at each odd turn: the last
// of them makes it even. They end with the test binary.
func (c court) start(t testing.TB, backend string, children int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stdin, life, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { life.Close() })
	defer stdin.Close()
	files := []uintptr{stdin.Fd(), 1, 2, uintptr(c.seg.Fd())}
	for _, fd := range c.Fds() {
		files = append(files, uintptr(fd))
	}
	env := append(os.Environ(), childMarker+"="+backend, "GORACE=atexit_sleep_ms=0")
	for range children {
		pid, err := syscall.ForkExec(exe, []string{exe, strconv.Itoa(children)}, &syscall.ProcAttr{Env: env, Files: files})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			syscall.Kill(pid, syscall.SIGKILL)
			syscall.Wait4(pid, nil, 0, nil)
		})
	}
}

// play has the ball go to and fro.
func (c court) play(turns int) {
	ball := c.word(atBall)
	for range turns {
		v := ball.Load() + 1
		ball.Store(v)
		c.Wake(ball)
		c.wait(ball, v)
	}
}

// echo is the life of a child.
func echo(backend string) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1) // the test is over
	}()
	children, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return err
	}
	seg, err := shm.Map(3)
	if err != nil {
		return err
	}
	var fds []int
	if backend == "doorbell" || Descriptors > 0 {
		fds = []int{4, 5}
	}
	p, err := attachers[backend](seg.U32(0), fds)
	if err != nil {
		return err
	}
	c := court{p, seg}
	ball, hits := c.word(atBall), c.word(atHits)
	for v := ball.Load(); ; v = c.wait(ball, v) {
		if v%2 == 1 && hits.Add(1) == uint32(children)*(v+1)/2 {
			ball.Store(v + 1)
			c.Wake(ball)
		}
	}
}
