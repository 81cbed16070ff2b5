package box

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Exit codes. Ended by signal n is 128+n.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitTimeout  = 124
	exitBroken   = 125 // the box itself, not the applet
	exitNotFound = 127
	exitSignal   = 128
)

// A refusal is an error that knows its exit code. Its text is one line without
// the program's name; hint, if any, is a second line that says what to do.
// A refusal without text is silent.
type refusal struct {
	code int
	text string
	hint string
}

func (r *refusal) Error() string { return r.text }

// usageError refuses a command line.
func usageError(format string, args ...any) *refusal {
	return &refusal{code: exitUsage, text: fmt.Sprintf(format, args...)}
}

// inCommand puts the name of a command before the text of its error. What
// already begins with a name, as in "NAME: applet not found", stays as it is.
func inCommand(name string, err error) error {
	var r *refusal
	if err == nil {
		return nil
	}
	if !errors.As(err, &r) {
		return &refusal{code: exitFailed, text: name + ": " + oneLine(err), hint: hintFor(err)}
	}
	if r.code == exitNotFound || r.text == "" {
		return r
	}
	return &refusal{code: r.code, text: name + ": " + r.text, hint: r.hint}
}

// report prints an error in at most two lines and returns the exit code.
func report(err error) int {
	if err == nil {
		return 0
	}
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{code: exitFailed, text: oneLine(err), hint: hintFor(err)}
	}
	if r.text != "" {
		fmt.Fprintln(os.Stderr, "mpbox: "+r.text)
	}
	if r.hint != "" {
		fmt.Fprintln(os.Stderr, r.hint)
	}
	return r.code
}

// oneLine is the text of an error with its lines joined.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(c rune) bool { return c == '\n' }), "; ")
}
