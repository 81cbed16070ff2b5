package box

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a command of a script may take for a step.
const patience = 20 * time.Second

// cmdExits is the command exits.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want := number(ts, args[0])
	checkCode(ts, ts.Exec(args[1], args[2:]...), want)
}

// cmdSends is the command sends.
func cmdSends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: sends SIGNAL[,SIGNAL...] CODE PATTERN COMMAND [ARG...]")
	}
	want := number(ts, args[1])
	pattern, err := regexp.Compile("(?m)" + args[2])
	ts.Check(err)
	c := startCommand(ts, args[3:])
	if !c.waitFor(pattern) {
		_ = c.cmd.Process.Kill()
		c.finish(ts)
		ts.Fatalf("%q was never printed", args[2])
	}
	for i, sig := range strings.Split(args[0], ",") {
		if i > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		ts.Check(c.signal(sig))
	}
	checkCode(ts, c.finish(ts), want)
}

// cmdCloses is the command closes.
func cmdCloses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: closes CODE N COMMAND [ARG...]")
	}
	want, lines := number(ts, args[0]), number(ts, args[1])
	cmd := commandOf(ts, args[2:])
	cmd.Stderr = ts.Stderr()
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	one := make([]byte, 1)
	for seen := 0; seen < lines; {
		if _, err := io.ReadFull(stdout, one); err != nil {
			break
		}
		_, _ = ts.Stdout().Write(one) // into memory
		if one[0] == '\n' {
			seen++
		}
	}
	ts.Check(stdout.Close())
	checkCode(ts, cmd.Wait(), want)
}

// A watchedCommand is a running command whose output can be waited for.
type watchedCommand struct {
	cmd            *exec.Cmd
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	ended          chan struct{}
	err            error // of Wait, once ended is closed
}

// startCommand starts a command in the folder and environment of the script,
// in a process group of its own.
func startCommand(ts *testscript.TestScript, args []string) *watchedCommand {
	c := &watchedCommand{cmd: commandOf(ts, args), ended: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = locked{&c.mu, &c.stdout}, locked{&c.mu, &c.stderr}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Whoever runs the tests may ignore signals, as nohup does, and what is
	// ignored stays so in new programs. What is caught does not.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	ts.Check(c.cmd.Start())
	signal.Stop(caught)
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c
}

// commandOf makes a command that gets the script's environment. What the
// script itself has added there is passed by env(1), as testscript does not
// tell.
func commandOf(ts *testscript.TestScript, args []string) *exec.Cmd {
	name := args[0]
	if !strings.Contains(name, "/") {
		found, err := exec.LookPath(name)
		ts.Check(err)
		name = found
	}
	cmd := exec.Command(name, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Dir = ts.MkAbs(".")
	for _, k := range runOf(ts).keys {
		cmd.Env = append(cmd.Env, k+"="+ts.Getenv(k))
	}
	cmd.WaitDelay = 3 * time.Second // processes that outlive it may hold its output
	return cmd
}

// waitFor waits until the output matches.
func (c *watchedCommand) waitFor(pattern *regexp.Regexp) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		c.mu.Lock()
		found := pattern.Match(c.stdout.Bytes()) || pattern.Match(c.stderr.Bytes())
		c.mu.Unlock()
		if found {
			return true
		}
	}
	return false
}

// signal sends the signal of a name, to the whole group after NAME/group.
func (c *watchedCommand) signal(name string) error {
	name, group := strings.CutSuffix(name, "/group")
	sig, ok := map[string]syscall.Signal{
		"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL,
	}[name]
	pid := c.cmd.Process.Pid
	switch {
	case !ok:
		return errors.New("unknown signal " + name)
	case group:
		return syscall.Kill(-pid, sig)
	}
	return c.cmd.Process.Signal(sig)
}

// finish waits for the end, hands the output to the script and returns what
// Wait said.
func (c *watchedCommand) finish(ts *testscript.TestScript) error {
	select {
	case <-c.ended:
	case <-time.After(patience):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = ts.Stdout().Write(c.stdout.Bytes()) // into memory
	_, _ = ts.Stderr().Write(c.stderr.Bytes())
	return c.err
}

// locked is a buffer that another goroutine looks into.
type locked struct {
	mu     *sync.Mutex
	buffer *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

// checkCode compares an exit code with what Wait has said.
func checkCode(ts *testscript.TestScript, err error, want int) {
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			code = exitSignal + int(status.Signal())
		}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		ts.Fatalf("%v", err)
	}
	if code != want {
		ts.Fatalf("exit code %d; want %d", code, want)
	}
}

// number parses an argument of a command.
func number(ts *testscript.TestScript, arg string) int {
	n, err := strconv.Atoi(arg)
	ts.Check(err)
	return n
}
