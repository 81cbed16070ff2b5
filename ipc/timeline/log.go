// Package timeline reads the event log that package ipc keeps of a tree of
// processes, and draws it: as lanes in a terminal, as a still picture (SVG), as a
// sequence diagram (Mermaid), and as a trace that Perfetto and Chrome open.
//
// Any program that uses ipc keeps a log in the file that the environment variable
// IPC_LOG names, or after a call of [ipc.Record]. The log is complete up to
// the last moment of each process, however it ended.
package timeline

import (
	"strconv"
	"time"
)

// A Log is what happened in a tree of processes.
type Log struct {
	Processes []Process // in the order of their starts; the first is the main one
	Objects   []Object  // in the order in which they were first used
	Events    []Event   // in the order of their times
	Lost      int       // how many events, the oldest ones, the log had no more room for
	// Unlisted is how many processes had no room in the log. Nothing of them is in it.
	Unlisted int
}

// A Process is one of the tree. Times count from the beginning of the log.
type Process struct {
	Name   string
	Pid    int
	Parent int // the index of its parent, -1 for the main process
	Daemon bool

	Start time.Duration // when its parent began to start it
	Ready time.Duration // when its target began, -1 if it never did
	End   time.Duration // when it had ended, -1 if it was not seen to end
	Code  int           // its exit code, -N for signal N, as in Python
}

// An Object is something that processes share.
type Object struct {
	Kind   string // such as "queue", "lock" or "barrier": the type's name in lower case
	Number int    // among those of its kind, from 1 on
	Only   bool   // there is no other of its kind
}

// String is the kind, with the number if there are several: "lock", "pipe 2".
func (o Object) String() string {
	if o.Only {
		return o.Kind
	}
	return o.Kind + " " + strconv.Itoa(o.Number)
}

// An Event is something that a process did, or that it waited for.
type Event struct {
	At      time.Duration
	Process int // the index of whose it is
	Kind    Kind
	Object  int // the index of the object, -1 for none

	// Until is the end of what takes time: Wait, Hold and Task; -1 if it had
	// not ended when the process did.
	Until time.Duration
	// For is what a Wait is for.
	For Reason
	// First and Count number the values of a Send or a Recv, from 1 on, within
	// their direction of the object: the value that is sent as number n is
	// received as number n.
	First, Count int
	Direction    int // 0, or 1 for the other direction of a two-way pipe
	// Peer is the index of the process that a Signal was sent to, or that a Wait
	// is for.
	Peer   int
	Signal int // the number of the signal
	Task   int // the index of a task in its call
	// Failed says that a task has failed, a wait has ended in an error, a
	// barrier was found broken, or a lock was got from a holder that had died.
	Failed bool
}

// Kind is what an [Event] is.
type Kind int

const (
	Send   Kind = iota + 1 // values were sent, or put into a queue
	Recv                   // values were received, or got from a queue
	Wait                   // it slept until something happened: For
	Hold                   // it held a lock, or a permit of a semaphore
	Set                    // it set an event
	Notify                 // it notified a condition
	Signal                 // it sent a signal to Peer
	Task                   // it did a task of a pool
)

// Reason is what a process waits for.
type Reason int

const (
	ForValue   Reason = iota + 1 // in a pipe or a queue
	ForRoom                      // in a pipe or a queue
	ForLock                      // a lock, or a permit
	ForParties                   // of a barrier
	ForEvent                     // to be set
	ForNotify                    // of a condition
	ForTasks                     // of a queue to be done, or without an object those of a pool
	ForEnd                       // of the process Peer
	ForTask                      // a worker, for something to do
)
