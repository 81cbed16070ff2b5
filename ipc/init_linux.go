package ipc

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"
)

// processOne is the pid of the first process of a container.
const processOne = 1

// serveAsInit is the life of the first process of a container: it runs the
// program once more, as its only child, hands it each signal, reaps whoever is
// left to it, and ends as the child does, with 128+n for signal n. Whom to reap
// is plain that way: in the program itself nobody could tell an orphan that
// was left to it from a child that os/exec is about to wait for. It returns only if
// the program can't be started again, as where there is no /proc.
func serveAsInit() {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals) // before there is a child: what comes until then waits for it
	signal.Ignore(syscall.SIGTSTP)
	pid, err := startProgram()
	if err != nil {
		signal.Reset()
		return
	}
	go func() {
		for sig := range signals {
			// SIGCHLD is ours, and SIGURG the Go runtime's own, many a second.
			if sig != syscall.SIGCHLD && sig != syscall.SIGURG {
				_ = syscall.Kill(pid, sig.(syscall.Signal)) // it may just have ended
			}
		}
	}()
	// The end of the first process is the end of all that is in the container.
	os.Exit(reapUntil(pid))
}

// startProgram starts this program with the same arguments, environment and
// files. It has a process group of its own, and the terminal, so that Ctrl-C
// comes once: to that group if there is a terminal, else handed on by us.
func startProgram() (int, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var foreground int32
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&foreground)))
	return syscall.ForkExec(exe, os.Args, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Foreground: errno == 0 && int(foreground) == syscall.Getpgrp()},
	})
}

// reapUntil reaps all who end, until it is pid, and returns the exit code of that.
func reapUntil(pid int) int {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 255 // someone else has reaped it
		case ended != pid:
		case status.Signaled():
			return 128 + int(status.Signal())
		default:
			return status.ExitStatus()
		}
	}
}
