//go:build unix

package shm

import (
	"bytes"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

func create(t *testing.T, size uint32) *Segment {
	t.Helper()
	watchdog.Start(t)
	s, err := Create(size)
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

func TestSegmentIsAsLongAsAsked(t *testing.T) {
	for _, tt := range []struct{ ask, want uint32 }{
		{1, page}, {page - 1, page}, {page, page}, {page + 1, 2 * page}, {Size, Size},
		{1<<31 + 1, 1<<31 + page}, {MaxSize - 1, MaxSize}, {MaxSize, MaxSize},
	} {
		s, err := Create(tt.ask)
		if err != nil {
			t.Errorf("Create(%d) = %v", tt.ask, err)
			continue
		}
		if s.Size() != tt.want {
			t.Errorf("Create(%d).Size() = %d; want %d", tt.ask, s.Size(), tt.want)
		}
		w := s.U64(s.Size() - 8)
		if err := s.Reserve(s.Size()-8, 8); err != nil {
			t.Errorf("Reserve() of the last word of %d = %v", tt.want, err)
		}
		if w.Add(1) != 1 {
			t.Errorf("the last word of %d is not zero", tt.want)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	for _, size := range []uint32{0, MaxSize + 1, 1<<32 - 1} {
		if s, err := Create(size); err == nil {
			t.Errorf("Create(%d) = a segment of %d, nil; want an error", size, s.Size())
			s.Close()
		}
	}
}

func TestSegmentIsZeroAndWritable(t *testing.T) {
	s := create(t, Size)
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
	s := create(t, 2<<20)
	for _, n := range []uint32{1, 4096, 64 << 10, 64<<10 + 1, 1 << 20} {
		if err := s.Reserve(s.Size()-n, n); err != nil {
			t.Errorf("Reserve() of the last %d = %v", n, err)
		}
	}
	if s.Reserve(0, 0) != nil {
		t.Error("Reserve(0, 0) is an error")
	}
}

// Pages that are made ready keep what is in them, and their neighbours too.
func TestSegmentPopulatesWithoutChange(t *testing.T) {
	s := create(t, 4*page)
	if err := s.Reserve(0, s.Size()); err != nil {
		t.Fatal(err)
	}
	for i := range s.Bytes(0, s.Size()) {
		s.mem[i] = byte(i % 251)
	}
	for _, tt := range []struct{ off, n uint32 }{
		{0, 0}, {0, 1}, {4095, 2}, {page - 1, page + 2}, {page + 8, 16}, {3*page + 100, page - 100}, {0, 4 * page},
	} {
		s.Populate(tt.off, tt.n)
		for i, b := range s.mem {
			if b != byte(i%251) {
				t.Fatalf("Populate(%d, %d) changed byte %d", tt.off, tt.n, i)
			}
		}
	}
}

func TestMakeGivesZeroedBuffers(t *testing.T) {
	for _, n := range []int{0, 1, 4096, 32<<10 - 1, 32 << 10, 32<<10 + 1, 1 << 20, 1<<20 + 4097} {
		for range 3 { // of memory that was used, too
			b := Make(n)
			if len(b) != n || bytes.Count(b, []byte{0}) != n && n > 0 {
				t.Fatalf("Make(%d) has %d bytes, or some that are not zero", n, len(b))
			}
			for i := range b {
				b[i] = 0xff
			}
		}
	}
}

func TestWordsOutsideSegmentPanic(t *testing.T) {
	s := create(t, page)
	const end = page
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"U32 at the end", func() { s.U32(end) }},
		{"U32 over the end", func() { s.U32(end - 2) }},
		{"U32 at the wrap", func() { s.U32(1<<32 - 4) }},
		{"U32 between words", func() { s.U32(2) }},
		{"U64 over the end", func() { s.U64(end - 4) }},
		{"U64 at the wrap", func() { s.U64(1<<32 - 8) }},
		{"U64 between words", func() { s.U64(4) }},
		{"Bytes over the end", func() { s.Bytes(end-1, 2) }},
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

func TestWordsAreThoseOfTheBytes(t *testing.T) {
	s := create(t, page)
	if err := s.Reserve(0, page); err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint32{0, 7, 8, 15, 16, 8000} {
		words := Words(s.Bytes(64, n))
		if len(words) != int(n/8) {
			t.Errorf("Words() of %d bytes = %d; want %d", n, len(words), n/8)
		}
		for i := range words {
			words[i].Store(uint64(i + 1))
			if got := s.U64(64 + 8*uint32(i)).Load(); got != uint64(i+1) {
				t.Fatalf("word %d = %d; want %d", i, got, i+1)
			}
		}
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
		{"file of a byte", file(1)},
		{"short file", file(Size - 1)},
		{"long file", file(Size + 1)},
		{"file too long for offsets", file(MaxSize + page)},
	} {
		if s, err := Map(tt.fd); err == nil {
			t.Errorf("Map() of %s = %v, nil; want an error", tt.name, s)
		}
		if tt.fd >= 0 && syscall.Close(tt.fd) != syscall.EBADF {
			t.Errorf("Map() of %s left the descriptor open", tt.name)
		}
	}
}

func TestDescriptorsAreNotInherited(t *testing.T) {
	s := create(t, page)
	fds := map[string]int{"Fd": s.Fd()}
	if s.Vouches() {
		fd, err := s.Reopen()
		if err != nil {
			t.Fatalf("Reopen() = %v", err)
		}
		defer syscall.Close(fd)
		fds["Reopen"] = fd
	}
	for name, fd := range fds {
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno != 0 || flags&syscall.FD_CLOEXEC == 0 {
			t.Errorf("flags of the descriptor of %s() = %#x, %v; want close-on-exec", name, flags, errno)
		}
	}
}

func TestUnlinkedFileHasNoName(t *testing.T) {
	watchdog.Start(t)
	dir := t.TempDir()
	fd, err := unlinkedFileIn(dir, 2*page)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Map(fd)
	if err != nil {
		t.Fatalf("Map() of an unlinked file = %v", err)
	}
	defer s.Close()
	if s.Size() != 2*page {
		t.Errorf("Size() = %d; want %d", s.Size(), 2*page)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v are left in the folder", left)
	}
	if _, err := unlinkedFileIn(dir+"/none", page); err == nil {
		t.Error("unlinkedFileIn() of a folder that is not there = nil")
	}
}
