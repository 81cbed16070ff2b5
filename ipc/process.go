package ipc

import (
	"context"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// A Process is a function that runs, or is to run, in a child process: a new
// run of the same executable. Make it with [NewProcess], set the fields, then
// call Start; what a field is set to later does not reach the child. Several
// goroutines may use it at once. It must not be copied. In Python: multiprocessing.Process.
//
// One goroutine for each child waits for its end and reaps it at once, so
// there are no zombies. If the parent is killed, daemon children end too; the
// others go on.
type Process struct {
	// Name is for messages and for people; it need not be unique. NewProcess
	// sets Process-1, Process-2 and so on, counting all processes that this
	// one has made; below the child Process-2 they are Process-2:1, ... .
	Name string

	// Daemon makes the child end with its parent, however that ends, and
	// Main end it when the program is done. All descendants of a daemon
	// share its fate. One that is stopped (SIGSTOP) ends when it is
	// continued. The Unix daemon is something else. In Python the children
	// of daemons are forbidden.
	Daemon bool

	// Stdout and Stderr are where the child's output goes; nil means where
	// ours does. An *os.File is handed to the child; for any other writer a
	// goroutine copies through a pipe, and Join waits for it. What processes
	// of the child's write after its end is lost, and so is what the writer
	// returns an error for. The child's standard input is the null device.
	Stdout, Stderr io.Writer

	// Env is the environment of the child, as in exec.Cmd; nil means ours.
	// The child's os.Args is just a label for ps.
	Env []string

	// Dir is the working directory of the child; empty means ours.
	Dir string

	// Group makes the child the leader of a process group of its own, to
	// which the programs that it runs belong, and its own children, unless
	// they are made groups too. Terminate, Kill and Stop then signal the whole
	// group. When the child has ended, however it ended, we kill what is left
	// of the group; a child that ends with its parent (see Daemon) does so
	// itself when that is gone. If both are killed at once, nobody does. The
	// group gets no signals of the terminal, such as that of Ctrl-C.
	Group bool

	// Timeout is how long the child may run, from Start on; 0 is for ever.
	// Then it is stopped as by Stop, and what Join returns is an ExitError
	// with CauseTimeout, even if the target has heeded its context and the
	// exit code is 0.
	Timeout time.Duration

	// Grace is how long Stop and Timeout wait for each of their steps; 0
	// means 250 ms.
	Grace time.Duration

	// Limits bounds what the child may use of the machine.
	Limits Limits

	keepStderr bool // collect it for ExitError, as that of a process with limits

	target     *entry
	encodeArgs func(e *codec.Encoder) error
	identity   []int
	parentPid  int
	daemon     bool // Daemon as it was at Start
	limits     Limits
	group      bool // Group, Grace as they were at Start
	grace      time.Duration
	patience   time.Duration // how long Stop waits for stacks

	mu     sync.Mutex
	state  state
	proc   *os.Process
	pid    int
	code   int
	err    error
	ending ending
	stderr *tail // the end of the child's standard error, nil if nobody reads it
	closed bool

	windingUp bool // Stop, or Timeout, has begun

	line   *line         // to the child, nil before Start and in others than its parent
	timer  *time.Timer   // of Timeout
	dead   bool          // its group is killed, and its number may become another's
	stacks string        // as Stop found them
	place  place         // in the event log
	ended  chan struct{} // closed when the process has ended
	copied chan struct{} // closed when its output is copied as well
}

type state int

const (
	initial state = iota
	started
	stopped
)

var counter struct {
	sync.Mutex
	n int
}

// NewProcess makes a process that will run t with args, which Start copies.
// It does not start it.
func NewProcess[A any](t Target[A], args A) *Process {
	if t.entry == nil {
		panic("ipc: zero Target")
	}
	plan := mustPlan[A](t.entry.name)
	return newProcess(t.entry, func(e *codec.Encoder) error {
		return plan.Encode(e, unsafe.Pointer(&args))
	})
}

func newProcess(t *entry, encodeArgs func(*codec.Encoder) error) *Process {
	counter.Lock()
	defer counter.Unlock()
	counter.n++
	id := append(self.identity[:len(self.identity):len(self.identity)], counter.n)
	return &Process{
		Name:       t.base + "-" + joinInts(id),
		target:     t,
		patience:   stacksPatience,
		encodeArgs: encodeArgs,
		identity:   id,
		parentPid:  os.Getpid(),
		ended:      make(chan struct{}),
		copied:     make(chan struct{}),
	}
}

func joinInts(id []int) string {
	var b []byte
	for i, n := range id {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

// Join waits until the process has ended and all of its output is copied. It
// returns nil if the exit code is 0, unless Timeout ended it, else an
// [*ExitError]; ctx.Err() if ctx
// ends first, which leaves the process alone; ErrNotStarted or ErrClosed. It
// can be called any number of times, by any number of goroutines. A process
// can't join itself (ErrNotChild).
func (p *Process) Join(ctx context.Context) error {
	if err := p.check(); err != nil {
		return err
	}
	if p == self {
		return ErrNotChild
	}
	select {
	case <-p.copied:
		return p.exitError()
	default:
	}
	defer p.place.wait()()
	select {
	case <-p.copied:
		return p.exitError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// check gives the error of using a process that is closed or not started.
func (p *Process) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case p.state == initial:
		return ErrNotStarted
	}
	return nil
}

func (p *Process) exitError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.code == 0 && p.err == nil && p.ending.asked != CauseTimeout {
		return nil
	}
	e := &ExitError{Name: p.Name, Pid: p.pid, Code: p.code, Err: p.err, Stacks: p.stacks}
	p.explain(e)
	return e
}

// Terminate sends SIGTERM to the process, which ends it unless it does
// something else with it. It does not wait: IsAlive may still be true. It
// ends the one process, not its children, unless that has Group. For a process
// that has ended it does nothing and returns nil.
func (p *Process) Terminate() error { return p.signal(syscall.SIGTERM) }

// Kill is like Terminate with SIGKILL, which no process can refuse.
func (p *Process) Kill() error { return p.signal(syscall.SIGKILL) }

func (p *Process) signal(sig syscall.Signal) error {
	if err := p.check(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.proc == nil:
		return ErrNotChild
	case p.state == stopped:
		return nil
	}
	p.place.signalled(int(sig))
	if err := p.sendSignal(sig); err != nil && err != os.ErrProcessDone {
		return err
	}
	p.ending.signalled = p.ending.signalled || sig == syscall.SIGKILL
	return nil
}

// IsAlive reports whether the process was started and has not ended.
func (p *Process) IsAlive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == started
}

// ExitCode is how the process ended: 0; 1 if its target returned an error or
// panicked; n for os.Exit(n); -n if signal n ended it; 2 if another goroutine
// than the target's panicked; 255 if the program has reaped it by itself and
// nobody knows. It reports false as long as it has not ended.
func (p *Process) ExitCode() (code int, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code, p.state == stopped
}

// Pid is the process's id, 0 before Start.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid
}

