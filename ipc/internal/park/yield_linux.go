package park

import "syscall"

// yield lets another process have this processor. It may take a time slice
// of the other's: the scheduler has to know of it.
func yield() { syscall.Syscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
