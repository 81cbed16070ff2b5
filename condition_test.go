package main

import (
	"os"
	"runtime"
	"testing"

	"github.com/mpbox/mpbox/internal/box"
)

// The condition must not skip a script where it could run: where nothing
// emulates, a program's own look at its file is true as well.
func TestConditionProcExe(t *testing.T) {
	got, err := box.ScriptParams().Condition("procexe")
	if err != nil {
		t.Fatal(err)
	}
	want := false
	if runtime.GOOS == "linux" {
		name, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		named, errNamed := os.Stat(name)
		running, errRunning := os.Stat("/proc/self/exe")
		want = errNamed == nil && errRunning == nil && os.SameFile(named, running)
	}
	if got != want {
		t.Errorf("procexe is %v; want %v", got, want)
	}
}
