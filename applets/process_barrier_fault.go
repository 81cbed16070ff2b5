package applets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

const (
	pythonLate = "the same: wait() waits as long as it takes, or up to its timeout. But the timeout breaks the " +
		"barrier for all, the late one included."
	pythonPartyDied  = "the barrier does not notice: the other one waits for ever, and broken is False."
	pythonHolderDied = "the Lock stays locked: acquire() waits for ever, in each of the others, and nobody but the " +
		"dead one knows why."
	pythonNoLock = "the same, with sys.stdout.write and flush for each piece: what several processes write is " +
		"only kept apart by a lock. print() of one short line is mostly one write."
)

// barrierFault is what goes wrong for one of the four processes, and what it
// needs for that.
type barrierFault struct {
	How    string
	Victim bool

	// Of hold-lock: Before ends when another process has had the Lock, and ended
	// or closed After. Heir counts those who got it from a dead one.
	Before *ipc.Receiver[bool] // nil: none
	After  *ipc.Sender[bool]   // nil: none
	Heir   *ipc.Value[int]

	// Of skip-lock: whose turn it is to write a piece, and that it is done.
	Turn *ipc.Receiver[bool]
	Done *ipc.Sender[bool]
}

// arrive comes before the barrier.
func (f *barrierFault) arrive(c Common) {
	if f != nil && f.How == "kill" && f.Victim {
		c.printf("Fault   : kill, %s, before it comes to the barrier", ipc.CurrentProcess().Name)
		killMyself()
	}
}

// printFaulty prints a line as print does, unless it goes wrong there.
func (args barrierArgs) printFaulty(ctx context.Context, line string) error {
	switch args.Fault.How {
	case "hold-lock":
		return args.printHolding(ctx, line)
	case "skip-lock":
		return args.printPieces(ctx, line)
	}
	args.Fault = nil
	return args.print(ctx, line)
}

// printHolding prints a line under the Lock. The victim dies in the middle of
// it; who comes next finds that out, and begins a line of its own. That it is
// always the same one that comes next is for a run that can be told beforehand.
func (args barrierArgs) printHolding(ctx context.Context, line string) error {
	f, name := args.Fault, ipc.CurrentProcess().Name
	if f.Before != nil {
		if _, err := f.Before.Recv(ctx); err != io.EOF {
			return err
		}
	}
	err := args.Lock.Acquire(ctx)
	if f.Victim && err == nil {
		args.printf("Fault   : hold-lock, %s is killed in the middle of its line, with the Lock", name)
		args.write(pieces(line)[0] + pieces(line)[1])
		killMyself()
	}
	if errors.Is(err, ipc.ErrOwnerDied) {
		args.write("\n")
		args.printf("process %s - has the Lock, but: %v", name, err)
		f.Heir.Add(1)
		err = nil
	}
	if err != nil {
		return err
	}
	args.printf("%s", line)
	args.Lock.Release()
	if f.After != nil {
		return f.After.Close()
	}
	return nil
}

// printPieces prints a line without the Lock, piece by piece, each when it is
// this process's turn.
func (args barrierArgs) printPieces(ctx context.Context, line string) error {
	if args.Pids {
		line = fmt.Sprintf("[%d] %s", os.Getpid(), line)
	}
	for i := range piecesOfLine {
		if _, err := args.Fault.Turn.Recv(ctx); err != nil {
			return err
		}
		args.write(pieces(line)[i])
		if err := args.Fault.Done.Send(ctx, true); err != nil {
			return err
		}
	}
	return nil
}

// piecesOfLine is into how many pieces a line is cut.
const piecesOfLine = 3

// pieces cuts a line: who, where and when.
func pieces(line string) [piecesOfLine]string {
	where, when := indexOf(line, " - "), indexOf(line, " ----> ")
	return [...]string{line[:where], line[where:when], line[when:] + "\n"}
}

// write writes a piece of a line.
func (c Common) write(text string) {
	if _, err := os.Stdout.WriteString(text); err != nil {
		giveUp(err)
	}
}

// runFaulty runs the four processes with a fault in them.
func (c *barrierCommand) runFaulty(ctx context.Context, four [4]barrierArgs) error {
	ctx, cancel := c.bounded(ctx, 20)
	defer cancel()
	dice := c.dice()
	switch victim := dice.IntN(2); *c.Fault {
	case "late":
		four[victim].Lateness += 3
		return c.runLate(ctx, four, victim)
	case "kill":
		four[victim].Fault = &barrierFault{How: "kill", Victim: true}
		return c.runKill(ctx, four)
	case "hold-lock":
		return c.runHoldLock(ctx, four, victim)
	}
	return c.runSkipLock(ctx, four, dice.Perm(4*piecesOfLine))
}

// run starts the four processes, closes what only they are to have, collects
// their times and joins them. How they end is for the caller to say.
func (c *barrierCommand) run(ctx context.Context, four [4]barrierArgs, theirs ...io.Closer) ([]*ipc.Process, map[string]times, error) {
	processes := processesOf(four)
	if err := startAll(processes...); err != nil {
		return nil, nil, err
	}
	for _, end := range theirs {
		_ = end.Close() // always nil
	}
	at, err := collect(ctx, four[0].Times)
	if err == nil {
		_ = joinAll(ctx, processes...)
		err = ctx.Err()
	}
	return processes, at, err
}

