//go:build unix

package shm

import (
	"io"
	"os"
	"syscall"
	"time"
)

// Record locks (fcntl(2), POSIX) are the kernel's own list of who is alive: a
// process holds the byte of its place in the segment, and loses it the moment
// it ends, however it ends, before its parent can reap it. A pid that is used
// again can't be mistaken for the dead one, since the lock is not its.

// Hold takes the lock on byte n for this process. It reports false if another
// process has it.
func (s *Segment) Hold(n int64) (bool, error) {
	err := s.flock(syscall.F_SETLK, syscall.F_WRLCK, n)
	if err == syscall.EAGAIN || err == syscall.EACCES {
		return false, nil
	}
	return err == nil, os.NewSyscallError("fcntl", err)
}

// Lock takes the lock on byte n for this process, and waits for it. The
// caller serialises the calls of one process: record locks do not see
// goroutines, and the kernel's deadlock check takes a process for one thread.
func (s *Segment) Lock(n int64) error {
	for {
		err := s.flock(syscall.F_SETLKW, syscall.F_WRLCK, n)
		if err != syscall.EDEADLK {
			return os.NewSyscallError("fcntl", err)
		}
		// A record lock elsewhere in the program makes the kernel see a
		// circle where there is none: ours is held for microseconds only.
		time.Sleep(time.Millisecond)
	}
}

// Unlock gives up the lock on byte n.
func (s *Segment) Unlock(n int64) error {
	return os.NewSyscallError("fcntl", s.flock(syscall.F_SETLK, syscall.F_UNLCK, n))
}

// Held reports whether another process holds the lock on byte n.
func (s *Segment) Held(n int64) bool {
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: n, Len: 1}
	for {
		err := syscall.FcntlFlock(uintptr(s.fd), syscall.F_GETLK, &l)
		if err == syscall.EINTR {
			continue
		}
		// An answer that can't be had must not bury the living.
		return err != nil || l.Type != syscall.F_UNLCK
	}
}

func (s *Segment) flock(cmd int, typ int16, n int64) error {
	l := syscall.Flock_t{Type: typ, Whence: io.SeekStart, Start: n, Len: 1}
	for {
		if err := syscall.FcntlFlock(uintptr(s.fd), cmd, &l); err != syscall.EINTR {
			return err
		}
	}
}
