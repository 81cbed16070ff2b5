package ipc_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// contained is the calling test once more as the first process of a container,
// which has a /proc of its own. Who may not make one skips the test.
func contained(t *testing.T, part string) *exec.Cmd {
	t.Helper()
	cmd := programOf(t, "sh", part)
	cmd.Args = append([]string{"sh", "-c", `mount -t proc proc /proc && exec "$0" "$@"`, os.Args[0]}, cmd.Args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	try := exec.Command("sh", "-c", "mount -t proc proc /proc")
	try.SysProcAttr = cmd.SysProcAttr
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("no container can be made: %v %s", err, out)
	}
	return cmd
}

func TestFirstProcessReapsOrphans(t *testing.T) {
	if partOf() != "" {
		leaveOrphans(t)
		return
	}
	guard(t)
	if out, err := contained(t, "orphans").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// leaveOrphans leaves processes to the first one, while it waits for others of
// its own, and then has the orphans end.
func leaveOrphans(t *testing.T) {
	if os.Getpid() == 1 || os.Getppid() != 1 {
		t.Fatalf("process %d, child of %d; want a child of 1", os.Getpid(), os.Getppid())
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var orphans []int
	for range 5 {
		sh := exec.Command("sh", "-c", "cat <&3 >/dev/null 2>&1 & echo $!")
		sh.ExtraFiles = []*os.File{r}
		out, err := sh.Output()
		if err != nil {
			t.Fatal(err)
		}
		orphans = append(orphans, ok(strconv.Atoi(strings.TrimSpace(string(out))))(t))
		var exit *exec.ExitError
		if err := exec.Command("sh", "-c", "exit 7").Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
			t.Errorf("a child of the program's own: %v; want exit status 7", err)
		}
	}
	for _, pid := range orphans {
		stat := string(ok(os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)))(t))
		if _, rest, _ := strings.Cut(stat, ") "); !strings.HasPrefix(rest[1:], " 1 ") {
			t.Errorf("orphan: %s; want a child of 1", stat)
		}
	}
	r.Close()
	w.Close() // which ends them
	for _, pid := range orphans {
		zombie := func() bool { _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); return err != nil }
		until(zombie, func() { t.Errorf("orphan %d was not reaped", pid) })
	}
}

func TestFirstProcessForwardsSignals(t *testing.T) {
	switch partOf() {
	case "heeds":
		signals := make(chan os.Signal, 8)
		signal.Notify(signals)
		fmt.Println("up")
		for sig := range signals {
			if sig != syscall.SIGURG {
				os.Exit(40 + int(sig.(syscall.Signal)))
			}
		}
	case "ends":
		fmt.Println("up")
		select {}
	}
	tests := []struct {
		part string
		sig  syscall.Signal
		want int
	}{
		{"heeds", syscall.SIGTERM, 40 + 15},
		{"heeds", syscall.SIGWINCH, 40 + 28},
		{"ends", syscall.SIGTERM, 128 + 15},
		{"ends", syscall.SIGINT, 128 + 2},
	}
	for _, test := range tests {
		t.Run(test.part+"/"+test.sig.String(), func(t *testing.T) {
			guard(t)
			cmd := contained(t, test.part)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(out, make([]byte, len("up\n"))); err != nil {
				t.Error(err)
			}
			if err := cmd.Process.Signal(test.sig); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait() // the exit code tells
			if got := cmd.ProcessState.ExitCode(); got != test.want {
				t.Errorf("process 1 exits %d; want %d", got, test.want)
			}
		})
	}
}
