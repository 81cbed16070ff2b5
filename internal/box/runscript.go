package box

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A scriptResult is what came of one script.
type scriptResult struct {
	name            string
	took            time.Duration
	log             string
	failed, skipped bool
	why             string // it was skipped
}

// runScript runs one script to its end, or until it has taken too long.
func runScript(file string, limit time.Duration, verbose bool) scriptResult {
	t := &scriptT{verbose: verbose}
	begin := time.Now()
	t.guarded(func() {
		params := ScriptParams()
		params.Files = []string{file}
		params.Deadline = begin.Add(limit) // RunT itself has no limit
		testscript.RunT(t, params)
	})
	return scriptResult{
		name:    strings.TrimSuffix(filepath.Base(file), ".txtar"),
		took:    time.Since(begin),
		log:     t.log.String(),
		failed:  t.failed,
		skipped: t.skipped,
		why:     t.why,
	}
}

// A scriptT stands in for testing.T where there is no go test. It is used by
// one goroutine at a time.
type scriptT struct {
	log             strings.Builder
	verbose         bool
	failed, skipped bool
	why             string
}

var _ testscript.T = (*scriptT)(nil)

// guarded runs f in a goroutine of its own, which FailNow and Skip can end,
// and takes a panic for a failure.
func (t *scriptT) guarded(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				t.failed = true
				t.Log(fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
			}
		}()
		f()
	}()
	<-done
}

// Run runs a script, and returns when it has ended.
func (t *scriptT) Run(_ string, f func(testscript.T)) {
	t.guarded(func() { f(t) })
}

// Skip ends a script that does not apply here.
func (t *scriptT) Skip(args ...any) {
	t.skipped = true
	t.why = fmt.Sprint(args...)
	runtime.Goexit()
}

// Fatal ends a script that has failed, with a reason.
func (t *scriptT) Fatal(args ...any) {
	t.Log(args...)
	t.FailNow()
}

// FailNow ends a script that has failed.
func (t *scriptT) FailNow() {
	t.failed = true
	runtime.Goexit()
}

// Log adds to what is printed about a script.
func (t *scriptT) Log(args ...any) { fmt.Fprintln(&t.log, args...) }

// Parallel does nothing: the suite decides how many scripts run at a time.
func (t *scriptT) Parallel() {}

// Verbose asks a script for all that it does.
func (t *scriptT) Verbose() bool { return t.verbose }
