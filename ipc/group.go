package ipc

import (
	"os"
	"syscall"
)

// leads is set in a child that leads a process group of its own.
var leads bool

// endOrphan ends this process, whose parent has ended, with its group.
func endOrphan() {
	if leads && syscall.Getpgrp() == os.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
	os.Exit(1)
}

// sendSignal signals the process, or its group. The caller holds p.mu.
func (p *Process) sendSignal(sig syscall.Signal) error {
	if !p.group {
		return p.proc.Signal(sig)
	}
	if p.dead {
		return nil
	}
	// While the process is not reaped, the number of its group is no other's.
	if err := p.proc.Signal(syscall.Signal(0)); err != nil {
		return err
	}
	err := syscall.Kill(-p.pid, sig)
	if pgid, _ := syscall.Getpgid(p.pid); pgid != p.pid {
		return p.proc.Signal(sig) // it has left the group
	}
	return os.NewSyscallError("kill", err)
}

// reap waits for the end of the process, and kills what is left of its group.
// Between the end and the reaping its number can't be anybody else's.
func (p *Process) reap() (*os.ProcessState, error) {
	if !p.group {
		return p.proc.Wait()
	}
	seen := awaitEnd(p.pid) == nil
	if seen {
		p.killRest()
	}
	state, err := p.proc.Wait()
	// If somebody else has reaped it, and on systems that can't wait without
	// reaping, this has to do: the number of a group goes to no new process
	// while there is one in the group, so if no process has the number, the
	// group, if there is any, is the one that was left.
	if !seen && syscall.Kill(p.pid, 0) == syscall.ESRCH {
		p.killRest()
	}
	return state, err
}

// killRest kills the group of a process that is dead. Nobody may signal it
// from then on.
func (p *Process) killRest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
}
