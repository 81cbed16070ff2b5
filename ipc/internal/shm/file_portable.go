//go:build unix && (!linux || ipc_portable || !(amd64 || arm64))

package shm

import (
	"os"
	"syscall"
)

func createFile(size int64) (int, error) { return unlinkedFile(size) }

// Reserve makes sure that the n bytes at off have memory behind them, so that
// a full disk is an error here and not a SIGBUS later. The bytes become zero.
func (s *Segment) Reserve(off, n uint32) error {
	zero := make([]byte, min(n, 64<<10))
	for n > 0 {
		k, err := syscall.Pwrite(s.fd, zero[:min(n, uint32(len(zero)))], int64(off))
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("pwrite", err)
		}
		off, n = off+uint32(k), n-uint32(k)
	}
	return nil
}

// Populate has the pages of the n bytes at off ready to be written to, where
// the system can do that.
func (s *Segment) Populate(off, n uint32) {}

// Make makes a buffer.
func Make(n int) []byte { return make([]byte, n) }
