package ipc

import (
	"os"
	"slices"
	"strconv"
	"sync"
)

// A resident tells how much memory a process has. It is of that process and
// no other even if the number is used again.
type resident struct{ file *os.File }

// openResident opens the number for a process, nil if it can't be had.
func openResident(pid int) *resident {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return nil
	}
	return &resident{f}
}

// read gives the bytes of memory that the process has for itself: without the
// pages of files and of shared memory. 0 if it has ended.
func (r *resident) read() int64 {
	n := statm(r.file)
	return max(0, n[1]-n[2])
}

func (r *resident) close() { r.file.Close() }

// mappedData is how much private writable memory this process has mapped,
// used or not; 0 if nobody knows.
func mappedData() int64 {
	f, err := os.Open("/proc/self/statm")
	if err != nil {
		return 0
	}
	defer f.Close()
	return statm(f)[5]
}

// statm reads the fields of a statm file as bytes: 0 all that is mapped, 1
// resident, 2 of that shared, 5 mapped data and stacks.
func statm(f *os.File) (fields [7]int64) {
	b := make([]byte, 256)
	n, _ := f.ReadAt(b, 0)
	page := int64(os.Getpagesize())
	for i := range fields {
		fields[i], b = number(b[:n])
		fields[i] *= page
		n = len(b)
	}
	return fields
}

// number takes the number off the head of b, with what is before it.
func number(b []byte) (n int64, rest []byte) {
	at := slices.IndexFunc(b, isDigit)
	if at < 0 {
		return 0, nil
	}
	b = b[at:]
	for len(b) > 0 && isDigit(b[0]) {
		n, b = n*10+int64(b[0]-'0'), b[1:]
	}
	return n, b
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// oomFile is where the kernel counts the processes that it has killed for
// want of memory: those of our control group if that can be read.
var oomFile = sync.OnceValue(func() string {
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for _, name := range oomFiles(groups) {
		if b, err := os.ReadFile(name); err == nil && oomCount(b) >= 0 {
			return name
		}
	}
	return "/proc/vmstat"
})

// oomFiles lists where the count can be, by the lines of /proc/self/cgroup:
// in the own group, or at the top, which in a container is the own group.
func oomFiles(groups []byte) (names []string) {
	const top, v1 = "/sys/fs/cgroup", "/sys/fs/cgroup/memory"
	for len(groups) > 0 {
		line := groups
		if i := slices.Index(groups, '\n'); i >= 0 {
			line, groups = groups[:i], groups[i+1:]
		} else {
			groups = nil
		}
		_, after, _ := splitAt(string(line), ":")
		controllers, path, ok := splitAt(after, ":")
		if !ok {
			continue
		}
		switch controllers {
		case "":
			names = append(names, top+path+"/memory.events", top+"/memory.events")
		case "memory":
			names = append(names, v1+path+"/memory.oom_control", v1+"/memory.oom_control")
		}
	}
	return names
}

// oomKills is how many processes the kernel has killed for want of memory.
func oomKills() int64 {
	b, err := os.ReadFile(oomFile())
	if err != nil {
		return 0
	}
	return max(0, oomCount(b))
}

// oomCount finds the line "oom_kill N", -1 if there is none.
func oomCount(b []byte) int64 {
	_, after, ok := splitAt("\n"+string(b), "\noom_kill ")
	if !ok {
		return -1
	}
	n, _ := number([]byte(after))
	return n
}
