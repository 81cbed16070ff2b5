//go:build linux

// Package packaging tests what the container recipe in this folder relies on.
package packaging

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
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
