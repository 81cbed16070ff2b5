package cluster_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// roleVar says in the environment of a process of this test binary that it is
// not to run tests, but to be a part of one.
const roleVar = "CLUSTER_TEST_ROLE"

// roles are what such a process can be. Its own workers are of the same
// environment: ipc.Main knows them before it calls play.
var roles = map[string]func() error{}

func play(name string) int {
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no role is called %q\n", name)
		return 2
	}
	if err := role(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

func TestMain(m *testing.M) {
	os.Exit(ipc.Main(func() int {
		if name := os.Getenv(roleVar); name != "" {
			return play(name)
		}
		defer removeProgram()
		return m.Run()
	}))
}

// startPart runs this test binary as a part of the test, which ends when the
// test does, as its standard input is closed then.
func startPart(t testing.TB, role string, env ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), roleVar+"="+role), env...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	gone, err := startBound(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if <-gone; !cmd.ProcessState.Success() {
			t.Errorf("the %s has ended with %v", role, cmd.ProcessState)
		}
	})
}

// untilClosed is a context that ends when r does.
func untilClosed(r io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, r)
	}()
	return ctx, cancel
}
