package python_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/applets/python"
	"github.com/mpbox/mpbox/internal/box"
	"github.com/mpbox/mpbox/ipc"
)

// asBox is the environment variable that has the test binary stand in for
// mpbox.
const asBox = "MPBOX_PYTHON_TEST"

func TestMain(m *testing.M) {
	os.Exit(ipc.Main(func() int {
		if os.Getenv(asBox) != "" {
			return (&box.Box{}).Run(append([]string{"mpbox"}, os.Args[1:]...))
		}
		return m.Run()
	}))
}

// guard stands in each program, and what follows runs in the main process
// alone.
const guard = "\nif __name__ == \"__main__\":\n"

func TestEveryAppletHasAProgram(t *testing.T) {
	var want []string
	for _, a := range applets.All {
		want = append(want, a.Name+".py")
		text, err := python.Source(a.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.HasPrefix(text, `"""`) || strings.Count(text, guard) != 1 {
			t.Errorf("%s: no docstring to begin with, or not one guard:\n%s", a.Name, text)
		}
		for line := range strings.Lines(text) {
			if n := len([]rune(line)) - 1; n > 78 || strings.HasSuffix(line, " \n") {
				t.Errorf("%s: %d columns, more than 78, or a space at the end: %q", a.Name, n, line)
			}
		}
	}
	var compared []string
	for _, p := range programs {
		compared = append(compared, p.applet+".py")
	}
	if !slices.Equal(compared, want) {
		t.Errorf("compared are %q; want %q", compared, want)
	}
	got, err := filepath.Glob("*.py")
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("programs %q, %v; want %q", got, err, want)
	}
	if text, err := python.Source("python"); err == nil {
		t.Errorf("Source(python) = %q; want an error", text)
	}
}

func TestProgramsPrintWhatTheAppletsPrint(t *testing.T) {
	interpreter, methods := interpreter(t)
	dir := t.TempDir()
	for _, method := range methods {
		for _, p := range programs { // side by side, as one imports another
			p.save(t, filepath.Join(dir, method), method)
		}
	}
	for _, p := range programs {
		t.Run(p.applet, func(t *testing.T) {
			t.Parallel()
			box, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			want := p.run(t, "", box, p.applet)
			for _, method := range methods {
				t.Run(method, func(t *testing.T) {
					t.Parallel()
					got := p.run(t, filepath.Join(dir, method), interpreter, "-E", "-B", "-X", "utf8", p.applet+".py")
					if d := p.differences(want, got); d != "" {
						t.Errorf("%s\nmpbox printed\n%s\nPython printed\n%s", d, want, got)
					}
				})
			}
		})
	}
}

// byDefault is the start method that a program gets which asks for none.
const byDefault = "default"

// interpreter finds Python, and its start methods that are to be tried: with
// -short only the default.
func interpreter(t *testing.T) (path string, methods []string) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	out, err := askPython()
	if err != nil {
		t.Skip(err)
	}
	answer := strings.Split(out, "\n")
	if testing.Short() {
		return answer[0], []string{byDefault}
	}
	return answer[0], strings.Fields(answer[1])
}

// askPython asks for the real path too: python3 may be a script that looks for
// the interpreter, and takes longer to find it than that does to start.
var askPython = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", `
import multiprocessing, sys
if sys.version_info < (3, 8):
    sys.exit("python3 is older than 3.8")
print(sys.executable)
print(*multiprocessing.get_all_start_methods())`).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("python3 can't run them: %s", exit.Stderr)
	}
	return string(out), err
})

// save writes a program to a file in a folder, for a start method.
func (p program) save(t *testing.T, dir, method string) {
	t.Helper()
	text, err := python.Source(p.applet)
	if err != nil {
		t.Fatal(err)
	}
	if method != byDefault && strings.Contains(text, "import multiprocessing as mp\n") {
		text = strings.Replace(text, guard, guard+"    mp.set_start_method(\""+method+"\")\n", 1)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, p.applet+".py"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// run runs a command and returns what it printed. It waits for all that have
// its output open: a process that is left behind is a failure.
func (p program) run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, append(args, p.args...)...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), asBox+"=1", "MPBOX_STEP="+p.step, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		if cmd.Process != nil {
			_ = cmd.Cancel() // what is left, if anything
		}
		t.Fatalf("%v: %v\n%s%s", cmd, err, &stdout, &stderr)
	}
	return stdout.String()
}
