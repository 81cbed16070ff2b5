package cluster_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOthersLinkNoBroker looks at what mpbox, and a program that imports ipc,
// are made of.
func TestOthersLinkNoBroker(t *testing.T) {
	list := exec.Command("go", "list", "-deps", ".", "./ipc", "./ipc/...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 100 {
		t.Fatalf("there are %d packages only", len(packages))
	}
	for _, p := range packages {
		if strings.Contains(p, "nats") || strings.HasSuffix(p, "ipc/cluster") {
			t.Errorf("%s is linked in", p)
		}
	}
}

// TestOthersHaveNoEngine looks for what only this package needs of ipc in a
// program that uses the package, and in mpbox: its size would be the first to tell.
func TestOthersHaveNoEngine(t *testing.T) {
	ours := regexp.MustCompile(`\.(AttachEngine|NewHostCrew|\(\*(hosted|run|source|consignment)\)\.\w+)$|/ipc/internal/engine\.`)
	symbols := func(dir, program string) (found []string, all int) {
		exe := filepath.Join(t.TempDir(), "program")
		build := exec.Command("go", "build", "-o", exe, program)
		build.Dir = dir
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		out, err := exec.Command("go", "tool", "nm", exe).Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			all++
			if line = strings.TrimSpace(line); strings.Contains(line, "mpbox/ipc") && ours.MatchString(line) {
				found = append(found, line)
			}
		}
		return found, all
	}
	if found, all := symbols(".", "./primes"); len(found) < 10 {
		t.Errorf("the example has, of %d symbols, %q only", all, found)
	}
	if found, all := symbols("../..", "."); len(found) > 0 || all < 1000 {
		t.Errorf("mpbox has, of %d symbols, %q", all, found)
	}
}
