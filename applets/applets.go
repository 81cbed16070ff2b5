// Package applets holds the thirteen demonstrations, one file each, and the
// table of them.
//
// What a child process initialises is paid for at every start, and an import
// that sorts late would let the packages of the terminal pages start first:
// docs/design.md lists which imports are fine here.
package applets

import (
	"context"
	"embed"
	"fmt"

	_ "github.com/mpbox/mpbox/internal/bench" // its children end in our init too
	"github.com/mpbox/mpbox/ipc"
)

// Applet is one row of the table [All].
type Applet struct {
	// Name is what is typed, and the name of its file, page and script.
	Name string
	// Short says in one line what it shows.
	Short string
	// Group is the chapter: Processes, Talking, Meeting or Pool.
	Group string
	// Topics are shorter names under which its page is found.
	Topics []string
	// New returns a fresh command with all its flags at zero, to be filled in
	// from the command line.
	New func() Command
}

// Command is what an applet does: a pointer to a struct whose fields carry the
// tags of its flags.
type Command interface {
	// Run runs the demonstration. It returns soon after ctx is cancelled; the
	// children that it leaves then are the caller's to end.
	Run(ctx context.Context) error
	// Help describes it at length, with two examples.
	Help() string
}

// All is the table of the applets, in the order in which they are taught.
var All = []Applet{
	{"spawning_process", "Start a process, wait for it, start the next.",
		"Processes", []string{"spawn"}, func() Command { return &spawningCommand{} }},
	{"spawning_process_namespace", "Run a function of another package in processes side by side.",
		"Processes", []string{"namespace"}, func() Command { return &namespaceCommand{} }},
	{"myfunc", "Call the helper function of the others, in this very process.",
		"Processes", nil, func() Command { return &myfuncCommand{} }},
	{"naming_processes", "Give a process a name, and see the name that it gets without.",
		"Processes", []string{"naming"}, func() Command { return &namingCommand{} }},
	{"derom", "See a daemon end with the main program, and another process finish.",
		"Processes", []string{"daemon"}, func() Command { return &deromCommand{} }},
	{"no_bg_process", "Set the daemon attribute on one of two processes: it is cut off.",
		"Processes", nil, func() Command { return &noBgCommand{} }},
	{"run_bgprocess_no_dermon", "Run two processes without the daemon attribute: both finish.",
		"Processes", []string{"background"}, func() Command { return &noDermonCommand{} }},
	{"killing_processes", "Terminate a process, and look at its state before and after.",
		"Processes", []string{"kill"}, func() Command { return &killingCommand{} }},
	{"process_in_subclass", "Make a type of one's own into a process, by its Run method.",
		"Processes", []string{"subclass"}, func() Command { return &subclassCommand{} }},
	{"communicating_with_queue", "Let a producer and a consumer share a queue.",
		"Talking", []string{"queue"}, func() Command { return &queueCommand{} }},
	{"communicating_with_pipe", "Send numbers through two pipes, and their squares back.",
		"Talking", []string{"pipe"}, func() Command { return &pipeCommand{} }},
	{"process_barrier", "Let two processes wait for each other, and two others not.",
		"Meeting", []string{"barrier"}, func() Command { return &barrierCommand{} }},
	{"process_pool", "Share a hundred tasks among four workers that are used again.",
		"Pool", []string{"pool"}, func() Command { return &poolCommand{} }},
}

// A child ends here, before the packages that only the main program needs are
// initialised. By now all targets are registered: they are variables.
func init() { ipc.Dispatch() }

// Lookup finds the applet of exactly this name.
func Lookup(name string) (Applet, bool) {
	for _, a := range All {
		if a.Name == name {
			return a, true
		}
	}
	return Applet{}, false
}

//go:embed spawning_process.go spawning_process_namespace.go myfunc.go
//go:embed naming_processes.go derom.go no_bg_process.go run_bgprocess_no_dermon.go
//go:embed killing_processes.go process_in_subclass.go communicating_with_queue.go
//go:embed communicating_with_pipe.go process_barrier.go process_pool.go
var sources embed.FS

// Source returns the Go source of an applet, as it was compiled.
func Source(name string) (string, error) {
	text, err := sources.ReadFile(name + ".go")
	if err != nil {
		return "", fmt.Errorf("source of %s: %w", name, err)
	}
	return string(text), nil
}
