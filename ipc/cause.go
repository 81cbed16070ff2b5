package ipc

import (
	"syscall"
	"time"
)

// A Cause is why a process, or a task of a pool, ended as it did.
type Cause int

const (
	// CauseUnknown is that of a process that ended well, that somebody else
	// has reaped, or whose exit code 2 may be os.Exit(2) or a crash of the Go
	// runtime, of which nobody has collected the words.
	CauseUnknown Cause = iota
	// CauseExit is an exit code of the process's own: os.Exit.
	CauseExit
	// CauseError is an error that the target returned.
	CauseError
	// CausePanic is a panic, of the target or of another goroutine.
	CausePanic
	// CauseKilled is a signal: of Terminate and Kill, or from outside.
	CauseKilled
	// CauseCrash is a fatal error of the Go runtime, or a signal like SIGSEGV,
	// SIGBUS or SIGABRT.
	CauseCrash
	// CauseCrashInC is such a signal in C code.
	CauseCrashInC
	// CauseMemory is the want of memory: the process came to its limit or to
	// that of the machine, or the kernel killed it to have its memory.
	CauseMemory
	// CauseCPU is the limit of CPU time.
	CauseCPU
	// CauseTimeout is the time that a process or a task had.
	CauseTimeout
	// CauseCancelled is that the parent wanted its end.
	CauseCancelled
	// CauseStart is a child that failed before it came to its target.
	CauseStart
)

// String describes the cause in a word or three.
func (c Cause) String() string {
	words := [...]string{
		"unknown", "exit", "error", "panic", "killed", "crash", "crash in C", "out of memory",
		"CPU time limit", "timeout", "cancelled", "start failed",
	}
	if c < 0 || int(c) >= len(words) {
		return words[CauseUnknown]
	}
	return words[c]
}

// An ending is what a parent knows of how a child has ended.
type ending struct {
	code      int
	lost      bool          // somebody else has reaped it
	reported  Cause         // what the child told, unknown if it told nothing
	asked     Cause         // what we ended it for, unknown if we did not
	signalled bool          // we have sent SIGKILL
	collected bool          // its standard error is
	stderr    string        // the last of it
	oom       bool          // the kernel killed it to have its memory
	oomBefore int64         // how many it had killed before
	cpu       time.Duration // what it has used
	maxCPU    time.Duration // what it was to use at most, 0 for no limit
	maxMemory int64         // bytes, 0 for no limit
}

// cause says why. What we did is certain, then what the child told of itself;
// a signal tells more than text.
func (e *ending) cause() Cause {
	switch {
	case e.asked != CauseUnknown:
		return e.asked
	case e.reported != CauseUnknown:
		return e.reported
	case e.lost || e.code == 0:
		return CauseUnknown
	case e.code == 2, e.code == -int(syscall.SIGABRT): // the latter by GOTRACEBACK=crash
		c := textCause(e.stderr)
		if c == CauseCrash && e.maxMemory > 0 && inCollector(e.stderr) {
			return CauseMemory
		}
		if c != CauseUnknown {
			return c
		}
	}
	switch {
	case e.code < 0:
		return e.signalCause(syscall.Signal(-e.code))
	case e.code == 2 && !e.collected:
		return CauseUnknown
	}
	return CauseExit
}

func (e *ending) signalCause(sig syscall.Signal) Cause {
	switch sig {
	case syscall.SIGKILL:
		// The clock that the limit goes by is not quite that of the total.
		outOfTime := e.maxCPU > 0 && e.cpu >= e.maxCPU-e.maxCPU/10
		switch {
		case e.signalled:
		case e.oom:
			return CauseMemory
		case outOfTime:
			return CauseCPU
		}
	case syscall.SIGXCPU:
		return CauseCPU
	case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGABRT, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP, syscall.SIGSYS:
		return CauseCrash
	}
	return CauseKilled
}

// textCause tells from the last words of a Go program what it died of,
// unknown if they aren't those of a crash.
func textCause(text string) Cause {
	for rest := text; rest != ""; {
		var line string
		line, rest, _ = splitAt(rest, "\n")
		what, ok := crashLine(line)
		if !ok {
			continue
		}
		switch kind := line[:len(line)-len(what)]; kind {
		case "panic: ":
			return CausePanic
		case "runtime: ": // says more of the fatal error that follows
			if isMemory(what) {
				return CauseMemory
			}
		case "SIGHUP: ", "SIGINT: ", "SIGQUIT: ", "SIGTERM: ":
			return CauseKilled
		default: // "fatal error: ", or a signal
			// C++ says so before it aborts.
			if kind == "fatal error: " && isMemory(what) || has(text, "std::bad_alloc") {
				return CauseMemory
			}
			if has(rest, "signal arrived during cgo execution") {
				return CauseCrashInC
			}
			return CauseCrash
		}
	}
	return CauseUnknown
}

// inCollector reports whether the crash was one of the runtime itself, at work
// for the garbage collector. Some of that code, such as spanQueue of Go 1.26,
// goes on with a nil pointer where it is refused memory.
func inCollector(text string) bool {
	_, stack, _ := splitAt(text, "\ngoroutine 0 ")
	_, frame, _ := splitAt(stack, "\n")
	const runtime = "runtime."
	return len(frame) > len(runtime) && frame[:len(runtime)] == runtime && has(text, "\nruntime.gc")
}

// isMemory tells the Go runtime's messages that there is no memory. A thread
// can't be had for that reason too: ENOMEM is 12 everywhere.
func isMemory(what string) bool {
	return has(what, "out of memory") || has(what, "cannot allocate memory") ||
		has(what, "failed to create new OS thread") && has(what, "errno=12)")
}

// crashLine splits the first line of a crash after its "fatal error: ",
// "panic: ", "SIGSEGV: " and so on.
func crashLine(line string) (what string, ok bool) {
	head, what, ok := splitAt(line, ": ")
	return what, ok && fatalPrefix(head+": ")
}

// lastWords is the line in which text says what the program died of.
func lastWords(text string) string {
	for text != "" {
		var line string
		line, text, _ = splitAt(text, "\n")
		if what, ok := crashLine(line); ok && line[:len(line)-len(what)] != "runtime: " {
			return clipLine(line)
		}
	}
	return ""
}

// clipLine bounds a line for a message.
func clipLine(s string) string {
	const longest = 200
	if len(s) > longest {
		return s[:longest] + "..."
	}
	return s
}

// splitAt is strings.Cut. That package would be initialised in every child.
func splitAt(s, sep string) (before, after string, found bool) {
	for i := 0; i+len(sep) <= len(s); i++ {
		if s[i:i+len(sep)] == sep {
			return s[:i], s[i+len(sep):], true
		}
	}
	return s, "", false
}

func has(s, sub string) bool {
	_, _, ok := splitAt(s, sub)
	return ok
}
