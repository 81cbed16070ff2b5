//go:build unix

package shm

import (
	"io"
	"os"
	"syscall"
	"time"
)

// Record locks (fcntl(2)) are the kernel's own list of who is alive: a process
// holds the byte of its place in the segment, and loses it the moment it ends,
// however it ends, before its parent can reap it. A pid that is used again
// can't be mistaken for the dead one, since the lock is not its.
//
// There are two kinds. Those of POSIX belong to the process, and are all lost
// when it closes any descriptor of the file: so it has only one. Those of open
// file descriptions, where the system has them, belong to what a descriptor
// stands for. They can also vouch for a place in a segment that is on its way
// to a process in a message, since the kernel keeps the description as long as
// the message. Each process needs a description of its own then: see Reopen.

// commands are those of fcntl for one kind of record locks.
type commands struct{ get, set, wait int }

var posix = commands{syscall.F_GETLK, syscall.F_SETLK, syscall.F_SETLKW}

// Vouches reports whether the segment's record locks belong to open file
// descriptions. All processes that map it agree.
func (s *Segment) Vouches() bool { return s.locks != posix }

// UsePosix has this process use record locks of POSIX on the segment.
func (s *Segment) UsePosix() { s.locks = posix }

// Hold takes the lock on byte n for this process. It reports false if another
// process has it.
func (s *Segment) Hold(n int64) (bool, error) {
	err := s.flock(s.locks.set, syscall.F_WRLCK, n)
	if err == syscall.EAGAIN || err == syscall.EACCES {
		return false, nil
	}
	return err == nil, os.NewSyscallError("fcntl", err)
}

// Vouch takes the lock on byte n for the description behind fd, see Reopen.
func (s *Segment) Vouch(fd int, n int64) error {
	other := Segment{fd: fd, locks: s.locks}
	ok, err := other.Hold(n)
	if err == nil && !ok {
		err = syscall.EBUSY
	}
	return err
}

// Lock takes the lock on byte n for this process, and waits for it. The
// caller serialises the calls of one process: record locks do not see
// goroutines, and the kernel's deadlock check takes a process for one thread.
func (s *Segment) Lock(n int64) error {
	for {
		err := s.flock(s.locks.wait, syscall.F_WRLCK, n)
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
	return os.NewSyscallError("fcntl", s.flock(s.locks.set, syscall.F_UNLCK, n))
}

// Held reports whether another process holds the lock on byte n.
func (s *Segment) Held(n int64) bool {
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: n, Len: 1}
	for {
		err := syscall.FcntlFlock(uintptr(s.fd), s.locks.get, &l)
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
