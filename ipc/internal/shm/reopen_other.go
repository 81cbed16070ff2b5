//go:build unix && (!linux || ipc_portable)

package shm

import "syscall"

func best() commands { return posix }

// Reopen is for record locks of open file descriptions, which are not used here.
func (s *Segment) Reopen() (int, error) { return -1, syscall.ENOTSUP }
