//go:build unix && !darwin

package ipc

import "syscall"

// noSignal makes a send to nobody an error and no signal.
const noSignal = syscall.MSG_NOSIGNAL

// quiet does the same for a socket where that is an option of sockets.
func quiet(int) error { return nil }
