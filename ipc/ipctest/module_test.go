package ipctest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// module makes a module that uses this tree, and returns its folder.
func module(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds test binaries")
	}
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/module")); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(sums))
	write(t, filepath.Join(dir, "go.mod"), "module example.com\n\ngo 1.26.0\n\n"+
		"require github.com/mpbox/mpbox v0.0.0\n\nreplace github.com/mpbox/mpbox => "+tree+"\n")
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// goTest tests a package of the module.
func goTest(t *testing.T, dir, pkg string) (string, error) {
	t.Helper()
	cmd := exec.Command("go", "test", "-count=1", "-v", "-timeout=1m", "./"+pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off",
		"RUNS="+filepath.Join(dir, "runs"), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestPackageThatForgetsMain has a package without TestMain: its test binary
// must not start itself over and over.
func TestPackageThatForgetsMain(t *testing.T) { // users.md test 11
	ipctest.NoLeaks(t)
	dir := module(t)
	out, err := goTest(t, dir, "forgets")
	if err == nil {
		t.Errorf("go test passes\n%s", out)
	}
	wants(t, out, "--- FAIL: TestStart", "--- FAIL: TestPool", "ipc.Main(")
	if n := strings.Count(out, ipc.ErrNoMain.Error()); n != 2 || strings.Contains(out, "left behind") {
		t.Errorf("%d times the text of ErrNoMain; want 2, and nothing else\n%s", n, out)
	}
	runs, err := os.ReadFile(filepath.Join(dir, "runs"))
	if err != nil || string(runs) != "run\n" {
		t.Errorf("runs = %q, %v; want one", runs, err)
	}
}

// TestImportThatPrints has a library print in the init function of each
// child.
func TestImportThatPrints(t *testing.T) { // users.md test 12
	ipctest.NoLeaks(t)
	out, err := goTest(t, module(t), "loud")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n := strings.Count(out, "Thank you for using noise!"); n < 2 {
		t.Errorf("noise prints %d times; want once in each of several processes\n%s", n, out)
	}
	wants(t, out, "--- PASS: TestPool", "so is the task: true")
}

func TestDispatchInInit(t *testing.T) {
	ipctest.NoLeaks(t)
	out, err := goTest(t, module(t), "early")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wants(t, out, "--- PASS: TestSend")
}

// TestPackageComment tests the package of the package comment.
func TestPackageComment(t *testing.T) {
	ipctest.NoLeaks(t)
	dir := module(t)
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var program strings.Builder
	_, rest, _ := strings.Cut(string(text), "//\n")
	for line := range strings.Lines(rest) {
		code, isCode := strings.CutPrefix(line, "//\t")
		if !isCode && line != "//\n" {
			break
		}
		program.WriteString(strings.TrimPrefix(code, "//"))
	}
	if err := os.Mkdir(filepath.Join(dir, "greet"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "greet", "greet_test.go"), program.String())
	out, err := goTest(t, dir, "greet")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wants(t, out, "--- PASS: TestGreet")
}
