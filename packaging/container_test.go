//go:build linux

// Package packaging tests what the container recipe in this folder relies on.
package packaging

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// container is a command line of mpbox as the first process of a container with
// nothing in it but what every runtime brings: /proc and /dev/null. Who may not make
// one skips the test.
func container(t *testing.T, root string, args ...string) *exec.Cmd {
	t.Helper()
	enter := `mount -t proc proc "$0/proc" && exec chroot --userspec 65534:65534 "$0" /mpbox "$@"`
	run := func(args ...string) *exec.Cmd {
		cmd := exec.Command("sh", append([]string{"-c", enter, root}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
		return cmd
	}
	if os.Getuid() != 0 {
		t.Skip("only root can make a container here")
	}
	try := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true")
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("no container can be made: %v %s", err, out)
	}
	return run(args...)
}

// emptyRoot is a folder with the static binary in it.
func emptyRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"proc", "dev", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "dev/null"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(root, "mpbox"), "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The folder of the test is only its maker's; the container's user is another.
	for _, dir := range []string{root, filepath.Dir(root)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestEmptyRoot(t *testing.T) {
	root := emptyRoot(t)
	out, err := container(t, root, "process_pool", "--inputs", "4").CombinedOutput()
	if want := "Pool    : [0, 1, 4, 9]\n"; err != nil || string(out) != want {
		t.Errorf("process_pool: %v\n%s\nwant %s", err, out, want)
	}
	// The runtime's way to end a container, and Ctrl-C.
	for sig, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		cmd := container(t, root, "derom", "--step", "5s")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Errorf("derom printed nothing: %v", err)
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // the exit code tells
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%v: derom exits %d; want %d", sig, got, want)
		}
	}
}

// Process 1 has to give the program the terminal, or it can't read from it; and
// Ctrl-C ends it as it does elsewhere.
func TestTerminalOfContainer(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip(err)
	}
	root := emptyRoot(t)
	for _, c := range []struct {
		args              []string
		prompt, keys, end string
		code              int
	}{
		{[]string{"derom", "--step", "5s"}, "Starting", "\x03", "mpbox: interrupted", 130},
		{[]string{"quiz", "barrier", "-n", "1"}, "q ends", "q\r", "1 not asked", 0},
	} {
		cmd := container(t, root, c.args...)
		cmd.Args = []string{"script", "--quiet", "--return", "--command",
			"exec unshare --pid --fork --kill-child --mount " + quoted(cmd.Args), "/dev/null"}
		cmd.Path, cmd.SysProcAttr = script, nil
		screen := &prompt{text: c.prompt, shown: make(chan struct{})}
		cmd.Stdout, cmd.Stderr = screen, screen
		keyboard, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		hung := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // it may have ended
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = cmd.Wait() // the exit code tells
		}()
		select {
		case <-screen.shown:
			_, _ = io.WriteString(keyboard, c.keys) // what comes of it tells
		case <-ended:
		}
		<-ended
		hung.Stop()
		if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(screen.seen.String(), c.end) {
			t.Errorf("%s: exit code %d; want %d and %q:\n%s", c.args[0], got, c.code, c.end, screen.seen.String())
		}
	}
}

// A prompt is what is seen on a screen, and tells when a text is.
type prompt struct {
	text  string
	shown chan struct{} // closed when it is
	seen  strings.Builder
	told  bool
}

func (p *prompt) Write(b []byte) (int, error) {
	p.seen.Write(b)
	if !p.told && strings.Contains(p.seen.String(), p.text) {
		p.told = true
		close(p.shown)
	}
	return len(b), nil
}

// quoted makes a command line of words, for sh.
func quoted(words []string) string {
	var line strings.Builder
	for _, w := range words {
		line.WriteString("'" + strings.ReplaceAll(w, "'", `'\''`) + "' ")
	}
	return line.String()
}
