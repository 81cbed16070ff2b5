package ipc_test

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// A way is how a process ends.
type way struct {
	name  string
	code  int
	clean bool // its target ends, and it leaves in good order
}

var ways = []way{
	{"return", 0, true},
	{"error", 1, true},
	{"panic", 1, true},
	{"exit", 3, false},
	{"crash", 2, false}, // a panic of another goroutine
	{"fatal", 2, false}, // an error that the runtime does not survive
	{"segv", 2, false},
	{"term", -int(syscall.SIGTERM), false},
	{"kill", -int(syscall.SIGKILL), false},
	orphaned,
}

// mostDifferent are those that make do in a short test.
var mostDifferent = []string{"return", "kill"}

// orphaned is SIGKILL of a process whose parent is dead already: nobody reaps
// it who could tell the others.
var orphaned = way{"orphan", 0, false}

// outside is SIGKILL by another process, at any moment.
var outside = way{"outside", -int(syscall.SIGKILL), false}

// abrupt are the ways that do not wait for the children of who ends.
func abrupt(w way) bool { return !w.clean }

// die ends the calling process.
func die(how string) error {
	switch how {
	case "error":
		return errors.New("no luck")
	case "panic":
		panic("ouch")
	case "exit":
		os.Exit(3)
	case "crash":
		go func() { panic("ouch") }()
		select {}
	case "fatal":
		new(sync.Mutex).Unlock()
	case "segv":
		raise(syscall.SIGSEGV)
	case "term":
		raise(syscall.SIGTERM)
	case "kill", orphaned.name:
		raise(syscall.SIGKILL)
	}
	return nil
}

func raise(sig syscall.Signal) {
	_ = syscall.Kill(os.Getpid(), sig)
	select {}
}
