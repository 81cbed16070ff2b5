package ipc_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImports keeps the package on the standard library, and off the packages
// that would let the init functions of a program's other packages go first in
// a child: see docs/design.md.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	late := "|strings|bytes|bufio|path/filepath|regexp|net|net/rpc|unique|weak|text/template|text/tabwriter|runtime/debug|runtime/pprof|encoding/gob|crypto/rand|"
	for path := range strings.FieldsSeq(string(out)) {
		foreign := strings.Contains(path, ".") && !strings.HasPrefix(path, "github.com/mpbox/mpbox/ipc")
		if foreign || strings.Contains(late, "|"+path+"|") {
			t.Errorf("ipc depends on %s", path)
		}
	}
}

// TestPackageCommentProgram runs the program of the package comment.
func TestPackageCommentProgram(t *testing.T) {
	guard(t)
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
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "run", file).CombinedOutput()
	if want := "hello, Bob - from Process-1\n"; err != nil || string(out) != want {
		t.Errorf("go run: %v\n%s\nwant %s", err, out, want)
	}
}
