package box

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// sharedMemory is where files of package ipc would show, which all begin so. Those
// of others are theirs: any program may come and go meanwhile.
const (
	sharedMemory = "/dev/shm"
	ourFiles     = "ipc-"
)

// tidy is how long what ends may take until nothing of it is left.
const tidy = time.Second

// cmdGone is the command gone.
func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	limit := tidy
	if neg || len(args) > 1 {
		ts.Fatalf("usage: gone [LIMIT]")
	}
	if len(args) == 1 {
		var err error
		limit, err = time.ParseDuration(args[0])
		ts.Check(err)
	}
	id := runOf(ts).id
	left := until(limit, func() []string { return describeAll(processesOf(id)) })
	if len(left) > 0 {
		killRun(id)
		ts.Fatalf("left behind:\n%s", strings.Join(left, "\n"))
	}
}

// cmdNoleft is the command noleft.
func cmdNoleft(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: noleft")
	}
	before, temp := runOf(ts).shared, ts.Getenv("TMPDIR")
	left := until(tidy, func() []string {
		var left []string
		for name := range filesIn(temp) {
			left = append(left, name)
		}
		for name := range filesIn(sharedMemory) {
			if !before[name] && strings.HasPrefix(filepath.Base(name), ourFiles) {
				left = append(left, name)
			}
		}
		return left
	})
	if len(left) > 0 {
		ts.Fatalf("left behind: %s", strings.Join(left, " "))
	}
}

// until asks for what is left, again and again, until it is nothing or the
// time is up.
func until(limit time.Duration, left func() []string) []string {
	end := time.Now().Add(limit)
	for {
		l := left()
		if len(l) == 0 || time.Now().After(end) {
			return l
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// filesIn lists a folder; one that is not there is empty.
func filesIn(dir string) map[string]bool {
	names := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return names
	}
	for _, e := range entries {
		names[filepath.Join(dir, e.Name())] = true
	}
	return names
}

// processesOf finds the processes of a script, or of all scripts whose run
// begins with id, by their environment. That of a zombie can't be read: it is
// its parent's, which is found.
func processesOf(id string) []int {
	var pids []int
	mark := []byte("\x00" + runVar + "=" + id)
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		panic(err) // a malformed pattern
	}
	for _, folder := range folders {
		environ, err := os.ReadFile(filepath.Join(folder, "environ"))
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), mark) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// describeAll says what the processes are.
func describeAll(pids []int) []string {
	var lines []string
	for _, pid := range pids {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // it has ended meanwhile
		}
		lines = append(lines, fmt.Sprintf("%d %s", pid, bytes.ReplaceAll(cmdline, []byte{0}, []byte(" "))))
	}
	return lines
}

// killRun kills the processes of a run, so that a script that has failed
// leaves nothing behind either.
func killRun(id string) {
	for _, pid := range processesOf(id) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
	}
}

// key is the name in NAME=VALUE.
func key(kv string) string {
	k, _, _ := strings.Cut(kv, "=")
	return k
}
