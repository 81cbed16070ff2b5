package bench

import (
	"context"
	"os"

	"github.com/mpbox/mpbox/ipc"
)

var noopTarget = ipc.NewTarget(noop)

func noop(context.Context, ipc.None) error { return nil }

// startJoin starts a child that does nothing and waits for its end.
func startJoin(s *Session) (operate, error) {
	return func(n int) error {
		for range n {
			p := ipc.NewProcess(noopTarget, ipc.None{})
			p.Daemon = true
			if err := p.Start(); err != nil {
				return err
			}
			if err := p.Join(s.ctx); err != nil {
				_ = p.Kill() // it may have ended just now
				_ = p.Join(forever)
				return err
			}
		}
		return nil
	}, nil
}

// startTrue does the same with the smallest program there is.
func startTrue(*Session) (operate, error) {
	name := "/bin/true"
	if _, err := os.Stat(name); err != nil {
		name = "/usr/bin/true"
	}
	attr := &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}}
	return func(n int) error {
		for range n {
			p, err := os.StartProcess(name, []string{"true"}, attr)
			if err != nil {
				return err
			}
			if _, err := p.Wait(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
