package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// limit is the longest that one command of a page may take.
const limit = 30 * time.Second

// tools is the folder that holds the mpbox under test.
var tools string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if tools, err = os.MkdirTemp("", "mpbox-docs-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(tools)
		return m.Run()
	}())
}

// build makes the real binary, once, and reports the folder it is in.
var build = sync.OnceValues(func() (string, error) {
	// go test repeats an old result unless a file that the test itself opened
	// has changed, and it does not see what go build reads: so look at it all.
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		return "", err
	}
	out, err := run("..", "go", "build", "-o", filepath.Join(tools, "mpbox"), ".")
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return tools, nil
})

// run runs a command in a folder with mpbox on PATH, and returns what it wrote
// to stdout and stderr. All that it started is killed when time is up.
func run(dir, name string, args ...string) (string, error) {
	return runWith("", dir, name, args...)
}

// runWith is run with one more variable, NAME=VALUE, in the environment.
func runWith(env, dir, name string, args ...string) (string, error) {
	wait := limit
	if name == "go" {
		wait = 10 * limit // a cold build cache
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &out, &out
	path := "PATH=" + tools + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Env = append(os.Environ(), path)
	if env != "" {
		cmd.Env = append(cmd.Env, env)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// Children that outlive the command hold its output open: that is shown too.
	cmd.WaitDelay = limit / 3
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done within %v: %w", wait, err)
	}
	return out.String(), err
}

func TestBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("runs all that the pages show")
	}
	checks := map[string]func(*testing.T, block){
		"console":        checkConsole,
		"console sorted": checkConsole,
		"go":             checkGo,
		"python":         checkPython,
		"text":           func(*testing.T, block) {},
		"sh":             func(*testing.T, block) {},
		"timeline":       func(*testing.T, block) {}, // see TestPictures
	}
	for _, page := range pages(t) {
		blocks, _, err := parse(read(t, page))
		if err != nil {
			t.Errorf("%s: %v", page, err)
		}
		for _, b := range blocks {
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(page), b.line), func(t *testing.T) {
				check, ok := checks[b.info]
				if !ok {
					t.Fatalf("block of kind %q; name one that is checked, or text or sh", b.info)
				}
				check(t, b)
			})
		}
	}
}

// checkConsole runs the commands of a block and compares what each wrote with
// what the page shows.
func checkConsole(t *testing.T, b block) {
	if _, err := build(); err != nil {
		t.Fatal(err)
	}
	// The pauses are for readers, and short ones do; but on a busy machine the
	// lines of two processes may fall out of step. Then longer ones show whether
	// the page is wrong.
	var differences []string
	for _, step := range []string{"50ms", "200ms", "1s"} {
		differences = play(session(t, b), t.TempDir(), "MPBOX_STEP="+step, b.info == "console sorted")
		if len(differences) == 0 {
			return
		}
	}
	t.Error(strings.Join(differences, "\n"))
}

// play runs the commands in the folder and tells what is not as on the page.
func play(steps []step, dir, env string, sorted bool) (differences []string) {
	status := 0
	for _, s := range steps {
		// $? holds what the command before left, as in a terminal.
		got, err := runWith(env, dir, "bash", "-c", fmt.Sprintf("(exit %d)\n%s", status, s.command))
		status = 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
			status, err = exit.ExitCode(), nil
		}
		if err != nil {
			differences = append(differences, fmt.Sprintf("$ %s: %v", s.command, err))
		}
		if !matches(s.want, split(got), sorted) {
			differences = append(differences, fmt.Sprintf("$ %s\n%s\nthe page has\n%s",
				s.command, got, strings.Join(s.want, "\n")))
		}
	}
	return differences
}

// step is one command of a console block and the lines it must write.
type step struct {
	command string
	want    []string
}

