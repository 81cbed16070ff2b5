package ipc

import (
	"context"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
	"github.com/mpbox/mpbox/ipc/internal/eventlog"
	"github.com/mpbox/mpbox/ipc/internal/space"
)

// dispatched is set once this process has come past Dispatch.
var dispatched atomic.Bool

// Main is the main function of a program that has child processes:
//
//	func main() { os.Exit(ipc.Main(run)) }
//
// In a child it runs the child's target and exits. In the main process it
// calls run; then it ends the daemon children, by SIGTERM and half a second
// later by SIGKILL, waits for the others as long as they take, closes all
// shared objects, and returns run's result. No child can be started from then
// on. A run that calls os.Exit skips all that: daemons end nevertheless, the
// others go on. In tests: os.Exit(ipc.Main(m.Run)) in TestMain.
//
// The first process of a container (its pid is 1, on Linux) has to reap the
// orphans of all others, and to pass on signals. Main does that: the first
// process runs the program once more, as its child, with the same arguments and
// files, and ends as that one does. All processes of the container end with it.
func Main(run func() int) int {
	Dispatch()
	code := run()
	endChildren()
	space.CloseAll()
	logEnd(code)
	return code
}

// Dispatch runs the child's target and exits, if this process is a child, or
// serves as the first process of a container, and does nothing else. Main calls
// it. An init function can call it to spare the
// children the initialisation of packages that come later; targets are
// registered by then, if they are package-level variables of packages that
// are initialised before. C code that calls back into Go waits until all
// init functions are done: programs with such callbacks use Main only.
func Dispatch() {
	dispatched.Store(true)
	if !isChild {
		if os.Getpid() == processOne {
			serveAsInit()
		}
		recordAsAsked()
		return
	}
	// On a goroutine of its own: while package initialisation lasts, the main
	// goroutine is tied to the main thread, and every switch would cost one
	// of threads.
	code := make(chan int)
	go func() { code <- runChild() }()
	os.Exit(<-code)
}

// mortal is set in a process that ends with its parent, and bootComm is the
// name of its executable.
var (
	mortal   bool
	bootComm string
)

// runChild is a child's life, from the bootstrap to its exit code.
func runChild() int {
	var b bootstrap
	if err := readFrame(blockingFd(lifelineFd), bootstrapPlan(), unsafe.Pointer(&b)); err != nil {
		// The parent died, or never sent what it had announced.
		return 1
	}
	if b.Files < 0 || b.Files > maxInherited {
		return 1 // a damaged frame
	}
	next := segmentFd + space.Descriptors*len(b.Seats) + b.Files
	if b.Lane != 0 {
		syscall.CloseOnExec(next)
		_, _ = eventlog.Open(next, b.Lane) // it can do its work without
		next++
	}
	closeInherited(next)
	become(&b)
	code := 0
	if failed, cause := runTarget(&b); failed != nil {
		code = 1
		tell(b.Name, failed, cause)
	}
	endChildren()
	space.CloseAll()
	logEnd(code)
	return code
}

// runTarget runs the target, and gives what it failed with, and what kind of
// failure that is.
func runTarget(b *bootstrap) (*RemoteError, Cause) {
	if err := b.Limits.apply(b.Name); err != nil {
		return newRemoteError(err), CauseStart
	}
	e := entries[b.Target]
	if e == nil {
		return &RemoteError{Msg: "ipc: no target " + b.Target + " in this executable"}, CauseStart
	}
	came, err := arrive(b.Seats, b.Files)
	if err != nil {
		return &RemoteError{Msg: "ipc: attach to shared memory: " + err.Error()}, CauseStart
	}
	if log := eventlog.Current(); log != nil {
		log.Ready()
	}
	failed := call(e, &codec.Decoder{Buf: b.Args, Context: came})
	switch {
	case failed == nil:
		return nil, CauseUnknown
	case failed.Stack != "":
		return failed, CausePanic
	}
	return failed, CauseError
}

