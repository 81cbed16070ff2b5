package ipc

import (
	"os"
	"syscall"
)

const noSignal = 0

// quiet makes a send to nobody an error and no signal.
func quiet(fd int) error {
	err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 1)
	return os.NewSyscallError("setsockopt", err)
}
