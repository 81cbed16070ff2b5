//go:build unix

package shm

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// childMarker makes a run of the test binary a child that obeys on its standard input.
const childMarker = "SHM_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMarker) != "" {
		obey()
		return
	}
	os.Exit(m.Run())
}

// obey maps the segment that it was given and answers each line with a line.
func obey() {
	s, err := Map(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var op string
		var n int64
		fmt.Sscan(lines.Text(), &op, &n)
		switch op {
		case "hold":
			fmt.Println(s.Hold(n))
		case "held":
			fmt.Println(s.Held(n))
		case "lock":
			fmt.Println(s.Lock(n))
		case "unlock":
			fmt.Println(s.Unlock(n))
		case "load":
			fmt.Println(s.U32(uint32(n)).Load())
		case "add": // not atomic, under the lock of byte 7
			for range 500 {
				if err := s.Lock(7); err != nil {
					fmt.Println(err)
				}
				w := s.U32(uint32(n))
				w.Store(w.Load() + 1)
				s.Unlock(7)
			}
			fmt.Println("added")
		case "close":
			fmt.Println(s.Close())
		}
	}
}

// A child is another process that has the segment mapped.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// files keeps what was handed on from being closed: a descriptor that is
// closed takes the record locks of its process with it.
var files []*os.File

func start(t *testing.T, s *Segment) *child {
	t.Helper()
	f := os.NewFile(uintptr(s.Fd()), "segment")
	files = append(files, f)
	c := &child{t: t, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childMarker+"=1", "GORACE=atexit_sleep_ms=0")
	c.cmd.ExtraFiles = []*os.File{f}
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

func (c *child) ask(question, answer string) {
	c.t.Helper()
	c.tell("%s", question)
	c.want(answer)
}

func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

func create(t *testing.T) *Segment {
	t.Helper()
	watchdog.Start(t)
	s, err := Create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.mem != nil {
			s.Close()
		}
	})
	return s
}

func TestSegmentIsZeroAndWritable(t *testing.T) {
	s := create(t)
	for _, off := range []uint32{0, 4096, Size / 2, Size - 8} {
		if err := s.Reserve(off, 8); err != nil {
			t.Fatalf("Reserve(%d, 8) = %v", off, err)
		}
		w, h := s.U64(off), s.U32(off+4)
		if w.Load() != 0 || h.Load() != 0 {
			t.Errorf("word at %d = %#x; want 0", off, w.Load())
		}
		w.Store(1<<32 | 5)
		if got := s.Bytes(off, 8); got[0] != 5 || len(got) != 8 || cap(got) != 8 {
			t.Errorf("Bytes(%d, 8) = %v, cap %d", off, got, cap(got))
		}
	}
}

func TestSegmentReservesAcrossPages(t *testing.T) {
	s := create(t)
	for _, n := range []uint32{1, 4096, 64 << 10, 64<<10 + 1, 1 << 20} {
		if err := s.Reserve(Size-n, n); err != nil {
			t.Errorf("Reserve(Size-%d, %d) = %v", n, n, err)
		}
	}
	if s.Reserve(0, 0) != nil {
		t.Error("Reserve(0, 0) is an error")
	}
}

func TestWordsOutsideSegmentPanic(t *testing.T) {
	s := create(t)
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"U32 at the end", func() { s.U32(Size) }},
		{"U32 over the end", func() { s.U32(Size - 2) }},
		{"U32 at the wrap", func() { s.U32(1<<32 - 4) }},
		{"U32 between words", func() { s.U32(2) }},
		{"U64 over the end", func() { s.U64(Size - 4) }},
		{"U64 at the wrap", func() { s.U64(1<<32 - 8) }},
		{"U64 between words", func() { s.U64(4) }},
		{"Bytes over the end", func() { s.Bytes(Size-1, 2) }},
		{"Bytes over the wrap", func() { s.Bytes(8, 1<<32-4) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			tt.f()
		})
	}
}

func TestLowChangesWithItsWord(t *testing.T) {
	var w atomic.Uint64
	before := Low(&w).Load()
	w.Store(9<<32 | 9)
	if got := Low(&w).Load(); got == before {
		t.Errorf("Low() = %d before and after", got)
	}
}

func TestMapRefusesWhatIsNoSegment(t *testing.T) {
	watchdog.Start(t)
	file := func(size int64) int {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	pipe := make([]int, 2)
	if err := syscall.Pipe(pipe); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pipe[1])
	for _, tt := range []struct {
		name string
		fd   int
	}{
		{"no descriptor", -1},
		{"closed descriptor", 1 << 19},
		{"pipe", pipe[0]},
		{"empty file", file(0)},
		{"short file", file(Size - 1)},
		{"long file", file(Size + 1)},
	} {
		if s, err := Map(tt.fd); err == nil {
			t.Errorf("Map() of %s = %v, nil; want an error", tt.name, s)
		}
		if tt.fd >= 0 && syscall.Close(tt.fd) != syscall.EBADF {
			t.Errorf("Map() of %s left the descriptor open", tt.name)
		}
	}
}