// become makes this process the child that b describes.
func become(b *bootstrap) {
	mortal, bootComm = b.Mortal, b.Comm
	self.Name, self.identity = b.Name, b.Identity
	self.Daemon, self.daemon, self.parentPid = b.Daemon, b.Daemon, b.ParentPid
	parent = &Process{Name: b.ParentName, pid: b.ParentPid, state: started,
		ended: make(chan struct{}), copied: make(chan struct{})}
	if runtime.GOOS == "linux" {
		// Started as /proc/self/exe, the process would be listed as "exe".
		rename(b.Comm)
	}
	_ = syscall.SetNonblock(lifelineFd, true)
	lifeline = os.NewFile(lifelineFd, "lifeline")
	leads = b.Group
	target.ctx, target.cancel = context.WithCancel(context.Background())
	go watchParent()
}

// rename changes the name under which ps lists this process. The file stands
// for the main thread, whichever thread writes to it.
func rename(name string) {
	fd, err := syscall.Open("/proc/self/comm", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return // there is no /proc: it only is a name
	}
	defer syscall.Close(fd)
	_, _ = syscall.Write(fd, []byte(name))
}

// watchParent does what the parent commands until the end of the parent:
// nothing else ends the stream.
func watchParent() {
	obey(lifeline)
	if mortal {
		endOrphan()
	}
	parent.mu.Lock()
	defer parent.mu.Unlock()
	parent.state = stopped
	close(parent.ended)
	close(parent.copied)
}

// arrive maps the segments and takes the files that came with the arguments.
func arrive(seats []seat, files int) (*arrival, error) {
	a := new(arrival)
	fd := segmentFd
	take := func(n int) []int {
		fds := make([]int, n)
		for i := range fds {
			fds[i] = fd
			syscall.CloseOnExec(fd)
			fd++
		}
		return fds
	}
	var segments [][]int
	for range seats {
		segments = append(segments, take(space.Descriptors))
	}
	a.files = take(files)
	for i, seat := range seats {
		s, err := space.Attach(segments[i], seat.Slot, seat.Gen)
		if err != nil {
			return nil, err
		}
		a.spaces = append(a.spaces, s)
	}
	return a, nil
}

// call runs the target and makes its error or panic ready to travel, nil if
// there is none. The target has a goroutine of its own, which it may end
// (runtime.Goexit).
func call(e *entry, args *codec.Decoder) *RemoteError {
	defer target.cancel()
	result := make(chan *RemoteError, 1)
	go func() {
		failed := &RemoteError{Msg: "the target ended its goroutine (runtime.Goexit)"}
		defer func() { result <- failed }()
		failed = guarded(func() error { return e.run(target.ctx, args) })
	}()
	return <-result
}

// guarded runs f and makes its error or panic ready to travel. That is done
// here too, since an Error method may panic as well.
func guarded(f func() error) (failed *RemoteError) {
	defer func() {
		if v := recover(); v != nil {
			failed = newRemotePanic(v)
		}
	}()
	if err := f(); err != nil {
		return newRemoteError(err)
	}
	return nil
}

// stack is the calling goroutine's stack trace.
func stack() string {
	b := make([]byte, 64<<10)
	return string(b[:runtime.Stack(b, false)])
}

// maxReport bounds each part of what goes to the parent, so that a report fits
// into the socket's buffer: a parent that is stopped must not hold the child.
const maxReport = 32 << 10

// tell reports the error of the target: to people on the standard error, and
// to the parent for ExitError.
func tell(name string, err *RemoteError, cause Cause) {
	_, _ = os.Stderr.WriteString("Process " + name + ": " + err.Msg + "\n" + err.Stack)
	r := report{err.append(nil, maxReport), cause}
	var e codec.Encoder
	if err := reportPlan().Encode(&e, unsafe.Pointer(&r)); err == nil {
		post(letterReport, 0, e.Buf, 0)
	}
}

// blockingFd reads a descriptor with plain system calls.
type blockingFd int

func (fd blockingFd) Read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
