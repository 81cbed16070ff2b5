package applets

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// Seeded is the flag of the applets in which chance says whom a fault hits, and
// when.
type Seeded struct {
	Seed Number `short:"s" help:"Whom the fault hits, and when: the same seed, the same fault." default:"1"`
}

// dice are the random numbers that the seed stands for. The second number is any
// with many bits: without, seeds near each other give the same victim.
func (s Seeded) dice() *rand.Rand { return rand.New(rand.NewPCG(uint64(s.Seed), 0x5b89fad58bb77d74)) }

// A mishap is what goes wrong in one process, and at which piece of its work.
// Without How it is nothing.
type mishap struct {
	How string
	At  int
}

// strike comes before each piece of the work of a process.
func (m mishap) strike(c Common, at int, piece string) {
	if m.How == "" || m.At != at {
		return
	}
	name, before := ipc.CurrentProcess().Name, ""
	if piece != "" {
		before = fmt.Sprintf(", before %s %d", piece, at)
	}
	c.printf("Fault   : %s, in %s%s", m.How, name, before)
	if m.How == "panic" {
		panic(name + " has a fault")
	}
	killMyself()
}

// killMyself ends this process as the kernel would for want of memory, or as
// anybody may: nothing in it is told.
func killMyself() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // our own process: allowed
	select {}
}

// bounded limits what a fault leaves waiting, so that no mistake of ours makes
// it wait for ever: to half a minute, and so many steps.
func (c Common) bounded(ctx context.Context, steps int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 30*time.Second+time.Duration(steps)*c.Step)
}

// untilOrphaned returns a context for what only the parent can end, which ends
// with the parent.
func untilOrphaned(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-ipc.ParentProcess().Sentinel():
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// tell prints a paragraph of lines of 78 columns, with a label before it.
func (c Common) tell(label, format string, args ...any) {
	line := []rune(fmt.Sprintf("%-8s:", label))
	used := len(line)
	for _, word := range words(fmt.Sprintf(format, args...)) {
		if used+1+columns(word) > 78 {
			c.printf("%s", string(line))
			line = []rune("         ")
			used = len(line)
		}
		line = append(append(line, ' '), word...)
		used += 1 + columns(word)
	}
	c.printf("%s", string(line))
}

// columns is what a word counts for in a line. A time or a pid counts for as
// much whatever it is, so that the lines break where they did in the last run.
func columns(word []rune) int {
	digits := 0
	for _, r := range word {
		if '0' <= r && r <= '9' || r == '.' {
			digits++
		}
	}
	if digits == 0 || !slices.Contains(word, '=') && !(word[0] <= '9' && slices.Contains(word, 's')) {
		return len(word)
	}
	return max(len(word), len(word)-digits+8)
}

// words are what spaces separate.
func words(text string) (all [][]rune) {
	var word []rune
	for _, r := range text + " " {
		if r != ' ' {
			word = append(word, r)
		} else if word != nil {
			all, word = append(all, word), nil
		}
	}
	return all
}

// howEnded says how a process ended, as its parent knows it.
func howEnded(p *ipc.Process) string {
	switch code, ended := p.ExitCode(); {
	case !ended:
		return p.Name + " has not ended"
	case code < 0:
		return fmt.Sprintf("%s was ended by signal %d (%v), exit code %d", p.Name, -code, syscall.Signal(-code), code)
	case code > 0:
		return fmt.Sprintf("%s ended with exit code %d", p.Name, code)
	}
	return p.Name + " came to its end, exit code 0"
}

// whatJoinSays is how the process ended, and why, if its end said that.
func whatJoinSays(ctx context.Context, p *ipc.Process) string {
	err := p.Join(ctx)
	how := howEnded(p)
	if remote, ok := errors.AsType[*ipc.RemoteError](err); ok {
		how += ", and Join says why: " + lines(remote.Msg)[0] + function(remote.Stack)
	}
	return how
}

// function names the function of ours that a process was in when it panicked:
// the outermost one of its stack.
func function(stack string) (in string) {
	for _, line := range lines(stack) {
		if i := indexOf(line, "/applets."); line[0] != '\t' && i < len(line) {
			in = ", in " + line[i+1:indexOf(line, "(")]
		}
	}
	return in
}

// indexOf is where part begins in text, or the end of text.
func indexOf(text, part string) int {
	for i := range len(text) - len(part) + 1 {
		if text[i:i+len(part)] == part {
			return i
		}
	}
	return len(text)
}

// firstLine takes what a process says of its panic, and leaves out all but the
// first line of it, as a stack is long.
type firstLine struct {
	over bool
}

func (f *firstLine) Write(text []byte) (int, error) {
	if f.over {
		return len(text), nil
	}
	end := slices.Index(text, '\n') + 1
	if f.over = end > 0; !f.over {
		end = len(text)
	}
	if _, err := os.Stderr.Write(text[:end]); err != nil {
		return 0, err
	}
	return len(text), nil
}

// hit gives a process its mishap.
func (m mishap) hit(p *ipc.Process) {
	if m.How == "panic" {
		p.Stderr = &firstLine{}
	}
}

// reckon joins processes of which the fault has hit one, tells what Join says
// of it and what Python does there, and returns an error if it has cost
// something.
func (c Common) reckon(ctx context.Context, python string, processes ...*ipc.Process) error {
	failed, seen := 0, ""
	for _, p := range processes {
		if err := p.Join(ctx); err != nil {
			failed++
			seen += whatJoinSays(ctx, p) + ". "
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.tell("Seen", "%s%d of the %d processes came to their end, with exit code 0.",
		seen, len(processes)-failed, len(processes))
	c.tell("Python", "%s", python)
	return loss(failed, len(processes), "processes failed")
}

// loss is the error of a run in which something was lost, nil if nothing was.
func loss(n, all int, what string) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d %s", n, all, what)
}
