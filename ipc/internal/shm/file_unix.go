//go:build unix

package shm

import (
	"errors"
	"os"
	"syscall"
)

// unlinkedFile makes a file of size bytes that has no name any more when it
// returns. Memory-backed folders come first, since the system writes a file
// on a disk back to it now and then.
func unlinkedFile(size int64) (int, error) {
	var errs []error
	for _, dir := range []string{"/dev/shm", os.TempDir(), "/tmp", "/var/tmp"} {
		fd, err := unlinkedFileIn(dir, size)
		if err == nil {
			return fd, nil
		}
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			return -1, err
		}
		errs = append(errs, err)
	}
	return -1, errors.Join(errs...)
}

func unlinkedFileIn(dir string, size int64) (int, error) {
	f, err := os.CreateTemp(dir, "ipc-")
	if err != nil {
		return -1, err
	}
	defer f.Close()
	// If we die here, an empty file of the name ipc-* is left: the one
	// instant in which this backend owns a name.
	if err := os.Remove(f.Name()); err != nil {
		return -1, err
	}
	if err := f.Truncate(size); err != nil {
		return -1, err
	}
	// A descriptor outside of os.File: closing any descriptor of the file
	// would drop this process's record locks, so there must be just one, and
	// no finalizer that closes it.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return -1, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(fd)
	return fd, nil
}
