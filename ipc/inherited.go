package ipc

import (
	"os"
	"strconv"
	"syscall"
)

// closeInherited closes the descriptors from first on that this process got
// from its parent without being meant to: those that the parent itself was
// given by somebody, or opened by system calls, without close-on-exec. What
// the Go runtime has opened since has that flag, which tells them apart.
func closeInherited(first int) {
	for _, fd := range openDescriptors() {
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if fd >= first && errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			syscall.Close(fd)
		}
	}
}

// openDescriptors lists the open descriptors, or those that may be open where
// the system has no list.
func openDescriptors() (fds []int) {
	if dir, err := os.Open("/proc/self/fd"); err == nil {
		defer dir.Close()
		names, _ := dir.Readdirnames(-1)
		for _, name := range names {
			if fd, err := strconv.Atoi(name); err == nil {
				fds = append(fds, fd)
			}
		}
		return fds
	}
	const most = 1024
	for fd := range most {
		fds = append(fds, fd)
	}
	return fds
}