func (c *barrierCommand) runLate(ctx context.Context, four [4]barrierArgs, late int) error {
	processes, at, err := c.run(ctx, four)
	if err != nil {
		return err
	}
	if err := joinAll(ctx, processes...); err != nil {
		return err
	}
	name, other := processes[late].Name, processes[1-late].Name
	c.printf("Fault   : late, %s, by three steps", name)
	c.tellGaps(at)
	round := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	c.tell("Seen", "%s waited %v at the barrier, %s %v: one that is late holds up all who wait for it.",
		other, round(at[other].Passed.Sub(at[other].Arrived)), name, round(at[name].Passed.Sub(at[name].Arrived)))
	c.tell("Python", pythonLate)
	return nil
}

func (c *barrierCommand) runKill(ctx context.Context, four [4]barrierArgs) error {
	processes, _, err := c.run(ctx, four)
	if err != nil {
		return err
	}
	return c.reckon(ctx, pythonPartyDied, processes...)
}

// runHoldLock has p1 or p2 die with the Lock. The other of them is the next to
// come for it, then p3 and p4.
func (c *barrierCommand) runHoldLock(ctx context.Context, four [4]barrierArgs, victim int) error {
	held, hold, err1 := ipc.OneWay[bool]()
	handed, hand, err2 := ipc.OneWay[bool]()
	heir, err3 := ipc.NewValue(0)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	for i := range four {
		f := &barrierFault{How: "hold-lock", Before: handed, Heir: heir}
		switch i {
		case victim:
			f.Victim, f.Before, f.After = true, nil, hold
		case 1 - victim:
			f.Before, f.After = held, hand
		}
		four[i].Fault = f
	}
	processes, at, err := c.run(ctx, four, hold, hand)
	if err != nil {
		return err
	}
	failed := 0
	for _, p := range processes {
		if code, _ := p.ExitCode(); code != 0 {
			failed++
		}
	}
	c.tell("Seen", "%s. The Lock went on to the next, with ErrOwnerDied for %d of the others, which learned so that "+
		"a line was half written. %d of the 4 processes printed theirs.",
		howEnded(processes[victim]), heir.Load(), len(at))
	c.tell("Python", pythonHolderDied)
	return loss(failed, len(processes), "processes failed")
}

// runSkipLock has all four write at the same time. The order in which their
// pieces come would be chance; here it is the order of turns.
func (c *barrierCommand) runSkipLock(ctx context.Context, four [4]barrierArgs, turns []int) error {
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	defer in.Close()
	var turn [4]*ipc.Sender[bool]
	var done [4]*ipc.Receiver[bool]
	for i := range four {
		var err1, err2 error
		f := &barrierFault{How: "skip-lock"}
		f.Turn, turn[i], err1 = ipc.OneWay[bool]()
		done[i], f.Done, err2 = ipc.OneWay[bool]()
		if err := cmp.Or(err1, err2); err != nil {
			return err
		}
		four[i].Fault = f
	}
	c.printf("Fault   : skip-lock, all four write piece by piece, and none takes the Lock")
	processes := processesOf(four)
	for _, p := range processes {
		p.Stdout = in // to see what they write, as it comes
	}
	if err := startAll(processes...); err != nil {
		return err
	}
	_ = in.Close() // of what is written by others
	for i := range four {
		_ = four[i].Fault.Done.Close() // always nil
	}
	for _, t := range turns {
		if err := turn[t%4].Send(ctx, true); err != nil {
			return cmp.Or(processes[t%4].Join(ctx), err)
		}
		if _, err := done[t%4].Recv(ctx); err != nil {
			return cmp.Or(processes[t%4].Join(ctx), err)
		}
	}
	at, err := collect(ctx, four[0].Times)
	if err := cmp.Or(err, joinAll(ctx, processes...)); err != nil {
		return err
	}
	text, err := io.ReadAll(out)
	if err != nil {
		return err
	}
	c.write(string(text))
	c.tellGaps(at)
	torn := len(processes)
	for _, line := range lines(string(text)) {
		if whole(line) {
			torn--
		}
	}
	how := ""
	if torn > 0 {
		how = " The pieces of each came in their order, but with those of others between them: whose turn it is to " +
			"write is drawn from the seed here, and chance elsewhere."
	}
	c.tell("Seen", "%d of %d lines were torn.%s", torn, len(processes), how)
	c.tell("Python", pythonNoLock)
	return loss(torn, len(processes), "lines are torn")
}

// whole reports whether a line is that of one process, from its beginning to the
// time at its end.
func whole(line string) bool {
	if i := indexOf(line, "] "); i < len(line) && line[0] == '[' {
		line = line[i+2:] // behind the pid
	}
	when := len(line) - len(clock)
	for i, with := range [...]string{"with", "with", "without", "without"} {
		if when > 0 && line[:when] == fmt.Sprintf("process p%d - test_%s_barrier ----> ", i+1, with) {
			_, err := time.Parse(clock, line[when:])
			return err == nil
		}
	}
	return false
}
