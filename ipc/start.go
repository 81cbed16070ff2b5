package ipc

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// Start copies the arguments and starts the child. It does not wait for the
// target to begin, but for the child to take arguments of more than some
// 100 KiB. When it returns an error no process was left behind, and it may be
// called again; the error is ErrNoMain, ErrDepth, ErrStarted, ErrEnding, that
// of an argument that could not be copied, or the system's.
func (p *Process) Start() error {
	l, err := p.begin()
	if err != nil {
		return err
	}
	// A child that ends early breaks the write, and is told by its end. The
	// parent may leave right after Start: this can't be done later.
	if len(l.rest) > 0 {
		_, _ = send(l.lifeline, l.rest, true)
		l.rest = nil
		l.line.boot()
	}
	return nil
}

func (p *Process) begin() (*launch, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, ErrClosed
	case p.state != initial || p.target == nil:
		return nil, ErrStarted
	case !dispatched.Load():
		return nil, ErrNoMain
	case len(p.identity) > MaxDepth:
		return nil, ErrDepth
	}
	l, err := p.start()
	if err == ErrEnding {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("ipc: start %s: %w", p.Name, err)
	}
	p.state, p.daemon = started, p.Daemon
	p.encodeArgs = nil // the arguments are the caller's again
	l.line = &line{file: l.lifeline, booted: len(l.rest) == 0}
	p.line = l.line
	if p.Timeout > 0 {
		p.timer = time.AfterFunc(p.Timeout, p.timeOut)
	}
	go p.watch(l)
	return l, nil
}

// A launch is what belongs to one start of a child.
type launch struct {
	rest     []byte // of the bootstrap, which the socket did not take at once
	cargo    *cargo
	lifeline *os.File
	line     *line // the same, once there is a child
	output   *output
}

func (p *Process) start() (_ *launch, err error) {
	if err := p.Limits.check(); err != nil {
		return nil, err
	}
	if p.Timeout < 0 || p.Grace < 0 {
		return nil, errors.New("negative Timeout or Grace")
	}
	p.group, p.grace = p.Group, cmp.Or(p.Grace, defaultGrace)
	p.limits, p.ending = p.Limits, newEnding(&p.Limits, p.keepStderr)
	l := &launch{cargo: new(cargo), output: new(output)}
	defer func() {
		if err != nil {
			l.undo()
		}
	}()
	args := codec.Encoder{Context: l.cargo}
	defer l.cargo.unload()
	if err := p.encodeArgs(&args); err != nil {
		return nil, err
	}
	if err := l.cargo.seatChild(); err != nil {
		return nil, err
	}
	var childEnd int
	if l.lifeline, childEnd, err = socketpair(); err != nil {
		return nil, err
	}
	defer syscall.Close(childEnd) // kept here, it would hide the child's death
	p.place = newPlace(p.Name, p.Daemon)
	defer func() { p.place.started(p.pid) }()
	token := newToken()
	msg, err := appendFrame(slices.Clone(token), bootstrapPlan(), unsafe.Pointer(p.bootstrap(l.cargo, args.Buf)))
	if err != nil {
		return nil, err
	}
	// What the socket takes now is there when the child looks.
	if l.rest, err = send(l.lifeline, msg, false); err != nil {
		return nil, err
	}
	if err := children.add(p); err != nil {
		return nil, err
	}
	if p.pid, err = p.exec(l, token, childEnd); err != nil {
		children.remove(p)
		return nil, err
	}
	for i, seat := range l.cargo.seats {
		l.cargo.spaces[i].Started(seat.Slot, seat.Gen, p.pid)
	}
	// Nobody but us can reap the child, so the pid is still its.
	p.proc, err = os.FindProcess(p.pid)
	return l, err
}

func (l *launch) undo() {
	l.cargo.bury(true)
	l.output.close()
	if l.lifeline != nil {
		l.lifeline.Close()
	}
}

func (p *Process) bootstrap(c *cargo, args []byte) *bootstrap {
	return &bootstrap{
		Target:     p.target.name,
		Name:       p.Name,
		Identity:   p.identity,
		Daemon:     p.Daemon,
		Mortal:     p.Daemon || mortal,
		ParentPid:  os.Getpid(),
		ParentName: CurrentProcess().Name,
		Comm:       comm(),
		Group:      p.group,
		Limits:     p.limits,
		Seats:      c.seats,
		Files:      len(c.files),
		Lane:       p.place.lane,
		Args:       args,
	}
}

