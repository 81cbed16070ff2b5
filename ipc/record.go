package ipc

import (
	"fmt"
	"os"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
)

// logEnv names the file in which a program keeps its event log.
const logEnv = "IPC_LOG"

// ErrRecording is returned by Record in a process that keeps an event log
// already.
var ErrRecording = fmt.Errorf("ipc: %w", eventlog.ErrTwice)

// Record has this process, and all processes that are started below it from
// now on, write what they do into one event log: starts and ends, values sent and
// received, waits, locks held, signals, tasks. Objects that were made before are
// not in it. Package timeline reads and draws it.
//
// The log is a file of 4.3 MiB that all of them have mapped, so it is complete
// up to the last moment of a process that is killed, and costs no system calls.
// It has the last 65536 events, and the starts and ends of the first 1024
// processes. F must be open for reading and writing; it is overwritten, and
// can be closed afterwards. Record returns ErrRecording in a process that
// keeps a log, as all children of one that does.
//
// No change to a program is needed if the environment variable IPC_LOG names a
// file: [Main] and [Dispatch] record into that then.
func Record(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var made error
	err = conn.Control(func(fd uintptr) { _, made = eventlog.Create(int(fd), CurrentProcess().Name) })
	switch {
	case err != nil:
		return err
	case made == eventlog.ErrTwice:
		return ErrRecording
	case made != nil:
		return fmt.Errorf("ipc: event log: %w", made)
	}
	return nil
}

// recordAsAsked does what IPC_LOG asks for. It is taken out of the environment:
// another program that this one runs must not overwrite the file.
func recordAsAsked() {
	name, ok := os.LookupEnv(logEnv)
	if !ok || isChild || eventlog.Current() != nil {
		return
	}
	os.Unsetenv(logEnv)
	if name == "" {
		return
	}
	// Not os.Create: it may be the log of another program.
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err == nil {
		defer f.Close()
		err = Record(f)
	}
	if err != nil {
		_, _ = os.Stderr.WriteString("ipc: " + logEnv + ": " + err.Error() + "\n")
	}
}

// logEnd writes that this process ends: its parent, which also sees other ends
// than this one, may have gone, or keep no log.
func logEnd(code int) {
	if log := eventlog.Current(); log != nil {
		log.Ended(log.Self(), code)
	}
}

// A place is where a child's doings go in the log of its parent. The zero value
// is none.
type place struct {
	log  *eventlog.Log
	lane int
}

func newPlace(name string, daemon bool) place {
	log := eventlog.Current()
	if log == nil {
		return place{}
	}
	lane, ok := log.Reserve(name, daemon)
	if !ok {
		return place{}
	}
	return place{log, lane}
}

// started says that the child was started, or with pid 0 that it was not.
func (p place) started(pid int) {
	if p.log != nil {
		p.log.Started(p.lane, pid)
	}
}

func (p place) ended(code int) {
	if p.log != nil {
		p.log.Ended(p.lane, code)
	}
}

func (p place) signalled(sig int) {
	if p.log != nil {
		p.log.Add(eventlog.Event{Kind: eventlog.Signal, First: uint32(sig), Peer: uint16(p.lane)})
	}
}

// wait says that this process begins to wait for the child, and what it returns
// that it no longer does.
func (p place) wait() (over func()) {
	return logWait(p.log, eventlog.Event{Why: eventlog.ForEnd, Peer: uint16(p.lane)})
}

// logWait writes that a wait begins, and what it returns that it is over, unless
// log is nil.
func logWait(log *eventlog.Log, e eventlog.Event) (over func()) {
	if log == nil {
		return func() {}
	}
	e.Kind = eventlog.WaitBegin
	begun := log.Add(e)
	return func() {
		e.Kind, e.Begun = eventlog.WaitEnd, begun
		log.Add(e)
	}
}

// logWaitForTasks is logWait for the end of tasks of a pool.
func logWaitForTasks() (over func()) {
	return logWait(eventlog.Current(), eventlog.Event{Why: eventlog.ForTasks})
}