func TestDescriptorIsNotInherited(t *testing.T) {
	s := create(t)
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(s.Fd()), syscall.F_GETFD, 0)
	if errno != 0 || flags&syscall.FD_CLOEXEC == 0 {
		t.Errorf("flags of the descriptor = %#x, %v; want close-on-exec", flags, errno)
	}
}

func TestUnlinkedFileHasNoName(t *testing.T) {
	watchdog.Start(t)
	dir := t.TempDir()
	fd, err := unlinkedFileIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Map(fd)
	if err != nil {
		t.Fatalf("Map() of an unlinked file = %v", err)
	}
	defer s.Close()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v are left in the folder", left)
	}
	if _, err := unlinkedFileIn(dir + "/none"); err == nil {
		t.Error("unlinkedFileIn() of a folder that is not there = nil")
	}
}

func TestMemoryIsSharedWithChild(t *testing.T) {
	s := create(t)
	c := start(t, s)
	if err := s.Reserve(64, 4); err != nil {
		t.Fatal(err)
	}
	s.U32(64).Store(42)
	c.ask("load 64", "42")
}

func TestHeldShowsHolderUntilItEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *child)
	}{
		{"unlock", func(c *child) { c.ask("unlock 5", "<nil>") }},
		{"close", func(c *child) { c.ask("close", "<nil>") }},
		{"exit", func(c *child) { c.in.Close(); c.cmd.Wait() }},
		{"SIGKILL", func(c *child) { c.kill() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := create(t)
			c := start(t, s)
			if s.Held(5) {
				t.Error("Held() before = true; want false")
			}
			c.ask("hold 5", "true <nil>")
			if !s.Held(5) || s.Held(4) || s.Held(6) {
				t.Errorf("Held() of 5, 4, 6 = %v, %v, %v; want true, false, false", s.Held(5), s.Held(4), s.Held(6))
			}
			if ok, err := s.Hold(5); ok || err != nil {
				t.Errorf("Hold() of what the child holds = %v, %v; want false, nil", ok, err)
			}
			tt.end(c)
			if s.Held(5) {
				t.Error("Held() afterwards = true; want false")
			}
			if ok, err := s.Hold(5); !ok || err != nil {
				t.Errorf("Hold() afterwards = %v, %v; want true, nil", ok, err)
			}
		})
	}
}

func TestHeldIsAboutOthersOnly(t *testing.T) {
	s := create(t)
	if ok, err := s.Hold(5); !ok || err != nil {
		t.Fatalf("Hold() = %v, %v", ok, err)
	}
	if s.Held(5) {
		t.Error("Held() of our own = true; want false")
	}
	c := start(t, s)
	c.ask("held 5", "true")
	c.ask("hold 5", "false <nil>")
}

func TestDeathOfChildThatInheritedLeavesOurLocks(t *testing.T) {
	s := create(t)
	if ok, err := s.Hold(5); !ok || err != nil {
		t.Fatalf("Hold() = %v, %v", ok, err)
	}
	first, second := start(t, s), start(t, s)
	first.ask("held 5", "true")
	first.kill()
	second.ask("held 5", "true")
}

func TestLockWaitsForDeathOfHolder(t *testing.T) {
	s := create(t)
	holder, waiter := start(t, s), start(t, s)
	holder.ask("lock 7", "<nil>")
	waiter.tell("lock 7")
	holder.kill()
	waiter.want("<nil>")
	if !s.Held(7) {
		t.Error("Held() = false; want true: the waiter has it")
	}
}

func TestLockExcludesProcessesAndGoroutines(t *testing.T) {
	s := create(t)
	if err := s.Reserve(0, 4096); err != nil {
		t.Fatal(err)
	}
	a, b := start(t, s), start(t, s)
	a.tell("add 64")
	b.tell("add 64")
	var mu sync.Mutex // as the caller must
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 100 {
				mu.Lock()
				if err := s.Lock(7); err != nil {
					t.Errorf("Lock() = %v", err)
				}
				w := s.U32(64)
				w.Store(w.Load() + 1)
				s.Unlock(7)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	a.want("added")
	b.want("added")
	if got := s.U32(64).Load(); got != 1200 {
		t.Errorf("counted to %d; want 1200", got)
	}
}

func TestLocksOfClosedSegmentAreErrors(t *testing.T) {
	s := create(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.fd = 1 << 19 // nobody else's
	if _, err := s.Hold(1); err == nil {
		t.Error("Hold() = nil; want an error")
	}
	if s.Lock(1) == nil || s.Unlock(1) == nil {
		t.Error("Lock() or Unlock() = nil; want errors")
	}
	if !s.Held(1) {
		t.Error("Held() = false; an answer that can't be had must not bury the living")
	}
}
