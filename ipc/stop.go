package ipc

import (
	"context"
	"time"
)

const (
	// defaultGrace is the Grace of a process that sets none.
	defaultGrace = 250 * time.Millisecond
	// stacksPatience is how long Stop waits for the stacks of a child.
	stacksPatience = 500 * time.Millisecond
)

// Stop ends the process and waits for its end. It asks first: the context of
// the target ends, as by Cancel. If the process is there after Grace, it is
// sent SIGTERM, and after another Grace SIGKILL. The stacks of its goroutines
// are taken before each signal, for ExitError; one that is stopped (SIGSTOP)
// gives none, which takes half a second. If ctx ends meanwhile, SIGKILL is sent
// at once. A Group is sent the signals as a whole.
//
// Stop returns nil when the process has ended, however it ended; what Join
// returns has CauseCancelled, unless it is nil because the exit code is 0.
// ErrNotStarted, ErrClosed and ErrNotChild are returned at once, and so is the
// error of a process that we may not send SIGKILL. Several goroutines may call
// it at once.
func (p *Process) Stop(ctx context.Context) error {
	if _, err := p.lineTo(); err != nil {
		return err
	}
	p.windUp(CauseCancelled, ctx.Err() == nil)
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
	}
	if err := p.Kill(); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// windUp notes why the process is to end, and begins to end it step by step,
// unless that has begun.
func (p *Process) windUp(why Cause, gently bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != started {
		return
	}
	if p.ending.asked == CauseUnknown {
		p.ending.asked = why
	}
	if gently && !p.windingUp {
		p.windingUp = true
		go p.stepsDown()
	}
}

// timeOut is what happens when Timeout is over.
func (p *Process) timeOut() { p.windUp(CauseTimeout, true) }

// stepsDown are the steps of Stop. They end with the process.
func (p *Process) stepsDown() {
	_ = p.Cancel() // the signals follow, whatever came of it
	if p.endsWithin(p.grace) {
		return
	}
	answers := p.takeStacks()
	_ = p.Terminate()
	if p.endsWithin(p.grace) {
		return
	}
	if answers {
		p.takeStacks()
	}
	_ = p.Kill()
}

// endsWithin waits until the process has ended, but no longer than d.
func (p *Process) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}

// takeStacks keeps the stacks of the process for ExitError, and reports
// whether there was an answer.
func (p *Process) takeStacks() bool {
	ctx, cancel := context.WithTimeout(context.Background(), p.patience)
	defer cancel()
	s, err := p.Stacks(ctx)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stacks = s
	return true
}
