//go:build unix

// Package shm maps nameless shared memory.
//
// A segment is a memfd sealed against resizing where the system has one, and
// an unlinked file elsewhere. Nothing in the file system names it, so nothing
// is left behind however its processes end: the kernel frees it with the last
// descriptor. The same descriptor carries the record locks by which members
// of a segment show each other that they are alive.
package shm

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Size is the usual length of a segment in bytes. Pages that were never
// touched cost nothing.
const Size = 128 << 20

// MaxSize is the longest that a segment can be: offsets have 32 bits.
const MaxSize = 1<<32 - page

// page is the unit of sizes. It need not be the system's.
const page = 64 << 10

// A Segment is one piece of memory that several processes have mapped.
// Its methods that return pointers panic if the offset is outside the
// segment or not aligned.
type Segment struct {
	fd    int
	mem   []byte
	locks commands
}

// Create makes a segment of that many zero bytes, rounded up to 64 KiB,
// mapped in this process only.
func Create(size uint32) (*Segment, error) {
	if size == 0 || size > MaxSize {
		return nil, os.NewSyscallError("mmap", syscall.EINVAL)
	}
	fd, err := createFile((int64(size) + page - 1) &^ (page - 1))
	if err != nil {
		return nil, err
	}
	return Map(fd)
}

// Map maps the segment behind fd, and owns fd from then on, also on error.
func Map(fd int) (*Segment, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("fstat", err)
	}
	if st.Size <= 0 || st.Size > MaxSize || st.Size%page != 0 {
		syscall.Close(fd)
		return nil, os.NewSyscallError("mmap", syscall.EINVAL)
	}
	mem, err := syscall.Mmap(fd, 0, int(st.Size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("mmap", err)
	}
	return &Segment{fd: fd, mem: mem, locks: best()}, nil
}

// Size is the length of the segment in bytes.
func (s *Segment) Size() uint32 { return uint32(len(s.mem)) }

// Fd is the descriptor behind the segment, close-on-exec, for handing on to
// a child. It belongs to the segment.
func (s *Segment) Fd() int { return s.fd }

// Close unmaps the segment and gives up this process's record locks on it.
// Pointers into the segment must not be used afterwards.
func (s *Segment) Close() error {
	err := syscall.Munmap(s.mem)
	s.mem = nil
	if cerr := syscall.Close(s.fd); err == nil {
		err = cerr
	}
	return err
}

// U32 is the 32-bit word at off, a multiple of 4.
func (s *Segment) U32(off uint32) *atomic.Uint32 {
	p := &s.mem[off : off+4][0]
	if off%4 != 0 {
		panic("shm: word is not aligned")
	}
	// In bounds by the slice expression, aligned since mappings start on a page.
	return (*atomic.Uint32)(unsafe.Pointer(p))
}

// U64 is the 64-bit word at off, a multiple of 8.
func (s *Segment) U64(off uint32) *atomic.Uint64 {
	p := &s.mem[off : off+8][0]
	if off%8 != 0 {
		panic("shm: word is not aligned")
	}
	return (*atomic.Uint64)(unsafe.Pointer(p))
}

// Bytes is the n bytes at off.
func (s *Segment) Bytes(off, n uint32) []byte { return s.mem[off : off+n : off+n] }

// Low is the half of w that a 32-bit wait can be on. Both platforms that have
// such waits are little-endian; on the others the portable backend polls
// either half just as well.
func Low(w *atomic.Uint64) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(w))
}

// Words is b as 64-bit words. It must begin at a multiple of 8.
func Words(b []byte) []atomic.Uint64 {
	// In bounds, since it is as long as b; aligned by what the caller says.
	return unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}
