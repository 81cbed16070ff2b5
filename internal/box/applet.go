package box

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/ipc"
)

// runApplet runs an applet under a guard against signals and puts what came of
// it into words.
func runApplet(name string, command applets.Command) error {
	err := underGuard(command.Run, graceOf(command))
	var r *refusal
	if err == nil || errors.As(err, &r) {
		return err
	}
	return appletError(name, err)
}

// graceOf is how long after a signal the children of an applet are left to it,
// which it says by a method Grace.
func graceOf(command applets.Command) time.Duration {
	if c, ok := command.(interface{ Grace() time.Duration }); ok {
		return c.Grace()
	}
	return 0
}

// underGuard runs what starts children. It ends them in any case, and makes a
// signal that came meanwhile the exit code.
func underGuard(run func(context.Context) error, grace time.Duration) error {
	g := startGuard(grace)
	err := run(g.ctx)
	close(g.returned)
	if err == nil {
		err = g.settle()
	}
	if err == nil && !g.interrupted() {
		g.stop()
		return nil
	}
	if sig := childSignal(err); sig != 0 {
		g.expect(sig)
	}
	g.endChildren()
	if sig := g.stop(); sig != 0 {
		return &refusal{code: exitSignal + int(sig)}
	}
	if childSignal(err) == syscall.SIGPIPE {
		return &refusal{code: exitSignal + int(syscall.SIGPIPE)}
	}
	return err
}

// appletError is the error of an applet, with a hint where the system ran out
// of something.
func appletError(name string, err error) error {
	r := &refusal{code: exitFailed, text: name + ": " + oneLine(err), hint: hintFor(err)}
	if errors.Is(err, context.DeadlineExceeded) {
		r.code = exitTimeout
	}
	return r
}

// childSignal is the signal that a child died of, if it is one that the whole
// box gets at the same time: Ctrl-C goes to all processes of a terminal, and a
// closed stdout is everybody's. Else it is zero.
func childSignal(err error) syscall.Signal {
	var exit *ipc.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	switch sig := syscall.Signal(-exit.Code); sig {
	case syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE:
		return sig
	}
	if exit.Code == exitSignal+int(syscall.SIGPIPE) {
		return syscall.SIGPIPE // the child noticed by itself
	}
	return 0
}
