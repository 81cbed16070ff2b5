package box

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// runVar is the environment variable that marks every process of one run of a
// script: children inherit it, so that those left behind can be found.
const runVar = "MPBOX_RUN"

// ScriptParams says how the acceptance tests are run, by go test and by mpbox
// test alike. Mpbox and the names of the applets have to be on PATH.
//
// A script finds the absolute path of the binary in $MPBOX. Steps are short
// (MPBOX_STEP=20ms), TMPDIR is a folder of its own, and HOME does not exist.
// To the commands of testscript these are added:
//
//	exits CODE COMMAND [ARG...]
//		runs a command and checks its exact exit code, 128+n if signal n ended
//		it; stdout and stderr are then matched as after exec.
//	sends SIGNAL[,SIGNAL...] CODE PATTERN COMMAND [ARG...]
//		starts a command, waits until what it printed matches PATTERN, sends
//		it the signals (INT, TERM, HUP, KILL, 100 ms apart) and checks its exit
//		code as exits does. INT/group goes to all its processes at once, as
//		Ctrl-C does in a terminal.
//	closes CODE N COMMAND [ARG...]
//		runs a command whose stdout is closed after N lines, as head does.
//	gone [LIMIT]
//		fails if a process of this script is left after a second, or after
//		LIMIT. Where there is no /proc it checks nothing.
//	noleft
//		fails if there is a file of package ipc in /dev/shm that was not there when
//		the script began, or any in TMPDIR, after a second.
//	size COLUMNS FILE
//		fails if a line of FILE, or of stdout, is longer than that.
//	plain FILE
//		fails if FILE, or stdout, has an escape sequence or a character that
//		draws boxes.
//
// and this condition:
//
//	[procexe]
//		the system finds the file of a running program when its name is gone.
func ScriptParams() testscript.Params {
	return testscript.Params{
		Setup:               setupScript,
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  cmdExits,
			"sends":  cmdSends,
			"closes": cmdCloses,
			"gone":   cmdGone,
			"noleft": cmdNoleft,
			"size":   cmdSize,
			"plain":  cmdPlain,
		},
	}
}

// A scriptRun is what the added commands have to know about a script.
type scriptRun struct {
	id     string          // the value of runVar
	keys   []string        // the environment variables that it began with
	shared map[string]bool // what was in /dev/shm before
}

// runKey finds the scriptRun among the values of a script.
type runKey struct{}

// setupScript prepares the environment of one script.
func setupScript(env *testscript.Env) error {
	mpbox, err := exec.LookPath("mpbox")
	if err != nil {
		return err
	}
	if mpbox, err = filepath.Abs(mpbox); err != nil {
		return err
	}
	run := &scriptRun{id: os.Getenv(runVar) + rand.Text(), shared: filesIn(sharedMemory)}
	env.Setenv(runVar, run.id)
	env.Setenv("MPBOX", mpbox)
	env.Setenv("MPBOX_STEP", "20ms")
	env.Setenv("GORACE", "atexit_sleep_ms=0") // the race runtime sleeps for a second at each exit otherwise
	for _, kv := range env.Vars {
		run.keys = append(run.keys, key(kv))
	}
	env.Values[runKey{}] = run
	env.Defer(func() { killRun(run.id) })
	return nil
}

// runOf returns what setupScript has stored.
func runOf(ts *testscript.TestScript) *scriptRun {
	return ts.Value(runKey{}).(*scriptRun)
}