// Sentinel is closed when the process has ended, for use in a select. Output
// that goes through a Writer may still be on its way then; Join waits for it.
func (p *Process) Sentinel() <-chan struct{} { return p.ended }

// Close gives the handle up: Join, Terminate and Kill return ErrClosed from
// then on. A process that is alive can't be closed (ErrRunning). What it used
// of the system was freed when it ended, so Close is never needed. In Python:
// Process.close.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == started {
		return ErrRunning
	}
	p.closed = true
	return nil
}

// String describes the process as Python does:
//
//	<Process name='Process-1' pid=24281 parent=24202 stopped exitcode=-SIGTERM>
func (p *Process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := "<Process name='" + p.Name + "'"
	if p.pid != 0 {
		s += " pid=" + strconv.Itoa(p.pid)
	}
	if p.parentPid != 0 {
		s += " parent=" + strconv.Itoa(p.parentPid)
	}
	switch p.state {
	case initial:
		s += " initial"
	case started:
		s += " started"
	case stopped:
		s += " stopped exitcode=" + codeName(p.code)
	}
	if p.daemon || p.state == initial && p.Daemon {
		s += " daemon"
	}
	return s + ">"
}

// codeName gives the usual signals their names.
func codeName(code int) string {
	switch syscall.Signal(-code) {
	case syscall.SIGHUP:
		return "-SIGHUP"
	case syscall.SIGINT:
		return "-SIGINT"
	case syscall.SIGQUIT:
		return "-SIGQUIT"
	case syscall.SIGABRT:
		return "-SIGABRT"
	case syscall.SIGKILL:
		return "-SIGKILL"
	case syscall.SIGSEGV:
		return "-SIGSEGV"
	case syscall.SIGPIPE:
		return "-SIGPIPE"
	case syscall.SIGTERM:
		return "-SIGTERM"
	}
	return strconv.Itoa(code)
}
