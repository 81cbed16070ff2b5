//go:build (amd64 || arm64) && !ipc_portable

package shm

import (
	"os"
	"syscall"
	"unsafe"
)

// From linux/memfd.h and linux/fcntl.h; package syscall is frozen without them.
const (
	mfdCloexec      = 0x1
	mfdAllowSealing = 0x2
	mfdNoexecSeal   = 0x8
	fAddSeals       = 1033
	sealShrinkGrow  = 0x1 | 0x2 | 0x4 // F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW
)

// createFile makes a memfd of size bytes that nobody can resize, so that no
// process can make another one take a SIGBUS by shrinking it.
func createFile(size int64) (int, error) {
	fd, err := memfdCreate(mfdCloexec | mfdAllowSealing | mfdNoexecSeal)
	if err == syscall.EINVAL { // before Linux 6.3
		fd, err = memfdCreate(mfdCloexec | mfdAllowSealing)
	}
	switch err {
	case nil:
	case syscall.ENOSYS, syscall.EPERM, syscall.EACCES: // a filter, as some containers have
		return unlinkedFile(size)
	default:
		return -1, os.NewSyscallError("memfd_create", err)
	}
	if err := syscall.Ftruncate(fd, size); err != nil {
		syscall.Close(fd)
		return -1, os.NewSyscallError("ftruncate", err)
	}
	// A kernel that can't seal leaves a segment that works all the same.
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), fAddSeals, sealShrinkGrow)
	return fd, nil
}

func memfdCreate(flags uintptr) (int, error) {
	name := []byte("ipc\x00")
	fd, _, errno := syscall.Syscall(sysMemfdCreate, uintptr(unsafe.Pointer(&name[0])), flags, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// Reserve makes sure that the n bytes at off have memory behind them. A memfd
// takes pages as they are touched.
func (s *Segment) Reserve(off, n uint32) error { return nil }

// Populate has the pages of the n bytes at off ready to be written to. It only
// saves time: where the system can't do it, they come as they are touched.
func (s *Segment) Populate(off, n uint32) { populate(s.mem[off&^(page-1) : off+n]) }

// Make makes a buffer. Fresh memory costs a page fault every 4 KiB, which is
// more than to fill it; one call for all of them costs a fraction of that.
func Make(n int) []byte {
	const worth = 32 << 10
	b := make([]byte, n)
	if n >= worth {
		size := uintptr(os.Getpagesize())
		first := -uintptr(unsafe.Pointer(&b[0])) & (size - 1)
		populate(b[first:])
	}
	return b
}

func populate(b []byte) {
	const populateWrite = 23 // MADV_POPULATE_WRITE, since Linux 5.14
	_ = syscall.Madvise(b, populateWrite)
}