// exec starts the child with its descriptors: 0 to 2, the lifeline, the
// segments, files. All others are close-on-exec.
func (p *Process) exec(l *launch, token []byte, childEnd int) (int, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	toStdout, toStderr := p.writers()
	stdout, err := l.output.open(toStdout, os.Stdout, null)
	if err != nil {
		return 0, err
	}
	stderr := stdout
	if toStderr == nil || !sameWriter(toStdout, toStderr) {
		if stderr, err = l.output.open(toStderr, os.Stderr, null); err != nil {
			return 0, err
		}
	}
	files := []uintptr{null.Fd(), stdout, stderr, lifelineFd: uintptr(childEnd)}
	for _, s := range l.cargo.spaces {
		fds, done, err := s.ForChild()
		if err != nil {
			return 0, err
		}
		defer done()
		for _, fd := range fds {
			files = append(files, uintptr(fd))
		}
	}
	for _, fd := range l.cargo.files {
		files = append(files, uintptr(fd))
	}
	if p.place.log != nil {
		files = append(files, uintptr(p.place.log.Fd()))
	}
	env := p.Env
	if env == nil {
		env = os.Environ()
	}
	env = p.limits.environ(env)
	attr := &syscall.ProcAttr{Dir: p.Dir, Env: childEnv(env, p.Dir, token, len(files)-lifelineFd), Files: files}
	if p.group {
		attr.Sys = &syscall.SysProcAttr{Setpgid: true}
	}
	pid, err := forkExec(label(p.Name), attr)
	runtime.KeepAlive(p.Stdout) // their descriptors were numbers until now
	runtime.KeepAlive(p.Stderr)
	l.output.started()
	return pid, err
}

// forkExec starts this executable again. On Linux that works also when its
// file was replaced or deleted.
func forkExec(label string, attr *syscall.ProcAttr) (int, error) {
	if runtime.GOOS == "linux" {
		pid, err := syscall.ForkExec("/proc/self/exe", []string{label}, attr)
		if err != syscall.ENOENT {
			return pid, execError(attr.Dir, err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	pid, err := syscall.ForkExec(exe, []string{label}, attr)
	return pid, execError(attr.Dir, err)
}

// execError tells a missing directory from a missing executable.
func execError(dir string, err error) error {
	if err == nil {
		return nil
	}
	if dir != "" {
		if _, serr := os.Stat(dir); serr != nil {
			return serr
		}
	}
	if err == syscall.EBADF {
		err = syscall.EMFILE // ours are open, so it is the number in the child that is too high
	}
	return os.NewSyscallError("fork/exec", err)
}

// label is what ps shows as the command line of a child. It only is a label,
// so what can't be in it is left out.
func label(name string) string {
	const longest = 1000
	b := []byte(comm() + ": " + name)
	b = slices.DeleteFunc(b, func(c byte) bool { return c == 0 })
	return string(b[:min(len(b), longest)])
}

// comm is the name under which ps lists this program.
func comm() string {
	if bootComm != "" {
		return bootComm
	}
	exe, err := os.Executable()
	if err != nil {
		return "ipc"
	}
	return path.Base(exe)
}

// watch is the one goroutine that belongs to a running child. It ends with
// the child, whatever it does.
func (p *Process) watch(l *launch) {
	unwatch := p.watchMemory()
	// Without a thread: the end of the stream comes with the child's end.
	body, reported := l.line.read()
	var r report
	reported = reported && reportPlan().Decode(&codec.Decoder{Buf: body}, unsafe.Pointer(&r)) == nil
	state, err := p.reap()
	unwatch()
	l.cargo.bury(false)
	l.lifeline.Close()
	l.output.childEnded()
	p.finish(state, err, reported, &r)
	l.output.wait()
	close(p.copied)
}

// finish notes how the process has ended.
func (p *Process) finish(s *os.ProcessState, err error, reported bool, r *report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if reported {
		p.err, p.ending.reported = parseRemoteError(r.Err), r.Cause
	}
	if err != nil { // somebody else has reaped it
		p.code, p.err = 255, err
	} else {
		p.code = exitCode(s)
	}
	p.place.ended(p.code)
	p.noteEnd(s)
	p.state = stopped
	if p.timer != nil {
		p.timer.Stop()
	}
	children.remove(p)
	close(p.ended)
}

func exitCode(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -int(ws.Signal())
	}
	return s.ExitCode()
}
