//go:build !linux

package ipc

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// supported refuses what would not hold: elsewhere a limit of data does not
// count what Go allocates.
func (l *Limits) supported() error {
	switch {
	case l.Memory != 0:
		return fmt.Errorf("limit of memory: %w", errors.ErrUnsupported)
	case l.CPUs != nil:
		return fmt.Errorf("limit of CPUs: %w", errors.ErrUnsupported)
	}
	return nil
}

func limitMemory(int64) error { return errors.ErrUnsupported }

func setCPUs([]int) error { return errors.ErrUnsupported }

func setNice(n int) error {
	return os.NewSyscallError("setpriority", syscall.Setpriority(syscall.PRIO_PROCESS, 0, n))
}
