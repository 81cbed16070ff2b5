// Package box is the command line of mpbox: it picks the applet or the command
// that was asked for, runs it, and turns what came of it into an exit code.
//
// Results go to stdout, everything else to stderr. Nothing here runs in a
// child process: the children of the applets never get as far as main.
package box

import (
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
)

// A Box is the program: what was built into it, and its command line.
type Box struct {
	Scripts fs.FS // the acceptance tests, one NAME.txtar each
	Build   Build

	log      *os.File // the event log, if the run is to be shown
	drawings []drawing
}

// Run does what the command line args asks for, args[0] being the name that
// the program was called by, and returns the exit code.
func (b *Box) Run(args []string) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "mpbox: broken: %v\n%s", r, debug.Stack())
			code = exitBroken
		}
	}()
	words, err := applyName(args)
	if err != nil {
		return report(err)
	}
	return report(b.dispatch(words))
}

// dispatch runs the command that words, without the program's name, ask for.
func (b *Box) dispatch(words []string) error {
	if len(words) == 0 {
		return b.overview()
	}
	if words[0] == "--version" {
		return b.printVersion()
	}
	words, err := b.resolve(words)
	if err != nil {
		return err
	}
	if asksForHelp(words) {
		return b.help(words[0])
	}
	command, err := b.parse(words)
	if err != nil {
		return err
	}
	switch c := command.(type) {
	case *appletCall:
		if err := b.record(&c.Pictures); err != nil {
			return inCommand(words[0], err)
		}
		return runApplet(words[0], c.Command)
	case boxCommand:
		return inCommand(words[0], c.run(b))
	}
	return fmt.Errorf("%s cannot be run: it is a %T", words[0], command)
}
