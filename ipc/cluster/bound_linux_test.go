package cluster_test

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startBound starts a process that ends with this one, however this one ends.
// The channel is closed when the process has ended and is no zombie any more.
func startBound(cmd *exec.Cmd) (gone chan struct{}, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	gone = make(chan struct{})
	go func() {
		// The signal comes when the thread ends that has started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // in ProcessState
		}
		close(gone)
	}()
	return gone, <-started
}
