package ipc

import (
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// Start copies the arguments and starts the child. It does not wait for the
// target to begin. When it returns an error no process was left behind, and
// it may be called again; the error is ErrNoMain, ErrDepth, ErrStarted, that
// of an argument that could not be copied, or the system's.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case p.state != initial || p.target == nil:
		return ErrStarted
	case !dispatched.Load():
		return ErrNoMain
	case len(p.identity) > MaxDepth:
		return ErrDepth
	}
	if err := p.start(); err != nil {
		return fmt.Errorf("ipc: start %s: %w", p.Name, err)
	}
	p.state, p.daemon = started, p.Daemon
	children.add(p)
	return nil
}

// A launch is what belongs to one start of a child.
type launch struct {
	cargo    *cargo
	lifeline *os.File
	output   *output
}

func (p *Process) start() (err error) {
	l := &launch{cargo: new(cargo), output: new(output)}
	defer func() {
		if err != nil {
			l.undo()
		}
	}()
	args := codec.Encoder{Context: l.cargo}
	defer l.cargo.unload()
	if err := p.encodeArgs(&args); err != nil {
		return err
	}
	if err := l.cargo.seatChild(); err != nil {
		return err
	}
	childEnd := -1
	if l.lifeline, childEnd, err = socketpair(); err != nil {
		return err
	}
	defer func() {
		if childEnd >= 0 {
			syscall.Close(childEnd)
		}
	}()
	token := newToken()
	msg, err := appendFrame(slices.Clone(token), bootstrapPlan(), unsafe.Pointer(p.bootstrap(l.cargo, args.Buf)))
	if err != nil {
		return err
	}
	// What the socket takes is there when the child looks. A parent may leave
	// right after Start, so the rest is not for later either.
	rest, err := writeNow(l.lifeline, msg)
	if err != nil {
		return err
	}
	pid, err := p.exec(l, token, childEnd)
	if err != nil {
		return err
	}
	// The child can't be reaped by anyone but us, so the pid is still its.
	if p.proc, err = os.FindProcess(pid); err != nil {
		return err
	}
	p.pid = pid
	syscall.Close(childEnd) // or the child's death would not break the write
	childEnd = -1
	if len(rest) > 0 {
		_, _ = l.lifeline.Write(rest) // a child that dies early is told by its end
	}
	go p.watch(l)
	return nil
}

func (l *launch) undo() {
	l.cargo.bury()
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
		Seats:      c.seats,
		Args:       args,
	}
}

// exec starts the child with its descriptors: 0 to 2, the lifeline, the
// segments. All others are close-on-exec.
func (p *Process) exec(l *launch, token []byte, childEnd int) (int, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	stdout, err := l.output.open(p.Stdout, os.Stdout, null)
	if err != nil {
		return 0, err
	}
	stderr := stdout
	if p.Stderr == nil || !sameWriter(p.Stdout, p.Stderr) {
		if stderr, err = l.output.open(p.Stderr, os.Stderr, null); err != nil {
			return 0, err
		}
	}
	files := []uintptr{null.Fd(), stdout, stderr, lifelineFd: uintptr(childEnd)}
	for _, s := range l.cargo.spaces {
		files = append(files, uintptr(s.Fd()))
	}
	env := p.Env
	if env == nil {
		env = os.Environ()
	}
	attr := &syscall.ProcAttr{Dir: p.Dir, Env: childEnv(env, token), Files: files}
	pid, err := forkExec(comm()+": "+p.Name, attr)
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
	return os.NewSyscallError("fork/exec", err)
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
	var r report
	rerr := readFrame(l.lifeline, reportPlan(), unsafe.Pointer(&r))
	if rerr == nil {
		// Wait without a thread: the end of file comes with the child's end.
		_, _ = io.Copy(io.Discard, l.lifeline)
	}
	state, err := p.proc.Wait()
	l.cargo.bury()
	l.output.wait()
	l.lifeline.Close()

	p.mu.Lock()
	defer p.mu.Unlock()
	if rerr == nil {
		p.err = &RemoteError{Msg: r.Msg, Stack: r.Stack}
	}
	if err != nil { // somebody else has reaped it
		p.code, p.err = 255, err
	} else {
		p.code = exitCode(state)
	}
	p.state = stopped
	children.remove(p)
	close(p.ended)
}

func exitCode(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -int(ws.Signal())
	}
	return s.ExitCode()
}
