package applets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

type poolCommand struct {
	Workers  Number        `help:"How many worker processes, 1 to 256." default:"4"`
	Inputs   Number        `help:"How many numbers to square, 0 to 100000." default:"100"`
	Chunk    Number        `help:"How many inputs a worker gets at a time, 0 to 100000; 0: as the pool thinks best." default:"0"`
	Who      bool          `help:"Tell which worker squared which of the inputs."`
	Slow     bool          `help:"Let each input take a step."`
	Timeout  time.Duration `help:"How long an input may take, 0 to 1h; 0: any time, and five steps for one that hangs." default:"0s"`
	Fault    Fault         `help:"What goes wrong: kill, hang, oom, panic or exit, and with which input, as in kill@7; without @ it is the one in the middle." placeholder:"HOW@N"`
	Progress bool          `help:"Show on stderr how far it is, if that is a terminal."`
	Common
}

func (c *poolCommand) Help() string {
	return `Squares the numbers 0 to 99 in a pool of four worker processes. The workers
are used again, from task to task, and the results come in the order of the
inputs, whoever was first. A worker that dies costs the one input that it was
at: all others are squared, and the exit code is 1, or 124 if nothing but time
ran out. Ctrl-C lets the inputs under way have a quarter of a second.

Examples:

  mpbox process_pool --workers 2 --inputs 20 --chunk 1 --who
  mpbox process_pool --inputs 10 --fault kill@3`
}

func (c *poolCommand) Validate() error {
	err := cmp.Or(
		c.Common.Validate(),
		between("--workers", c.Workers, 1, 256),
		between("--inputs", c.Inputs, 0, 100_000),
		between("--chunk", c.Chunk, 0, 100_000),
	)
	switch {
	case err != nil:
		return err
	case c.Timeout < 0 || c.Timeout > time.Hour:
		return fmt.Errorf("--timeout must be 0s to 1h, not %v", c.Timeout)
	case c.Fault.How != "" && c.Inputs == 0:
		return errors.New("--fault needs an input that it can happen to")
	case c.Fault.How != "" && c.Fault.Input >= c.Inputs:
		return fmt.Errorf("--fault is for input 0 to %d, not %d", c.Inputs-1, c.Fault.Input)
	}
	return nil
}

// A Fault is what goes wrong with one of the inputs; without How, nothing.
type Fault struct {
	How   string
	Input Number // -1: the one in the middle
}

// Choices are what How may be; the shells' completion offers them.
func (Fault) Choices() []string { return []string{"kill", "hang", "oom", "panic", "exit"} }

// UnmarshalText parses what stands behind --fault.
func (f *Fault) UnmarshalText(text []byte) error {
	how, input, given := text, Number(-1), false
	if i := slices.Index(text, '@'); i >= 0 {
		how, given = text[:i], true
		if err := input.UnmarshalText(text[i+1:]); err != nil {
			return err
		}
	}
	if !slices.Contains(f.Choices(), string(how)) {
		return fmt.Errorf("%q is not kill, hang, oom, panic or exit, with @ and a number or without", text)
	}
	if given && input < 0 {
		return fmt.Errorf("input %d is negative", input)
	}
	*f = Fault{string(how), input}
	return nil
}

// squared is a result, and the pid of the worker that it comes from.
type squared struct {
	Value, Pid int
}

var squareFunc = ipc.NewFunc(square)

func square(ctx context.Context, data int) (squared, error) {
	if err := ipc.State[trial](ctx).begin(data); err != nil {
		return squared{}, err
	}
	return squared{data * data, os.Getpid()}, nil
}

// A trial is what the workers have to go through besides.
type trial struct {
	Common
	Slow  bool
	Fault Fault
}

// Each worker is given the trial once, at its start.
var trialSetup = ipc.NewSetup(prepare, nil)

func prepare(_ context.Context, t trial) (trial, error) { return t, nil }

