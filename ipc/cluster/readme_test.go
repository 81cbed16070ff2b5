package cluster_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/ipctest"
)

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// TestReadme runs what README.md shows.
func TestReadme(t *testing.T) {
	ipctest.NoLeaks(t)
	ipctest.Deadline(t, deadline)
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := fence.FindAllStringSubmatch(string(page), -1)
	ran := 0
	for i, b := range blocks {
		switch b[1] {
		case "console":
			playConsole(t, b[2])
		case "go":
			if i+1 == len(blocks) || blocks[i+1][1] != "text" {
				t.Fatalf("a program without its output:\n%s", b[2])
			}
			runProgram(t, b[2], blocks[i+1][2])
		case "text":
			continue
		default:
			t.Errorf("a block of kind %q", b[1])
		}
		ran++
	}
	if ran == 0 {
		t.Error("README.md shows nothing")
	}
}

// playConsole runs the lines of a block in one shell. Who reads them is slower
// than a shell: so it waits for what a line starts in the background.
func playConsole(t *testing.T, block string) {
	t.Helper()
	addr := freeAddr(t)
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	var script, want strings.Builder
	for line := range strings.Lines(block) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		if !isCommand {
			want.WriteString(line)
			continue
		}
		script.WriteString(command)
		if strings.HasPrefix(command, "nats-server") {
			script.WriteString("until (: <>/dev/tcp/127.0.0.1/4333) 2>/dev/null; do sleep 0.05; done\n")
		}
	}
	program, err := serverProgram()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", strings.ReplaceAll(script.String(), "4333", port))
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	cmd.Stderr = t.Output()
	got, err := cmd.Output()
	if err != nil || string(got) != want.String() {
		t.Errorf("%s\nprints %q, %v; want %q", block, got, err, want.String())
	}
}

func runProgram(t *testing.T, source, want string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", file)
	cmd.Stderr = t.Output()
	cmd.WaitDelay = time.Second
	if got, err := cmd.Output(); err != nil || string(got) != want {
		t.Errorf("prints %q, %v; want %q:\n%s", got, err, want, source)
	}
}

// TestReadmeNamesVariables compares the variables of the configurations with
// those that the page explains.
func TestReadmeNamesVariables(t *testing.T) {
	names := func(pattern string, files ...string) (found []string) {
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
				found = append(found, m[1])
			}
		}
		slices.Sort(found)
		return slices.Compact(found)
	}
	used := names(`\$([A-Z_0-9]+)`, "deploy/one.conf", "deploy/three.conf", "deploy/accounts.conf")
	explained := names(`\b((?:NATS|RENDER|SOLVE)_[A-Z_0-9]+)`, "deploy/README.md")
	if !slices.Equal(used, explained) {
		t.Errorf("the configurations use %v, and deploy/README.md explains %v", used, explained)
	}
}
