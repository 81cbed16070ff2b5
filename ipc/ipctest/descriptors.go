package ipctest

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mpbox/mpbox/ipc/internal/space"
)

// A descriptor is an open file of this process.
type descriptor struct {
	fd   int
	what string
}

func descriptors() []descriptor {
	if runtime.GOOS == "linux" {
		if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
			return named(entries)
		}
	}
	return numbered()
}

// named tells what each descriptor is. The one that the folder was read by is
// closed by now.
func named(entries []os.DirEntry) []descriptor {
	var all []descriptor
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if what, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			all = append(all, descriptor{fd, what})
		}
	}
	return all
}

// numbered asks for one descriptor after the other, where there is no list of
// them.
func numbered() []descriptor {
	const most = 1 << 12 // more than tests have open
	var all []descriptor
	for fd := range most {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) == nil {
			all = append(all, descriptor{fd, describe(&st)})
		}
	}
	return all
}

// describe gives what has no name the one that Linux would.
func describe(st *syscall.Stat_t) string {
	switch kind := st.Mode & syscall.S_IFMT; {
	case kind == syscall.S_IFIFO:
		return fmt.Sprintf("pipe:[%d]", st.Ino)
	case kind == syscall.S_IFSOCK:
		return fmt.Sprintf("socket:[%d]", st.Ino)
	case kind == syscall.S_IFREG && st.Nlink == 0: // the portable backend has such files
		return fmt.Sprintf("ipc-%d (deleted)", st.Ino)
	}
	return fmt.Sprintf("file %d of device %d, mode %o", st.Ino, st.Dev, st.Mode)
}

// notOfSegments leaves out the descriptors of ipc's shared memory, which it
// keeps, and of the pipes that go with it under the portable backend: those
// have no name, so it is the ones with the nearest numbers.
func notOfSegments(all []descriptor) []descriptor {
	var segments, others []descriptor
	for _, d := range all {
		if isSegment(d.what) {
			segments = append(segments, d)
		} else {
			others = append(others, d)
		}
	}
	for _, s := range segments {
		slices.SortStableFunc(others, func(a, b descriptor) int { return cmp.Compare(rank(a, s), rank(b, s)) })
		n := 0
		for n < len(others) && n < space.Descriptors-1 && strings.HasPrefix(others[n].what, "pipe:") {
			n++
		}
		others = others[n:]
	}
	slices.SortFunc(others, func(a, b descriptor) int { return cmp.Compare(a.fd, b.fd) })
	return others
}

func isSegment(what string) bool {
	name, unlinked := strings.CutSuffix(what, " (deleted)")
	return unlinked && (name == "/memfd:ipc" || strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "ipc-"))
}

// rank orders the descriptors by how likely they go with segment s.
func rank(d, s descriptor) int {
	far := max(d.fd-s.fd, s.fd-d.fd)
	if !strings.HasPrefix(d.what, "pipe:") {
		far += 1 << 30
	}
	return far
}
