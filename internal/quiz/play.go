package quiz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// patience is how much longer than asked for a step may become at most.
const patience = 2 * time.Second

// A Result is what came of the run of a question.
type Result struct {
	*Run
	Answer string // one of the choices
	Why    string
}

// An OddRunError says that a run was not of the kind that its question is
// about: an applet has failed, say.
type OddRunError struct {
	Run *Run
	err error
}

func (e *OddRunError) Error() string { return e.err.Error() }
func (e *OddRunError) Unwrap() error { return e.err }

// Play runs the applet and finds the answer. The demonstrations make their
// points by pauses, and on a busy machine short ones may get out of step: a run
// that is odd is repeated with longer ones. If that does not help either, the
// error is an [*OddRunError]. If ctx is cancelled, it is its.
func (q *Question) Play(ctx context.Context, b *Box) (*Result, error) {
	var odd error
	for _, factor := range []time.Duration{1, 5, 25, 100} {
		step := max(b.Step, min(b.Step*factor, patience))
		run, err := b.run(ctx, step, q.Args)
		if err != nil {
			return nil, err
		}
		answer, err := q.judge(run)
		if err == nil {
			return &Result{run, answer, q.explain(run)}, nil
		}
		odd = &OddRunError{run, err}
	}
	return nil, odd
}

// signs are the lines that show that a run has come as far as it has to. A run
// that has not may look like an answer: nothing is what many a fault prints.
var signs = map[string]string{
	"spawning_process":           `calling myFunc from process n°: 0$`,
	"spawning_process_namespace": `calling myFunc from process n°: 0$`,
	"myfunc":                     `calling myFunc from process n°: |^mpbox: myfunc: `,
	"naming_processes":           `Starting process name = `,
	"process_in_subclass":        `called run method in `,
	"derom":                      `^The main program ends here$|^Fault +: kill-main`,
	"no_bg_process":              `^The main program ends here$`,
	"run_bgprocess_no_dermon":    `^The main program (ends here|leaves at once)`,
	"killing_processes":          `^Process exit code: `,
	"communicating_with_queue":   appended,
	"communicating_with_pipe":    `^\d+$|^End$`,
	"process_barrier":            `^process p\d - test_`,
	"process_pool":               `^Pool    : `,
}

// judge finds out which of the choices a run showed.
func (q *Question) judge(run *Run) (string, error) {
	if run.Code != 0 && !q.fails {
		return "", fmt.Errorf("exit code %d: %s", run.Code, run.last())
	}
	if _, err := run.first(signs[q.Applet()]); err != nil {
		return "", err
	}
	answer, err := q.answer(run)
	if err == nil && !slices.Contains(q.Choices, answer) {
		err = fmt.Errorf("it shows %q, which is none of %q", answer, q.Choices)
	}
	return answer, err
}

// errLate is what comes of a machine that is too busy for the pauses.
var errLate = errors.New("a process came too late")

// Command is the command line of the run, as for a shell.
func (q *Question) Command() string {
	var out strings.Builder
	out.WriteString("mpbox")
	for _, word := range q.Args {
		if word == "" || strings.ContainsAny(word, " \t'\"\\$&|;<>()*?[]#~`!{}") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		out.WriteString(" " + word)
	}
	return out.String()
}
