package timeline

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// printable is s in one line, without what a terminal could take for a command.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			return -1
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// name is what a process is called in the pictures.
func (s *scene) name(process int) string {
	p := s.log.Processes[process]
	if n := printable(p.Name); strings.TrimSpace(n) != "" {
		return n
	}
	return "process " + strconv.Itoa(process+1)
}

// object is what an object is called in the pictures.
func (s *scene) object(i int) string {
	if i < 0 || i >= len(s.log.Objects) {
		return "something"
	}
	return printable(s.log.Objects[i].String())
}

// reason says what a wait is for, in words that follow "waits for".
func (s *scene) reason(e Event) string {
	o := s.object(e.Object)
	switch e.For {
	case ForValue:
		return "a value in " + o
	case ForRoom:
		return "room in " + o
	case ForParties:
		return "the others at " + o
	case ForEvent:
		return o + " to be set"
	case ForNotify:
		return "a notification of " + o
	case ForTasks:
		if e.Object < 0 {
			return "the tasks of a pool"
		}
		return "the tasks of " + o
	case ForEnd:
		return "the end of " + s.peer(e)
	case ForTask:
		return "a task"
	}
	return o
}

// thing is the reason in fewer words.
func (s *scene) thing(e Event) string {
	switch e.For {
	case ForEnd:
		return s.peer(e)
	case ForTask:
		return "task"
	case ForTasks:
		return "tasks"
	}
	return s.object(e.Object)
}

func (s *scene) peer(e Event) string {
	if e.Peer < 0 {
		return "a process"
	}
	return s.name(e.Peer)
}

// ending says how a process ended.
func (n *lane) ending() string {
	switch {
	case !n.ended:
		return "not ended"
	case n.Code < 0:
		return signalName(-n.Code)
	}
	return "exit " + strconv.Itoa(n.Code)
}

// killed tells whether a signal ended the process.
func (n *lane) killed() bool { return n.ended && n.Code < 0 }

// missing says what the log does not have, a sentence each.
func (l *Log) missing() []string {
	var lines []string
	if l.Lost > 0 {
		lines = append(lines, fmt.Sprintf("%s missing: the log had no room for more.", many(l.Lost, "older event is", "older events are")))
	}
	if l.Unlisted > 0 {
		lines = append(lines, fmt.Sprintf("%s missing: the log had no room for more.", many(l.Unlisted, "process is", "processes are")))
	}
	return lines
}

// many is "1 one" or "n more".
func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}

var signalNames = map[syscall.Signal]string{
	syscall.SIGABRT: "SIGABRT", syscall.SIGALRM: "SIGALRM", syscall.SIGBUS: "SIGBUS",
	syscall.SIGCHLD: "SIGCHLD", syscall.SIGCONT: "SIGCONT", syscall.SIGFPE: "SIGFPE",
	syscall.SIGHUP: "SIGHUP", syscall.SIGILL: "SIGILL", syscall.SIGINT: "SIGINT",
	syscall.SIGIO: "SIGIO", syscall.SIGKILL: "SIGKILL", syscall.SIGPIPE: "SIGPIPE",
	syscall.SIGPROF: "SIGPROF", syscall.SIGQUIT: "SIGQUIT", syscall.SIGSEGV: "SIGSEGV",
	syscall.SIGSTOP: "SIGSTOP", syscall.SIGSYS: "SIGSYS", syscall.SIGTERM: "SIGTERM",
	syscall.SIGTRAP: "SIGTRAP", syscall.SIGTSTP: "SIGTSTP", syscall.SIGTTIN: "SIGTTIN",
	syscall.SIGTTOU: "SIGTTOU", syscall.SIGURG: "SIGURG", syscall.SIGUSR1: "SIGUSR1",
	syscall.SIGUSR2: "SIGUSR2", syscall.SIGVTALRM: "SIGVTALRM", syscall.SIGWINCH: "SIGWINCH",
	syscall.SIGXCPU: "SIGXCPU", syscall.SIGXFSZ: "SIGXFSZ",
}

// signalName is the name of a signal on this system.
func signalName(n int) string {
	if name, ok := signalNames[syscall.Signal(n)]; ok {
		return name
	}
	return "signal " + strconv.Itoa(n)
}

// timeText is d as it stands in a scale: without parts that are zero.
func timeText(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ticks are the round times up to end, at least one unless there is room for
// none, and at most count.
func ticks(end time.Duration, count int) []time.Duration {
	step := roundStep(end, count)
	var t []time.Duration
	for at := time.Duration(0); at <= end && len(t) < max(count, 1); at += step {
		t = append(t, at)
		if at > end-step {
			break
		}
	}
	return t
}

// roundStep is the shortest round step of which count reach up to end.
func roundStep(end time.Duration, count int) time.Duration {
	count = max(count, 1)
	fits := func(step time.Duration) bool { return end/step < time.Duration(count) }
	for unit := time.Nanosecond; unit < time.Minute; unit *= 10 {
		for _, n := range []time.Duration{1, 2, 5} {
			if step := n * unit; step < 30*time.Second && fits(step) {
				return step
			}
		}
	}
	for _, n := range []time.Duration{1, 2, 4, 10, 20, 40, 60, 120, 240, 720, 1440} {
		if step := n * 30 * time.Second; fits(step) {
			return step
		}
	}
	step := 24 * time.Hour
	for !fits(step) && step < 1<<61 {
		step *= 2
	}
	return step
}
