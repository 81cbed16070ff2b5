// Package engine is the seam at which a pool of package ipc has its tasks done by
// other machines: ipc hands out tasks and takes what became of them, in bytes
// whose meaning is its own, and an engine carries these to hosts, on each of
// which ipc has a crew of workers do them.
package engine

import "io"

// A Source is a pool as its engine sees it. All methods may be called by several
// goroutines.
type Source interface {
	// Spec is what a host has to know of the pool. It fails if something of it
	// can't leave this machine.
	Spec() ([]byte, error)
	// Deaths is how many workers a task may kill.
	Deaths() int
	// Chunk is how many tasks a batch is to have, 0 if the engine may choose.
	Chunk() int
	// Claim hands out tasks of one job, as many as want says when it is told
	// how many there are, or fewer. It returns nil if there are none, or want
	// wants none. Want must not call back.
	Claim(want func(left int) int) Batch
	// Break ends all jobs with an error, which later ones get too.
	Break(err error)
	// Output is where lines go that workers write, nil for where those of the
	// host go.
	Output() (stdout, stderr io.Writer)
}

// A Batch is a run of tasks of a job. It must be settled or given back once.
type Batch interface {
	Job() uint64 // its number in the pool
	First() int  // the number of its first task
	Len() int
	Items() []byte
	// Alone reports whether it came of Kills: it is to be done where no other one
	// is, so that it is clear who ends the host.
	Alone() bool
	// Stopped reports whether nobody wants the results any more.
	Stopped() bool
	// Settle takes the report of the host of that name. Tasks of which neither it
	// nor an earlier one says anything are given back. It returns how long a task
	// takes there on average, in nanoseconds, 0 if that is not known.
	Settle(host string, report []byte) (pace float64)
	// SettlePart takes a report behind which others will come.
	SettlePart(host string, report []byte)
	// GiveBack says that nobody has done the tasks, so that they are handed
	// out again if they are wanted still.
	GiveBack()
	// Kills says the same of tasks that may have ended the hosts that had them, as
	// often as a task may end its worker. They are handed out again to be done
	// alone, and one that was done alone fails.
	Kills(err error)
}

// An Engine has the tasks of a pool done.
type Engine interface {
	// Wake is called when there are tasks to claim, or nobody wants the results
	// of some any more. It does not block.
	Wake()
	// Ahead is how many tasks the engine can have under way.
	Ahead() int
	// Insights are those of each host, by its name.
	Insights() map[string][]byte
	// Terminate has the hosts end all workers of the pool. Its batches are
	// given back or settled soon.
	Terminate()
	// Close is called when all batches are settled and no more will come. It
	// returns when the hosts know.
	Close()
}

// A Crew is what does the tasks of another process's pool on this machine.
type Crew interface {
	// Do does a run of n tasks, the first of which has that number where they
	// come from, and calls done with the report.
	Do(items []byte, first, n int, done func(report []byte)) Run
	// EndStopped ends the tasks of stopped runs that are under way, as by a
	// time-out. Who stops many runs stops all of them before: a worker that is
	// free would begin the next.
	EndStopped()
	// Pace is how many nanoseconds a task takes on average, 0 if not known.
	Pace() float64
	Insights() []byte
	// Terminate kills the workers, and Close lets them end when they have done
	// what they have. Both can be called at any time; Ended is closed when all
	// are gone.
	Terminate()
	Close()
	Ended() <-chan struct{}
}

// A Run is what a crew is doing.
type Run interface {
	// Stop has no more of it begun.
	Stop()
	// Part is a report of what has been done since the last call, nil if that is
	// nothing. The last report has it again.
	Part() []byte
}
