package box

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pythonProgram measures in Python what package bench measures here.
//
//go:embed bench.py
var pythonProgram string

// A python is a Python process that takes samples when it is asked to.
//
// It and its children are a process group of their own, so that Ctrl-C does
// not reach them, and so that they can be killed together. If the box is
// killed, the lifeline ends, and a process of the group kills it.
type python struct {
	version  string // and start method
	cmd      *exec.Cmd
	ended    chan struct{} // closed when the process has
	commands *os.File
	answers  *os.File
	reader   *bufio.Reader
	lifeline *os.File
	err      error // why it can't be used any more
}

// startPython starts python3.
func startPython(ctx context.Context) (*python, error) {
	path, err := exec.LookPath("python3")
	if err != nil {
		return nil, errors.New("python3 was not found")
	}
	// Isolated: a file queue.py in this folder is none of its business.
	cmd := exec.Command(path, "-I", "-c", pythonProgram)
	p := &python{cmd: cmd, ended: make(chan struct{})}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.start(); err != nil {
		return nil, err
	}
	p.reader = bufio.NewReader(p.answers)
	p.version, err = p.answer(ctx, "ready ")
	if err != nil {
		p.close(ctx)
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return nil, fmt.Errorf("python3: %s", cmp.Or(lines[len(lines)-1], err.Error()))
	}
	return p, nil
}

// start starts the process, with our ends of its three pipes.
func (p *python) start() (err error) {
	var theirs, ours [3]*os.File
	defer func() {
		closeAll(theirs[:]...)
		if err != nil {
			closeAll(ours[:]...)
		}
	}()
	for i, theyRead := range []bool{true, false, true} {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		theirs[i], ours[i] = w, r
		if theyRead {
			theirs[i], ours[i] = r, w
		}
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.ExtraFiles = theirs[0], theirs[1], []*os.File{theirs[2]}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.commands, p.answers, p.lifeline = ours[0], ours[1], ours[2]
	go func() {
		_ = p.cmd.Wait() // how it ends is of no interest: what it answers is
		close(p.ended)
	}()
	return nil
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close() // nil is an error too, and no matter
	}
}

// take takes one sample, as a sampler does.
func (p *python) take(ctx context.Context, name string, sample time.Duration) (seconds float64, err error) {
	if p.err != nil {
		return 0, p.err
	}
	if _, err := fmt.Fprintf(p.commands, "%s %g\n", name, sample.Seconds()); err != nil {
		p.err = fmt.Errorf("python3 has ended: %w", err)
		return 0, p.err
	}
	text, err := p.answer(ctx, "")
	if err != nil {
		return 0, err
	}
	if text, failed := strings.CutPrefix(text, "error "); failed {
		return 0, errors.New(text)
	}
	return strconv.ParseFloat(text, 64)
}

// answer reads a line, which begins with a prefix, and returns its rest. Who
// does not answer is not asked again: it would answer the wrong question.
func (p *python) answer(ctx context.Context, prefix string) (string, error) {
	if err := p.answers.SetReadDeadline(time.Now().Add(stuck)); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.answers.SetReadDeadline(time.Now()) })
	defer stop()
	line, err := p.reader.ReadString('\n')
	text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), prefix)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.err = cmp.Or(ctx.Err(), errors.New("python3 does not answer"))
	case err != nil:
		p.err = errors.New("python3 has ended")
	case !ok:
		p.err = fmt.Errorf("python3 answers %q", line)
	}
	return text, p.err
}

// close ends the process, in good order if it can, and all that it started.
func (p *python) close(ctx context.Context) {
	closeAll(p.commands)
	patience := time.Second
	if ctx.Err() != nil {
		patience /= 4 // somebody has pressed Ctrl-C
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // all may be gone already
	<-p.ended
	closeAll(p.answers, p.lifeline)
}
