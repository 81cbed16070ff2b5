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

// Common holds the flags that all applets have. It travels to the children in
// their arguments, so that they print and pause alike.
type Common struct {
	Pids bool          `help:"Begin each line with the pid of the process that prints it."`
	Step time.Duration `help:"The unit of every pause, 0 to 10s." default:"200ms" env:"MPBOX_STEP"`
}

// Validate refuses a step that is out of bounds.
func (c Common) Validate() error {
	if c.Step < 0 || c.Step > 10*time.Second {
		return fmt.Errorf("--step (or MPBOX_STEP) must be 0s to 10s, not %v", c.Step)
	}
	return nil
}

// printf prints a line, in one write, so that the lines of several processes
// stay whole. A process whose line can't be written ends, with its children.
func (c Common) printf(format string, args ...any) {
	line := fmt.Appendf(nil, format+"\n", args...)
	if c.Pids {
		line = append(fmt.Appendf(nil, "[%d] ", os.Getpid()), line...)
	}
	if _, err := os.Stdout.Write(line); err != nil {
		giveUp(err)
	}
}

// giveUp ends this process because nobody gets its results. A reader that has
// gone away is no failure to speak of: head and less do that.
func giveUp(err error) {
	for _, p := range ipc.ActiveChildren() {
		_ = p.Kill() // one that has ended by itself is as good
	}
	if errors.Is(err, syscall.EPIPE) {
		os.Exit(128 + int(syscall.SIGPIPE))
	}
	fmt.Fprintf(os.Stderr, "mpbox: %v\n", err)
	os.Exit(1)
}

// pause waits for so many steps, or until ctx is cancelled: then it returns
// ctx.Err().
func (c Common) pause(ctx context.Context, steps float64) error {
	select {
	case <-time.After(time.Duration(steps * float64(c.Step))):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// between checks the bounds of the number that a flag was given.
func between(flag string, n, low, high Number) error {
	if n < low || n > high {
		return fmt.Errorf("%s must be %d to %d, not %d", flag, low, high, n)
	}
	return nil
}

// startAll starts the processes in their order, up to the first that fails.
func startAll(processes ...*ipc.Process) error {
	for _, p := range processes {
		if err := p.Start(); err != nil {
			return err
		}
	}
	return nil
}

// joinAll waits for all of the processes and returns what went wrong in any.
func joinAll(ctx context.Context, processes ...*ipc.Process) error {
	var errs []error
	for _, p := range processes {
		errs = append(errs, p.Join(ctx))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errs...)
}
