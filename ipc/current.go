package ipc

import "os"

var (
	self = &Process{
		Name:  "MainProcess",
		pid:   os.Getpid(),
		state: started,
		ended: make(chan struct{}), copied: make(chan struct{}),
	}
	parent *Process
)

// CurrentProcess is the process that calls it. In the main process its Name
// is MainProcess. In Python: current_process.
func CurrentProcess() *Process { return self }

// ParentProcess is the process that started this one, nil in the main
// process. It is known by the lifeline and not by its pid: IsAlive, Join and
// Sentinel tell of its end even if another process has got its pid. Join
// returns nil then; Terminate and Kill return ErrNotChild. In Python:
// parent_process.
func ParentProcess() *Process { return parent }
