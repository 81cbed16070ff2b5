package applets

import "syscall"

// goOnWithoutParent has the kernel continue this process if its parent is
// killed while it is stopped: no process that stands still can see to that
// itself, and it would stand there for ever.
func goOnWithoutParent() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGCONT), 0)
}