func session(t *testing.T, b block) []step {
	t.Helper()
	var steps []step
	more := false // the command goes on in the next line
	for _, line := range b.lines {
		command, ok := strings.CutPrefix(line, "$ ")
		switch {
		case more:
			steps[len(steps)-1].command += "\n" + line
		case ok:
			steps = append(steps, step{command: command})
		case len(steps) == 0:
			t.Fatalf("%q comes before a command", line)
		default:
			steps[len(steps)-1].want = append(steps[len(steps)-1].want, line)
		}
		more = (ok || more) && strings.HasSuffix(line, `\`)
	}
	if len(steps) == 0 {
		t.Fatal("no command")
	}
	return steps
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// varying holds what differs from run to run, and what it is compared as.
var varying = []struct {
	re *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`\b(pid|parent)=\d+`), "$1=PID"},
	{regexp.MustCompile(`\bparent was \d+ and is now \d+`), "parent was PID and is now PID"},
	{regexp.MustCompile(`^\[\d+\]`), "[PID]"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}`), "TIME"},
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)? ?(ns|µs|ms|s)\b`), "DURATION"},
}

func normal(lines []string) []string {
	lines = slices.Clone(lines)
	for i := range lines {
		for _, v := range varying {
			lines[i] = v.re.ReplaceAllString(lines[i], v.as)
		}
	}
	return lines
}

// matches compares lines; "..." in want stands for any number of them.
func matches(want, got []string, sorted bool) bool {
	want, got = normal(want), normal(got)
	if !sorted {
		return follows(want, got)
	}
	for _, line := range want {
		if line == "..." {
			continue
		}
		i := slices.Index(got, line)
		if i < 0 {
			return false
		}
		got = slices.Delete(got, i, i+1)
	}
	return len(got) == 0 || slices.Contains(want, "...")
}

func follows(want, got []string) bool {
	for i, line := range want {
		if line == "..." {
			for skip := range len(got) - i + 1 {
				if follows(want[i+1:], got[i+skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(got) || got[i] != line {
			return false
		}
	}
	return len(got) == len(want)
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		name, want, got string
		sorted, ok      bool
	}{
		{"nothing", "", "", false, true},
		{"equal", "a\nb", "a\nb", false, true},
		{"one line less", "a\nb", "a", false, false},
		{"one line more", "a", "a\nb", false, false},
		{"other order", "b\na", "a\nb", false, false},
		{"other order, sorted", "b\na", "a\nb", true, true},
		{"twice and once, sorted", "a\na", "a\nb", true, false},
		{"one line more, sorted", "a", "a\nb", true, false},
		{"rest left out, sorted", "...\nb", "a\nb\nc", true, true},
		{"middle left out", "a\n...\nd", "a\nb\nc\nd", false, true},
		{"nothing left out", "a\n...\nd", "a\nd", false, true},
		{"end missing", "a\n...\nd", "a\nb", false, false},
		{"only left out", "...", "", false, true},
		{"two gaps", "...\nb\n...\nd", "a\nb\nb\nc\nd", false, true},
		{"pids", "<pid=1 parent=2>", "<pid=301 parent=27>", false, true},
		{"new parent", "its parent was 12 and is now 1", "its parent was 7 and is now 5", false, true},
		{"pid in front", "[1] a", "[4711] a", false, true},
		{"a list is no pid", "all: [1, 4]", "all: [2, 4]", false, false},
		{"times", "2026-11-22 11:11:15.526431", "1999-01-02 01:02:03.000001", false, true},
		{"durations", "after 1.23ms", "after 2s", false, true},
		{"counts are no durations", "4 squares", "5 squares", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if ok := matches(split(c.want), split(c.got), c.sorted); ok != c.ok {
				t.Errorf("matches(%q, %q) = %v; want %v", c.want, c.got, ok, c.ok)
			}
		})
	}
}

var fileComment = regexp.MustCompile(`^// ([\w/.-]+\.go)$`)

// checkGo looks for the block in the file it names; without a name it is a
// whole program, which must build, run and end well.
func checkGo(t *testing.T, b block) {
	text := strings.Join(b.lines, "\n")
	if len(b.lines) > 0 && fileComment.MatchString(b.lines[0]) {
		name := fileComment.FindStringSubmatch(b.lines[0])[1]
		rest := "\n" + strings.Trim(strings.TrimPrefix(text, b.lines[0]), "\n") + "\n"
		if !strings.Contains("\n"+read(t, filepath.Join("..", name)), rest) {
			t.Errorf("not in %s, word for word:\n%s", name, strings.Trim(rest, "\n"))
		}
		return
	}
	if !strings.Contains("\n"+text, "\npackage main\n") {
		t.Fatal("a Go block starts with // FILE.go, or is a whole program")
	}
	t.Parallel()
	// An overlay puts the program inside the module without a file in the tree.
	dir := t.TempDir()
	real := filepath.Join(dir, "main.go")
	inside, err := filepath.Abs("../docs/snippet/main.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{inside: real}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		real: []byte(text + "\n"), filepath.Join(dir, "overlay.json"): overlay,
	} {
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "program")
	out, err := run("..", "go", "build", "-overlay", filepath.Join(dir, "overlay.json"),
		"-o", program, "./docs/snippet")
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if out, err := run(dir, program); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// checkPython runs the program from a file: a spawned child imports it again.
func checkPython(t *testing.T, b block) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	t.Parallel()
	dir := t.TempDir()
	text := strings.Join(b.lines, "\n") + "\n"
	if !strings.Contains(text, "\nif __name__ == \"__main__\":\n") {
		t.Error("no guard: a spawned child would run the program again")
	}
	if err := os.WriteFile(filepath.Join(dir, "program.py"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := run(dir, "python3", "program.py"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
