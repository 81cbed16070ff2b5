package ipc

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// Behind the bootstrap, a parent's side of the lifeline carries commands: a
// verb and its argument, eight bytes each. What the child sends has a head of
// three such numbers, kind, argument and length, before its text.
const (
	commandSize = 16
	headSize    = 24

	verbCancel     = 1 // end the context of the target
	verbCancelTask = 2 // of a pool's worker: the argument is the task's number
	verbStacks     = 3 // send a letterStacks with this argument

	letterReport = 1 // why the target failed
	letterStacks = 2

	// maxLetter bounds what a damaged length can make a parent allocate.
	maxLetter = 1 << 20
	// maxEarly bounds what waits for a child that is still being told what it is.
	maxEarly = 256 * commandSize
)

var errNotReading = errors.New("ipc: the process is stopped, or too busy to be told anything")

// A line is the parent's side of a lifeline, once the child has started.
type line struct {
	mu      sync.Mutex
	file    *os.File
	booted  bool   // the bootstrap is sent as a whole
	pending []byte // commands that wait for that, or the rest of one
	gone    bool   // nobody listens any more
	asked   uint64
	answers map[uint64]chan<- string // of those who wait for stacks
}

// boot sends what had to wait for the bootstrap, as Start does with that.
func (l *line) boot() {
	for {
		l.mu.Lock()
		b := l.pending
		l.pending = nil
		l.booted = len(b) == 0
		l.mu.Unlock()
		if len(b) == 0 {
			return
		}
		_, _ = send(l.file, b, true) // a child that is gone needs no commands
	}
}

// command sends a command. It does not wait for a child that reads nothing,
// and returns os.ErrProcessDone for one that never will.
func (l *line) command(verb, arg uint64) error {
	b := binary.LittleEndian.AppendUint64(nil, verb)
	b = binary.LittleEndian.AppendUint64(b, arg)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.gone:
		return os.ErrProcessDone
	case !l.booted && len(l.pending) >= maxEarly:
		return errNotReading
	case !l.booted:
		l.pending = append(l.pending, b...)
		return nil
	}
	// A command that was sent by half must be sent as a whole.
	rest, err := send(l.file, append(l.pending, b...), false)
	if err != nil {
		return lineError(err)
	}
	if len(rest) >= commandSize {
		l.pending = rest[:len(rest)-commandSize]
		return errNotReading
	}
	l.pending = rest
	return nil
}

// lineError gives the errors of a socket to nobody their common form.
func lineError(err error) error {
	if err == syscall.EPIPE || err == syscall.ECONNRESET || err == syscall.ENOTCONN {
		return os.ErrProcessDone
	}
	return err
}

// ask sends a command with an answer, which comes through the channel: closed
// without one if the child ends. The caller calls forget when it has it, or
// waits no longer.
func (l *line) ask(verb uint64) (answer <-chan string, forget func(), err error) {
	c := make(chan string, 1)
	l.mu.Lock()
	if l.gone {
		l.mu.Unlock()
		return nil, nil, os.ErrProcessDone
	}
	l.asked++
	id := l.asked
	if l.answers == nil {
		l.answers = map[uint64]chan<- string{}
	}
	l.answers[id] = c
	l.mu.Unlock()
	forget = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.answers, id)
	}
	if err := l.command(verb, id); err != nil {
		forget()
		return nil, nil, err
	}
	return c, forget, nil
}

// read takes what the child sends until the stream ends, which a child that
// runs another program now does before it ends itself. What is damaged is
// passed over: there is no telling where the next letter begins. It returns
// the first report.
func (l *line) read() (body []byte, reported bool) {
	for {
		kind, arg, text, err := readLetter(l.file)
		if err != nil {
			break
		}
		switch {
		case kind == letterReport && !reported:
			body, reported = text, true
		case kind == letterStacks:
			l.answer(arg, string(text))
		}
	}
	_, _ = io.Copy(io.Discard, l.file)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	for id, c := range l.answers {
		close(c)
		delete(l.answers, id)
	}
	return body, reported
}

func (l *line) answer(id uint64, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.answers[id]; c != nil {
		c <- text // it has room for the one that comes
		delete(l.answers, id)
	}
}

// readLetter reads what sendLetter sent.
func readLetter(r io.Reader) (kind, arg uint64, text []byte, err error) {
	var head [headSize]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, 0, nil, err
	}
	n := binary.LittleEndian.Uint64(head[16:])
	if n > maxLetter {
		return 0, 0, nil, errors.New("ipc: letter is too long")
	}
	text = make([]byte, n)
	_, err = io.ReadFull(r, text)
	return binary.LittleEndian.Uint64(head[:]), binary.LittleEndian.Uint64(head[8:]), text, err
}

// Cancel ends the context of the child's target, which is for the target to
// heed; one that has not begun yet finds it ended. It does not wait, and for a
// process that has ended, or runs another program now, it does nothing and
// returns nil. It is an error if the process does not even read what it is
// told, as when it is stopped (SIGSTOP) and was told much; also ErrNotStarted,
// ErrClosed and ErrNotChild. See Stop for those who do not heed it.
func (p *Process) Cancel() error { return p.command(verbCancel, 0) }

// cancelTask ends the context of the task that a pool's worker knows as seq.
func (p *Process) cancelTask(seq uint64) error { return p.command(verbCancelTask, seq) }

func (p *Process) command(verb, arg uint64) error {
	l, err := p.lineTo()
	if err != nil {
		return err
	}
	if err := l.command(verb, arg); err != os.ErrProcessDone {
		return err
	}
	return nil
}

func (p *Process) lineTo() (*line, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line == nil {
		return nil, ErrNotChild
	}
	return p.line, nil
}

// Stacks returns the stack traces of all goroutines of the child, as they are
// in a crash, cut off at 256 KiB. The child goes on; one that is in a loop
// without any calls answers too. It waits for the answer until ctx ends
// (ctx.Err()), which for a process that is stopped (SIGSTOP) may be long. It
// returns os.ErrProcessDone if the process ends before it answers, has ended,
// or runs another program now; ErrNotStarted, ErrClosed or ErrNotChild. In
// Python: faulthandler.dump_traceback.
func (p *Process) Stacks(ctx context.Context) (string, error) {
	l, err := p.lineTo()
	if err != nil {
		return "", err
	}
	answer, forget, err := l.ask(verbStacks)
	if err != nil {
		return "", err
	}
	defer forget()
	select {
	case s, ok := <-answer:
		if !ok {
			return "", os.ErrProcessDone
		}
		return s, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// sendLetter sends a letter up the lifeline f and gives what of it the other
// side has not taken.
func sendLetter(f *os.File, kind, arg uint64, text []byte) (rest []byte, err error) {
	b := binary.LittleEndian.AppendUint64(nil, kind)
	b = binary.LittleEndian.AppendUint64(b, arg)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(text)))
	return send(f, append(b, text...), true)
}
