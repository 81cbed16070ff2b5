package ipctest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mpbox/mpbox/ipc"
)

// mark is the variable by which a process is known as a descendant of this
// one even if its parent has ended. Its value is a list of words: a test
// binary that another one runs is a descendant of both.
const mark = "IPCTEST_PROCESS"

// ipcMark is in the environment that a child of ipc was started with, which
// the kernel goes on showing.
const ipcMark = "GO_IPC_CHILD"

// A process is one that descends from this one.
type process struct {
	pid, ppid int
	since     string // its start, by which it differs from others of its number
	zombie    bool
	command   string
	test      string // that it was started in, if known
	isChild   bool   // of ipc, at any depth
	marked    bool
}

type processes []process

// String describes a process for those who look for where it comes from.
func (p process) String() string {
	s := fmt.Sprintf("process %d: %s", p.pid, p.command)
	if p.zombie {
		s = fmt.Sprintf("zombie %d: %s, for which its parent, process %d, has not waited", p.pid, p.command, p.ppid)
	}
	if c := active(p.pid); c != nil {
		s += ", " + c.String()
	} else if p.ppid != os.Getpid() && !p.zombie {
		s += fmt.Sprintf(", parent %d", p.ppid)
	}
	if p.test != "" {
		s += ", started in " + p.test
	}
	return s
}

func (all processes) has(p process) bool {
	return slices.ContainsFunc(all, func(q process) bool { return q.pid == p.pid && q.since == p.since })
}

func (all processes) without(others processes) processes {
	return slices.DeleteFunc(slices.Clone(all), others.has)
}

// line is p and its ancestors, as far as they are in the list.
func (all processes) line(p process) processes {
	line := processes{p}
	// No longer than the list: it was not made in one instant.
	for len(line) <= len(all) {
		i := slices.IndexFunc(all, func(q process) bool { return q.pid == line[len(line)-1].ppid })
		if i < 0 {
			break
		}
		line = append(line, all[i])
	}
	return line
}

// adopt marks this process, so that its descendants are known by it.
var adopt = sync.OnceFunc(func() { os.Setenv(mark, inherited+markFor("")) })

// inherited are the marks of the test binaries that have started this one.
var inherited = os.Getenv(mark)

// self is this process among others: the pid alone may have been another's.
var self = sync.OnceValue(func() string {
	p, _ := status("self")
	return strconv.Itoa(os.Getpid()) + "." + p.since
})

// markFor is the word for the descendants that are started in a test, or in
// none.
func markFor(test string) string { return " " + self() + "/" + test }

// list lists the descendants of this process.
func list() processes {
	all, err := fromProc()
	if err != nil {
		all, err = fromPs()
	}
	if err != nil {
		return fromIPC()
	}
	var ours processes
	for _, p := range all {
		if p.pid != os.Getpid() && slices.ContainsFunc(all.line(p), isOurs) {
			ours = append(ours, p)
		}
	}
	return ours
}

func isOurs(p process) bool { return p.pid != os.Getpid() && (p.marked || p.ppid == os.Getpid()) }

// fromProc lists the processes that are not older than this one, by Linux's
// /proc.
func fromProc() (processes, error) {
	if runtime.GOOS != "linux" {
		return nil, os.ErrNotExist
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	us, err := status("self")
	if err != nil {
		return nil, err
	}
	var all processes
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		p, err := status(e.Name())
		if err != nil || later(us.since, p.since) {
			continue // it has ended, or can't be a descendant
		}
		p.describe()
		all = append(all, p)
	}
	return all, nil
}

// later compares numbers of clock ticks.
func later(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

// status reads /proc/PID/stat.
func status(pid string) (process, error) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return process{}, err
	}
	// The name is in parentheses and may have some itself.
	s := string(b)
	open, end := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	const startTime = 19 // counted from behind the name
	if open < 0 || end < open {
		return process{}, os.ErrInvalid
	}
	fields := strings.Fields(s[end+1:])
	if len(fields) <= startTime {
		return process{}, os.ErrInvalid
	}
	p := process{since: fields[startTime], zombie: fields[0] == "Z" || fields[0] == "X", command: "[" + s[open+1:end] + "]"}
	p.pid, _ = strconv.Atoi(strings.TrimSpace(s[:open]))
	p.ppid, _ = strconv.Atoi(fields[1])
	return p, nil
}

// describe reads what a process was started with.
func (p *process) describe() {
	dir := "/proc/" + strconv.Itoa(p.pid)
	if b, _ := os.ReadFile(dir + "/cmdline"); len(b) > 0 {
		p.command = strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " "))
	}
	// That of another user's process can't be read; nor is it ours.
	b, _ := os.ReadFile(dir + "/environ")
	for v := range strings.SplitSeq(string(b), "\x00") {
		name, value, _ := strings.Cut(v, "=")
		switch name {
		case ipcMark:
			p.isChild = true
		case mark:
			_, rest, found := strings.Cut(value, " "+self()+"/")
			p.marked = found
			p.test, _, _ = strings.Cut(rest, " ")
		}
	}
}

// fromPs lists all processes by the ps command, without their environments.
func fromPs() (processes, error) {
	cmd := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=,command=")
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all processes
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		p := process{zombie: strings.HasPrefix(f[2], "Z"), command: strings.Join(f[3:], " ")}
		p.pid, _ = strconv.Atoi(f[0])
		p.ppid, _ = strconv.Atoi(f[1])
		p.isChild = active(p.pid) != nil
		if p.pid != cmd.Process.Pid {
			all = append(all, p)
		}
	}
	return all, nil
}

// fromIPC lists what ipc knows: its children.
func fromIPC() processes {
	var all processes
	for _, c := range ipc.ActiveChildren() {
		all = append(all, process{pid: c.Pid(), ppid: os.Getpid(), command: c.Name, isChild: true})
	}
	return all
}
