package ipctest

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/space"
)

// NoLeaks fails the test if it ends with something left that was not there
// when NoLeaks was called: a process (a child, a daemon, a zombie, a process
// whose parent has ended), a descriptor, a handle of ipc that was not closed,
// or one of ipc's files in the temporary folders. It names them, after it has
// waited a few seconds for what is just ending. Processes that are left it
// kills. Call it first, so that it looks after all other cleanup.
//
// What tests that run at the same time have started can't be told apart, so
// the test can't be parallel: NoLeaks or Parallel panics, as with t.Setenv. A
// test whose subtests are parallel can call it, for all of them.
func NoLeaks(t testing.TB) {
	t.Helper()
	adopt()
	t.Setenv(mark, inherited+markFor(t.Name()))
	prime()
	before := inventory(tempDirs())
	t.Cleanup(func() {
		t.Helper()
		if left := before.await(); !left.none() {
			t.Errorf("left behind:\n\t%s", strings.Join(left.lines(), "\n\t"))
		}
	})
}

// await waits until nothing is there that was not before, and returns what is
// there nevertheless. It kills processes, and does not list the descriptors
// that ipc has for them as long as they live.
func (before belongings) await() (left belongings) {
	none := func() bool {
		left = inventory(before.dirs).without(before)
		return left.none()
	}
	if poll(none) || len(left.processes) == 0 {
		return left
	}
	found := left.processes
	killed := belongings{processes: found}.lines()
	kill(found)
	before.processes = append(before.processes, found...)
	poll(none)
	left.killed = killed
	return left
}

// prime makes what a process has once: the poller of the Go runtime.
func prime() {
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
}

// belongings are what a test can leave.
type belongings struct {
	processes   processes
	killed      []string // processes, in words: they are no more
	descriptors []descriptor
	handles     int
	dirs, files []string
}

func inventory(dirs []string) belongings {
	// The memory of closed handles goes when they are found to be garbage.
	if _, lingering, _ := space.Usage(); lingering > 0 {
		runtime.GC()
	}
	b := belongings{processes: list(), descriptors: descriptors(), dirs: dirs}
	_, _, b.handles = space.Usage()
	for _, dir := range dirs {
		files, _ := filepath.Glob(filepath.Join(dir, "ipc-*"))
		b.files = append(b.files, files...)
	}
	return b
}

// tempDirs are where ipc's portable backend makes its files, each of which
// has a name for an instant.
func tempDirs() []string {
	dirs := []string{"/dev/shm", filepath.Clean(os.TempDir()), "/tmp", "/var/tmp"}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// without is what was not there before.
func (b belongings) without(before belongings) belongings {
	return belongings{
		processes:   b.processes.without(before.processes),
		descriptors: notOfSegments(subtract(b.descriptors, before.descriptors)),
		handles:     max(0, b.handles-before.handles),
		files:       subtract(b.files, before.files),
	}
}

func subtract[T comparable](all, others []T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool { return slices.Contains(others, v) })
}

func (b belongings) none() bool {
	return len(b.processes) == 0 && len(b.killed) == 0 && len(b.descriptors) == 0 && b.handles == 0 && len(b.files) == 0
}

func (b belongings) lines() []string {
	lines := slices.Clone(b.killed)
	for _, p := range b.processes {
		lines = append(lines, p.String())
	}
	for _, d := range b.descriptors {
		lines = append(lines, "descriptor "+strconv.Itoa(d.fd)+": "+d.what)
	}
	if b.handles > 0 {
		lines = append(lines, strconv.Itoa(b.handles)+" handles of ipc (Queue, Lock, end of a pipe, ...) that were not closed")
	}
	for _, f := range b.files {
		lines = append(lines, "file "+f)
	}
	return lines
}
