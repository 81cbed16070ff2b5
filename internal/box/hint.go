package box

import (
	"errors"
	"strings"
	"syscall"
)

// hints says in plain words what the system ran out of, and where to look.
var hints = []struct {
	errno syscall.Errno
	text  string
}{
	{syscall.EAGAIN, "The system is out of processes for this user: see `ulimit -u`, or ask for fewer."},
	{syscall.EMFILE, "This process is out of file descriptors: see `ulimit -n`, or ask for less."},
	{syscall.ENFILE, "The whole system is out of file descriptors: `ulimit -n` does not help here."},
	{syscall.ENOMEM, "The system is out of memory: ask for less."},
	{syscall.ENOSPC, "No space is left: on the disk, or in /dev/shm."},
}

// hintFor returns the hint for an error, or "". An error that came from
// another process is only text, so the text counts as well.
func hintFor(err error) string {
	for _, h := range hints {
		if errors.Is(err, h.errno) || strings.Contains(err.Error(), h.errno.Error()) {
			return h.text
		}
	}
	return ""
}
