package applets

import (
	"cmp"
	"context"
	"os/signal"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

type killingCommand struct {
	Fault      *string `help:"What goes wrong: ignore-term, the process ignores SIGTERM; stop, it is stopped (SIGSTOP) when SIGTERM comes." enum:"ignore-term,stop" placeholder:"HOW"`
	Kill       bool    `help:"Kill the process (SIGKILL) instead of terminating it (SIGTERM)."`
	IgnoreTerm bool    `help:"Let the process ignore SIGTERM: it has to be killed then."`
	Common
}

func (c *killingCommand) Help() string {
	return `Starts a process and terminates it, and prints its state and whether it is
alive before it is started, while it runs, after it was terminated and after
it was joined; then its exit code, which is the number of the signal, negated.

Examples:

  mpbox killing_processes
  mpbox killing_processes --ignore-term`
}

type fooArgs struct {
	Common
	IgnoreTerm bool
	Ready      *ipc.Sender[bool]
}

var fooTarget = ipc.NewTarget(foo)

// foo works long enough to be killed, also when the steps are short.
func foo(ctx context.Context, args fooArgs) error {
	if args.IgnoreTerm {
		signal.Ignore(syscall.SIGTERM)
	}
	if err := args.Ready.Send(ctx, true); err != nil {
		return err
	}
	args.Step = max(args.Step, 100*time.Millisecond)
	return args.pause(ctx, 10)
}

func (c *killingCommand) Run(ctx context.Context) error {
	if c.Fault != nil {
		return c.runFaulty(ctx)
	}
	p, err := c.begin(ctx, fooTarget)
	if err != nil {
		return err
	}
	if err := c.end(ctx, p); err != nil {
		return err
	}
	return c.join(ctx, p)
}

// begin starts a process and waits until it is at work.
func (c *killingCommand) begin(ctx context.Context, target ipc.Target[fooArgs]) (*ipc.Process, error) {
	ready, imReady, err := ipc.OneWay[bool]()
	if err != nil {
		return nil, err
	}
	p := ipc.NewProcess(target, fooArgs{c.Common, c.IgnoreTerm, imReady})
	c.show("before execution", p)
	if err := p.Start(); err != nil {
		return nil, err
	}
	if err := imReady.Close(); err != nil {
		return nil, err
	}
	// A signal that comes before foo ignores it would end the process.
	if _, err := ready.Recv(ctx); err != nil {
		return nil, cmp.Or(p.Join(ctx), err)
	}
	c.show("running", p)
	return p, ready.Close()
}

// join waits for the end of the process, and shows how it ended.
func (c *killingCommand) join(ctx context.Context, p *ipc.Process) error {
	_ = p.Join(ctx) // an *ipc.ExitError, as a signal ended it: the code says which
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.show("joined", p)
	code, _ := p.ExitCode()
	c.printf("Process exit code: %d", code)
	return nil
}

// show prints the state of a process, and whether it is alive, as they were at
// one moment: it may end between the two questions, but only once.
func (c *killingCommand) show(when string, p *ipc.Process) {
	alive, state := p.IsAlive(), p.String()
	if alive && !p.IsAlive() {
		alive, state = false, p.String()
	}
	c.printf("Process %s: %s %s", when, state, map[bool]string{true: "True", false: "False"}[alive])
}

// end ends the process, and shows its state at once: a signal takes its time.
func (c *killingCommand) end(ctx context.Context, p *ipc.Process) error {
	if !c.Kill {
		if err := p.Terminate(); err != nil {
			return err
		}
		c.show("terminated", p)
		if !c.IgnoreTerm {
			return nil
		}
		if err := c.pause(ctx, 1); err != nil {
			return err
		}
		c.show("a step later", p)
	}
	if err := p.Kill(); err != nil {
		return err
	}
	c.show("killed", p)
	return nil
}
