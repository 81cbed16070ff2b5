package box

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/applets"
)

// A testCommand is mpbox test [PATTERN].
type testCommand struct {
	Pattern string        `arg:"" optional:"" help:"The name of a script, a part of names, or a pattern such as process_*."`
	Limit   time.Duration `help:"How long one script may take: more than that on a slow machine." default:"2m"`
	Verbose bool          `short:"v" help:"Print what each script does."`
}

func (c *testCommand) Help() string {
	return "Runs the scripts that the project itself is tested with against this very binary: each applet, " +
		"its output, its exit codes, and that it leaves nothing behind. Needs no Go.\n\nExamples:\n\n" +
		"    mpbox test\n    mpbox test process_pool -v"
}

func (c *testCommand) run(b *Box) error {
	names, err := c.choose(b.Scripts)
	if err != nil {
		return err
	}
	if os.Getenv(runVar) == "" {
		// A common beginning for all runs, for the case of a signal.
		if err := os.Setenv(runVar, fmt.Sprintf("%d-%d-", os.Getpid(), time.Now().UnixNano())); err != nil {
			return err
		}
	}
	s, err := newSuite(b.Scripts)
	if err != nil {
		return err
	}
	s.limit, s.verbose = c.Limit, c.Verbose
	defer s.remove()
	s.endOnSignal()
	failed := s.runAll(names)
	if s.stopped.Load() {
		select {} // the goroutine of endOnSignal ends the process
	}
	if err := write(os.Stdout, fmt.Sprintf("%d passed, %d failed\n", s.passed, failed)); err != nil {
		return err
	}
	if failed > 0 {
		return &refusal{code: exitFailed}
	}
	return nil
}

// choose lists the scripts that the pattern means: the one of that name, or
// else all that it matches or is a part of.
func (c *testCommand) choose(scripts fs.FS) ([]string, error) {
	files, err := fs.Glob(scripts, "*.txtar")
	if err != nil {
		return nil, err
	}
	var all, chosen []string
	for _, file := range files {
		name := strings.TrimSuffix(file, ".txtar")
		all = append(all, name)
		matched, err := path.Match(c.Pattern, name)
		if err != nil {
			return nil, usageError("the pattern %q is malformed", c.Pattern)
		}
		if matched || strings.Contains(name, fold(c.Pattern)) {
			chosen = append(chosen, name)
		}
	}
	if slices.Contains(all, fold(c.Pattern)) {
		return []string{fold(c.Pattern)}, nil
	}
	if len(chosen) == 0 {
		r := usageError("no script matches %q", c.Pattern)
		r.hint = notFound("", "", nearest(fold(c.Pattern), all), "The scripts: "+strings.Join(all, ", ")).hint
		return nil, r
	}
	return chosen, nil
}

// A suite runs scripts, two at a time, in a temporary folder of its own.
type suite struct {
	scripts fs.FS
	limit   time.Duration // for each script
	verbose bool
	dir     string // holds bin, with the links, scripts, and the working folders

	stopped atomic.Bool   // by a signal
	ended   chan struct{} // closed when no script runs any more

	mu     sync.Mutex // held to print and to count
	passed int
	failed int
}

// newSuite sets up the folder, and PATH to find the binary by all its names.
func newSuite(scripts fs.FS) (*suite, error) {
	dir, err := os.MkdirTemp("", "mpbox-test-")
	if err != nil {
		return nil, fmt.Errorf("no temporary folder can be made, see TMPDIR: %w", err)
	}
	s := &suite{scripts: scripts, dir: dir, ended: make(chan struct{})}
	if err := s.fill(); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// fill makes the links and writes out the scripts.
func (s *suite) fill() error {
	self, err := executable()
	if err != nil {
		return err
	}
	bin := filepath.Join(s.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	for _, name := range append([]string{"mpbox"}, appletNames()...) {
		if err := os.Symlink(self, filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(s.dir, "scripts"), s.scripts); err != nil {
		return err
	}
	// Testscript registers its flags with the testing package's, which have to
	// be there and parsed; nobody else in this binary needs them.
	testing.Init()
	if err := flag.CommandLine.Parse(nil); err != nil {
		return err
	}
	// Testscript makes its folders there: inside ours, which is removed whole.
	if err := os.Setenv("GOTMPDIR", s.dir); err != nil {
		return err
	}
	return os.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// appletNames are the names of all applets.
func appletNames() []string {
	var names []string
	for _, a := range applets.All {
		names = append(names, a.Name)
	}
	return names
}

// runAll runs the scripts, until it is stopped, and returns how many failed.
func (s *suite) runAll(names []string) int {
	queue := make(chan string)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for name := range queue {
				if s.stopped.Load() {
					continue
				}
				s.print(runScript(filepath.Join(s.dir, "scripts", name+".txtar"), s.limit, s.verbose))
			}
		})
	}
	for _, name := range names {
		queue <- name
	}
	close(queue)
	workers.Wait()
	close(s.ended)
	return s.failed
}

// print prints the line of a script, and what it did if somebody has to know.
// What becomes of scripts that are stopped tells nothing.
func (s *suite) print(r scriptResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Load() {
		return
	}
	switch {
	case r.failed:
		s.failed++
		fmt.Printf("FAIL  %s\n", r.name)
	case r.skipped:
		fmt.Printf("skip  %s  %s\n", r.name, r.why)
	default:
		s.passed++
		fmt.Printf("ok    %s  %.1fs\n", r.name, r.took.Seconds())
	}
	if r.failed || s.verbose {
		fmt.Print(indentLines(strings.TrimSpace(r.log)+"\n", "      "))
	}
}

// remove removes the folder.
func (s *suite) remove() {
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintf(os.Stderr, "mpbox: test: %v\n", err)
	}
}

// endOnSignal ends the scripts' processes and removes the folder if a signal
// comes. The goroutine ends with the process.
func (s *suite) endOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		sig := (<-signals).(syscall.Signal)
		if word := ends[sig]; word != "" {
			fmt.Fprintf(os.Stderr, "mpbox: %s, ending the scripts\n", word)
		}
		s.mu.Lock() // no more lines, and no line half printed
		s.stopped.Store(true)
		s.mu.Unlock()
		s.stop()
		s.remove()
		os.Exit(exitSignal + int(sig))
	}()
}

// stop kills the processes of the scripts until none is left and no script
// runs any more: one may be about to start the next.
func (s *suite) stop() {
	id := os.Getenv(runVar)
	running := true
	for end := time.Now().Add(graceTerm + graceKill); time.Now().Before(end); {
		killRun(id)
		if !running && len(processesOf(id)) == 0 {
			return
		}
		select {
		case <-s.ended:
			running = false
		default:
		}
		time.Sleep(5 * time.Millisecond) // for them to die
	}
}