// begin is what happens before an input is squared. It does not heed the
// context: what is under way is to be completed.
func (t trial) begin(data int) error {
	if t.Slow {
		time.Sleep(t.Step)
	}
	if t.Fault.How == "" || int(t.Fault.Input) != data {
		return nil
	}
	t.printf("Fault   : %s, at input %d", t.Fault.How, data)
	switch t.Fault.How {
	case "hang":
		select {}
	case "oom":
		takeMemory()
	case "panic":
		panic(fmt.Sprintf("no square for %d", data))
	case "exit":
		os.Exit(3)
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// takeMemory takes memory until that is the end.
func takeMemory() {
	var taken [][]byte
	for {
		block := make([]byte, 16<<20)
		for i := range block {
			block[i] = 1 // memory that nobody touches costs nothing
		}
		taken = append(taken, block)
		runtime.KeepAlive(taken)
	}
}

// poolMemory is what a worker may have that takes all that it gets.
const poolMemory = 128 << 20

// Grace is how long the inputs under way have after Ctrl-C. It is the pool's.
func (c *poolCommand) Grace() time.Duration { return 250 * time.Millisecond }

func (c *poolCommand) pool() *ipc.Pool[int, squared] {
	if c.Fault.Input < 0 {
		c.Fault.Input = c.Inputs / 2
	}
	pool := ipc.NewPool(squareFunc, int(c.Workers))
	pool.ChunkSize = int(c.Chunk)
	pool.Grace = c.Grace()
	pool.Timeout = c.Timeout
	pool.Setup = trialSetup.With(trial{c.Common, c.Slow, c.Fault})
	switch c.Fault.How {
	case "hang":
		if pool.Timeout == 0 {
			pool.Timeout = max(5*c.Step, time.Millisecond)
		}
	case "oom":
		pool.Limits.Memory = poolMemory
		pool.Stderr = io.Discard // the stacks of all its goroutines: see tellFailure
	}
	if c.Progress {
		pool.Progress = ipc.ShowProgress(os.Stderr)
	}
	return pool
}

func (c *poolCommand) Run(ctx context.Context) error {
	inputs := make([]int, c.Inputs)
	for i := range inputs {
		inputs[i] = i
	}
	pool := c.pool()
	defer pool.Terminate()
	results, err := pool.Map(ctx, inputs)
	failed, ok := err.(ipc.TaskErrors)
	if err != nil && !ok {
		c.tellHowFar(ctx, results)
		return err
	}
	c.tellResults(results)
	for _, task := range failed {
		c.tellFailure(task)
	}
	if c.Who {
		c.tellWho(results)
	}
	pool.Close()
	return cmp.Or(pool.Join(ctx), verdict(failed, len(inputs)))
}

// tellResults prints the squares, with a dash for each that there is not.
func (c *poolCommand) tellResults(results []squared) {
	var values []byte
	for _, r := range results {
		if r.Pid == 0 {
			values = appendItem(values, "-")
		} else {
			values = appendItem(values, "%d", r.Value)
		}
	}
	c.printf("Pool    : [%s]", values)
}

// tellHowFar says how many inputs were squared before Ctrl-C.
func (c *poolCommand) tellHowFar(ctx context.Context, results []squared) {
	if ctx.Err() == nil {
		return
	}
	n := 0
	for _, r := range results {
		if r.Pid != 0 {
			n++
		}
	}
	fmt.Fprintf(os.Stderr, "mpbox: %d of %d inputs were squared\n", n, len(results))
}

// tellFailure prints what the pool knows of an input that was not squared.
func (c *poolCommand) tellFailure(task *ipc.TaskError) {
	how := ""
	if exit, ok := errors.AsType[*ipc.ExitError](task); ok {
		how = fmt.Sprintf(", exit code %d", exit.Code)
		if exit.Code < 0 {
			how = fmt.Sprintf(", signal %d (%v)", -exit.Code, syscall.Signal(-exit.Code))
		}
		if exit.Detail != "" {
			how += ", " + exit.Detail
		}
	}
	c.printf("Failed  : input %d, attempt %d, pid=%d: %v%s", task.Index, task.Attempts, task.Pid, task.Cause, how)
	for _, line := range evidence(task) {
		c.printf("          %s", line)
	}
}

// A poolFailure is what is left to say when some inputs were not squared.
type poolFailure struct {
	failed ipc.TaskErrors
	text   string
}

func (e *poolFailure) Error() string { return e.text }

// Is makes it a matter of time if it is for all that failed.
func (e *poolFailure) Is(target error) bool {
	return target == context.DeadlineExceeded &&
		!slices.ContainsFunc(e.failed, func(t *ipc.TaskError) bool { return !errors.Is(t, ipc.ErrTimeout) })
}

// verdict is the error of a run in which tasks have failed.
func verdict(failed ipc.TaskErrors, all int) error {
	if len(failed) == 0 {
		return nil
	}
	return &poolFailure{failed, strconv.Itoa(len(failed)) + " of " + strconv.Itoa(all) + " inputs failed"}
}

// tellWho prints a line for each worker, also for one that came too late to get
// a task.
func (c *poolCommand) tellWho(results []squared) {
	for _, worker := range ipc.ActiveChildren() {
		var inputs []int
		for i, r := range results {
			if r.Pid == worker.Pid() {
				inputs = append(inputs, i)
			}
		}
		c.printf("worker %d squared %d of %d: %s",
			worker.Pid(), len(inputs), len(results), ranges(inputs))
	}
}

// ranges writes ascending numbers briefly: 0-6, 9, 14-20.
func ranges(numbers []int) string {
	var parts []byte
	for i := 0; i < len(numbers); i++ {
		first := numbers[i]
		for i+1 < len(numbers) && numbers[i+1] == numbers[i]+1 {
			i++
		}
		if numbers[i] == first {
			parts = appendItem(parts, "%d", first)
		} else {
			parts = appendItem(parts, "%d-%d", first, numbers[i])
		}
	}
	if parts == nil {
		return "none"
	}
	return string(parts)
}

// appendItem appends to a list with commas.
func appendItem(list []byte, format string, args ...any) []byte {
	if len(list) > 0 {
		list = append(list, ", "...)
	}
	return fmt.Appendf(list, format, args...)
}

// evidence are the lines that a task has left which teach something: what it
// panicked with, the first of what its worker said at the end, where it hung.
func evidence(task *ipc.TaskError) []string {
	if remote, ok := errors.AsType[*ipc.RemoteError](task); ok && remote.Stack != "" {
		return lines(remote.Msg)[:1]
	}
	said := lines(task.Stderr)
	return append(said[:min(2, len(said))], stackOf(task.Stacks, "applets.square")...)
}

// stackOf picks the goroutine that runs a function out of the stacks of all,
// and names what it has called.
func stackOf(stacks, function string) (names []string) {
	for _, line := range lines(stacks) {
		if len(line) > 0 && line[0] == '\t' {
			continue // where the function is
		}
		if len(line) > 10 && line[:10] == "goroutine " {
			names = nil
		}
		if i := slices.Index([]byte(line), '('); i > 0 && line[len(line)-1] == ')' {
			line = line[:i]
		}
		names = append(names, line)
		if n := len(line) - len(function); n >= 0 && line[n:] == function {
			return names
		}
	}
	return nil
}

// lines are those of a text that are not empty.
func lines(text string) (all []string) {
	begin := 0
	for i := range len(text) + 1 {
		if i == len(text) || text[i] == '\n' {
			if i > begin {
				all = append(all, text[begin:i])
			}
			begin = i + 1
		}
	}
	return all
}
