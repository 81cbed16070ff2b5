package ipctest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// partVar has a run of this test binary play a part for a test, as part is
// told.
const partVar = "IPCTEST_TEST_PART"

func part() string { return os.Getenv(partVar) }

func TestMain(m *testing.M) { ipctest.Main(m) }

// play runs the calling test in a test binary of its own, where part gives
// what.
func play(t *testing.T, what string) (string, int) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), partVar+"="+what)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// A recorder is a test that notes what it fails with.
type recorder struct {
	*testing.T
	cleanup []func()
	errors  []string
}

func (r *recorder) Cleanup(f func()) { r.cleanup = append(r.cleanup, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// end ends the test, and returns what it has failed with.
func (r *recorder) end() string {
	for _, f := range slices.Backward(r.cleanup) {
		f()
	}
	return strings.Join(r.errors, "\n")
}

// sleep waits by the clock: a process in which nothing else could ever wake it
// would be ended by the Go runtime.
func sleep(context.Context, ipc.None) error {
	time.Sleep(time.Hour)
	return nil
}

var sleepTarget = ipc.NewTarget(sleep)

func start(t testing.TB, ps ...*ipc.Process) {
	t.Helper()
	for _, p := range ps {
		if err := p.Start(); err != nil {
			t.Fatalf("Start() = %v", err)
		}
	}
}

// wants checks that a text has all of some parts.
func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}
