package quiz

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// runLimit is how long a run may take.
const runLimit = time.Minute

// A Box runs applets, each as a process of its own.
type Box struct {
	Path string        // the executable of the box
	Step time.Duration // the unit of the applets' pauses
	Env  []string      // more variables, NAME=VALUE
}

// A Run is what a run of an applet showed.
type Run struct {
	Pid   int      // of the main program
	Code  int      // its exit code, as a shell has it
	Lines []string // what all its processes printed, on stdout and stderr
	Left  []string // the names of its processes that were there when it had ended
	Step  time.Duration
}

// run runs an applet and waits until its last process that could print has
// ended. If ctx is cancelled all of them are killed.
func (b *Box) run(ctx context.Context, step time.Duration, args []string) (*Run, error) {
	limited, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(b.Path, args...)
	cmd.Args[0] = "mpbox"
	cmd.Env = b.environ(step)
	cmd.Stdout, cmd.Stderr = in, in
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	in.Close()
	if err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	defer context.AfterFunc(limited, func() {
		_ = syscall.Kill(-pid, syscall.SIGKILL) // those that are left of its group
		_ = out.SetReadDeadline(time.Now().Add(time.Second))
	})()
	text := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(out) // up to the deadline is good enough
		text <- all
	}()
	err = cmd.Wait()
	r := &Run{Pid: pid, Step: step}
	left, tableErr := groupMembers(pid)
	r.Left, r.Lines = left, lines(<-text)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fmt.Errorf("mpbox %s: not done within %v", strings.Join(args, " "), runLimit)
	}
	r.Code, err = codeOf(err)
	return r, cmp.Or(err, tableErr)
}

// environ is our own environment without what would change a run.
func (b *Box) environ(step time.Duration) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "IPC_") })
	return append(append(env, b.Env...), "MPBOX_STEP="+step.String())
}

// codeOf is the exit code that a shell would show for what Wait returned.
func codeOf(err error) (int, error) {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// lines are those of a text.
func lines(text []byte) []string {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if len(text) == 0 {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// all returns of each line that has the pattern what its first group found, or
// the pattern itself if it has none.
func (r *Run) all(pattern string) []string {
	re := regexp.MustCompile(pattern)
	var found []string
	for _, line := range r.Lines {
		if m := re.FindStringSubmatch(line); m != nil {
			found = append(found, m[min(1, re.NumSubexp())])
		}
	}
	return found
}

// first is the first that all would return.
func (r *Run) first(pattern string) (string, error) {
	if found := r.all(pattern); len(found) > 0 {
		return found[0], nil
	}
	return "", fmt.Errorf("no line has %s", pattern)
}

// text is all that was printed, as one line: what an applet tells of a fault is
// broken into lines of a certain width.
func (r *Run) text() string { return strings.Join(strings.Fields(strings.Join(r.Lines, " ")), " ") }

// told returns what the pattern's first group finds in text.
func (r *Run) told(pattern string) (string, error) {
	return (&Run{Lines: []string{r.text()}}).first(pattern)
}

// seen is what the pattern's first group finds in a line, or else in text, for
// an explanation. It should be there, as the answer was found.
func (r *Run) seen(pattern string) string {
	for _, find := range []func(string) (string, error){r.first, r.told} {
		if found, err := find(pattern); err == nil {
			return found
		}
	}
	return nothing
}

// nothing stands in an explanation for what a run does not have.
const nothing = "???"

// gap is the first that all would return, a duration, in steps.
func (r *Run) gap(pattern string) (float64, error) { return r.gapOf(r.first(pattern)) }

// gapOf is a duration that was found, in steps.
func (r *Run) gapOf(found string, err error) (float64, error) {
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(found)
	return float64(d) / float64(r.Step), err
}

// last is the last line.
func (r *Run) last() string {
	if len(r.Lines) == 0 {
		return ""
	}
	return r.Lines[len(r.Lines)-1]
}

// The answers that many questions are after.

func exitCode(r *Run) (string, error) { return strconv.Itoa(r.Code), nil }

func lastLine(r *Run) (string, error) { return r.last(), nil }

// firstOf answers with what the first line that has the pattern says.
func firstOf(pattern string) func(*Run) (string, error) {
	return func(r *Run) (string, error) { return r.first(pattern) }
}

// howMany answers with how many lines have the pattern.
func howMany(pattern string) func(*Run) (string, error) {
	return func(r *Run) (string, error) { return strconv.Itoa(len(r.all(pattern))), nil }
}

// howManyDifferent answers with how many different things the pattern finds.
func howManyDifferent(pattern string) func(*Run) (string, error) {
	return func(r *Run) (string, error) {
		return strconv.Itoa(len(distinct(r.all(pattern)))), nil
	}
}
