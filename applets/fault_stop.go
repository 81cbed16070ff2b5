package applets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// halt stops a process by SIGSTOP and returns when it stands still, which the
// system takes its time for.
func (c Common) halt(ctx context.Context, p *ipc.Process) error {
	if err := syscall.Kill(p.Pid(), syscall.SIGSTOP); err != nil {
		return os.NewSyscallError("kill", err)
	}
	stat := fmt.Sprintf("/proc/%d/stat", p.Pid())
	for range 5000 {
		text, err := os.ReadFile(stat)
		if err != nil {
			return c.pause(ctx, 1) // there is no /proc here
		}
		if stateIn(text) == 'T' {
			return nil
		}
		if err := (Common{Step: time.Millisecond}).pause(ctx, 1); err != nil {
			return err
		}
	}
	return errors.New(p.Name + " does not stop")
}

// stateIn finds the letter for the state of a process, behind its name, which
// stands in parentheses and may have some in it.
func stateIn(stat []byte) byte {
	for i := len(stat) - 3; i >= 0; i-- {
		if stat[i] == ')' {
			return stat[i+2]
		}
	}
	return 0
}

// goOn continues a process that was stopped. It may have been killed meanwhile.
func goOn(p *ipc.Process) error {
	if !p.IsAlive() {
		return nil
	}
	return os.NewSyscallError("kill", syscall.Kill(p.Pid(), syscall.SIGCONT))
}
