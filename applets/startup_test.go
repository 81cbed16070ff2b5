package applets

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var initLine = regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, (\S+) ms clock`)

// A trace is what one process told about the packages that it initialised.
type trace struct {
	packages []string
	ms       float64
}

func (t trace) count(part string) (n int) {
	for _, p := range t.packages {
		if strings.Contains(p, part) {
			n++
		}
	}
	return n
}

// A child must end in the init function of this package, before the packages
// that draw pages on a terminal get their turn: they cost more than all else.
func TestChildrenInitialiseNoChroma(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	mpbox := filepath.Join(t.TempDir(), "mpbox")
	if out, err := exec.Command("go", "build", "-o", mpbox, "..").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	// One process after the other: the parent has told all before the first
	// child starts, and each child before the next.
	cmd := exec.Command(mpbox, "spawning_process", "--processes", "3")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.String())
	}
	traces := split(initLine.FindAllStringSubmatch(stderr.String(), -1))
	if len(traces) != 4 {
		t.Fatalf("%d processes told of their packages; want 4:\n%s", len(traces), stderr.String())
	}
	parent, children := traces[0], traces[1:]
	if parent.count("chroma") == 0 {
		t.Errorf("the parent initialised no chroma: this test sees nothing")
	}
	t.Logf("the parent initialised %d packages in %.2f ms", len(parent.packages), parent.ms)
	for i, child := range children {
		t.Logf("child %d initialised %d packages in %.2f ms", i, len(child.packages), child.ms)
		if n := child.count("chroma"); n > 0 {
			t.Errorf("child %d initialised %d packages of chroma; want none:\n%s",
				i, n, strings.Join(child.packages, "\n"))
		}
	}
}

// split separates the processes: each begins with the same package.
func split(lines [][]string) (traces []trace) {
	for _, line := range lines {
		if line[1] == lines[0][1] {
			traces = append(traces, trace{})
		}
		last := &traces[len(traces)-1]
		ms, _ := strconv.ParseFloat(line[2], 64)
		last.packages = append(last.packages, line[1])
		last.ms += ms
	}
	return traces
}
