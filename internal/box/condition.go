package box

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// condition decides about the conditions of scripts that testscript has not.
func condition(name string) (bool, error) {
	if name != "procexe" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return hasProcExe()
}

// hasProcExe reports whether the system finds the file of a running program
// also when its name is gone. Emulators may know no more than the name.
func hasProcExe() (bool, error) {
	dir, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "procexe-") // as testscript's own folders
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "mpbox")
	if err := copyOfMpbox(file); err != nil {
		return false, err
	}
	want, err := os.Stat(file)
	if err != nil {
		return false, err
	}
	cmd := exec.Command(file, "spawning_process", "--step", "10s")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getenv(runVar) == "" {
		cmd.Env = append(os.Environ(), runVar+"=procexe") // a test binary is mpbox with it only
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with its child, if it has one by now
		_ = cmd.Wait()                                      // it was killed
	}()
	if err := os.Remove(file); err != nil {
		return false, err
	}
	got, err := os.Stat(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid))
	return err == nil && os.SameFile(got, want), nil
}

// copyOfMpbox copies the binary that scripts find on PATH.
func copyOfMpbox(to string) error {
	mpbox, err := exec.LookPath("mpbox")
	if err != nil {
		return err
	}
	program, err := os.ReadFile(mpbox)
	if err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o755)
}
