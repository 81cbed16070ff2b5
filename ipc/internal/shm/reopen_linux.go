//go:build !ipc_portable

package shm

import (
	"os"
	"strconv"
	"sync"
	"syscall"
)

// From linux/fcntl.h: record locks of open file descriptions, since Linux 3.15.
var best = sync.OnceValue(func() commands {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return posix // Reopen could not work
	}
	return commands{get: 36, set: 37, wait: 38}
})

// Reopen opens the file of the segment again: a description that holds no
// locks, for another process. The descriptor is close-on-exec.
func (s *Segment) Reopen() (int, error) {
	name := "/proc/self/fd/" + strconv.Itoa(s.fd)
	for {
		fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
		if err != syscall.EINTR {
			return fd, os.NewSyscallError("open", err)
		}
	}
}
