//go:build !linux

package cluster_test

import "os/exec"

// startBound starts a process. The channel is closed when it has ended.
func startBound(cmd *exec.Cmd) (gone chan struct{}, err error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	gone = make(chan struct{})
	go func() {
		_ = cmd.Wait() // in ProcessState
		close(gone)
	}()
	return gone, nil
}
