package ipc

import (
	"syscall"
	"unsafe"
)

// awaitEnd waits until a child has ended, and leaves it to be reaped.
func awaitEnd(pid int) error {
	const (
		byPid    = 1       // P_PID
		infoSize = 128 / 8 // of a siginfo_t
	)
	var info [infoSize]uint64
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPid, uintptr(pid),
			uintptr(unsafe.Pointer(&info)), syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		switch errno {
		case 0:
			return nil
		case syscall.EINTR:
		default:
			return errno
		}
	}
}
