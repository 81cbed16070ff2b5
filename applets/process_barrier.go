package applets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

type barrierCommand struct {
	Fault *string `help:"What goes wrong: late, p1 or p2 comes three steps later; kill, it is killed before it comes; hold-lock, it is killed while it holds the Lock; skip-lock, nobody takes the Lock." enum:"late,kill,hold-lock,skip-lock" placeholder:"HOW"`
	Seeded
	Common
}

func (c *barrierCommand) Help() string {
	return `Starts four processes. p1 and p2 come to a Barrier a step apart, wait there
for each other, and pass it together; p3 and p4 come a step apart too, and
have none. A Lock lets them print one at a time. In the end the gaps are told,
as measured.

Examples:

  mpbox process_barrier
  mpbox process_barrier --step 1s --pids`
}

type barrierArgs struct {
	Common
	Barrier  *ipc.Barrier // nil: without
	Lock     *ipc.Lock
	Times    *ipc.Queue[times]
	Lateness float64       // in steps
	Fault    *barrierFault // nil: none
}

// times says when a process came to the barrier and when it was past it.
type times struct {
	Name            string
	Arrived, Passed time.Time
}

var testWithBarrierTarget = ipc.NewTarget(testWithBarrier)

func testWithBarrier(ctx context.Context, args barrierArgs) error {
	if err := args.pause(ctx, args.Lateness); err != nil {
		return err
	}
	args.Fault.arrive(args.Common)
	arrived := time.Now()
	if _, err := args.Barrier.Wait(ctx); err != nil {
		return err
	}
	return args.tell(ctx, "test_with_barrier", arrived)
}

var testWithoutBarrierTarget = ipc.NewTarget(testWithoutBarrier)

func testWithoutBarrier(ctx context.Context, args barrierArgs) error {
	if err := args.pause(ctx, args.Lateness); err != nil {
		return err
	}
	return args.tell(ctx, "test_without_barrier", time.Now())
}

// clock is how the time of day is written.
const clock = "2006-01-02 15:04:05.000000"

// tell prints the line of a process, under the Lock, and reports its times.
func (args barrierArgs) tell(ctx context.Context, test string, arrived time.Time) error {
	now := time.Now()
	name := ipc.CurrentProcess().Name
	line := fmt.Sprintf("process %s - %s ----> %s", name, test, now.Format(clock))
	if err := args.print(ctx, line); err != nil {
		return err
	}
	return args.Times.Put(ctx, times{name, arrived, now})
}

// print prints a line, under the Lock.
func (args barrierArgs) print(ctx context.Context, line string) error {
	if args.Fault != nil {
		return args.printFaulty(ctx, line)
	}
	// If the last holder died, its line may be torn, but ours is not.
	if err := args.Lock.Acquire(ctx); err != nil && !errors.Is(err, ipc.ErrOwnerDied) {
		return err
	}
	args.printf("%s", line)
	args.Lock.Release()
	return nil
}

func (c *barrierCommand) Run(ctx context.Context) error {
	barrier, err1 := ipc.NewBarrier(2)
	lock, err2 := ipc.NewLock()
	queue, err3 := ipc.NewQueue[times](0)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	four := [4]barrierArgs{
		{c.Common, barrier, lock, queue, 0, nil},
		{c.Common, barrier, lock, queue, 1, nil},
		{c.Common, nil, lock, queue, 0, nil},
		{c.Common, nil, lock, queue, 1, nil},
	}
	if c.Fault != nil {
		return c.runFaulty(ctx, four)
	}
	processes := processesOf(four)
	if err := startAll(processes...); err != nil {
		return err
	}
	at, err := collect(ctx, queue)
	if err := cmp.Or(err, joinAll(ctx, processes...)); err != nil {
		return err
	}
	c.tellGaps(at)
	return nil
}

// processesOf makes p1 to p4; the first two have a barrier.
func processesOf(four [4]barrierArgs) (processes []*ipc.Process) {
	for i, args := range four {
		target := testWithBarrierTarget
		if args.Barrier == nil {
			target = testWithoutBarrierTarget
		}
		p := ipc.NewProcess(target, args)
		p.Name = fmt.Sprintf("p%d", i+1)
		processes = append(processes, p)
	}
	return processes
}

// collect takes the times from the queue until all processes have ended.
func collect(ctx context.Context, queue *ipc.Queue[times]) (map[string]times, error) {
	at := map[string]times{}
	for t, err := range queue.All(ctx) {
		if err != nil {
			return nil, err
		}
		at[t.Name] = t
	}
	return at, nil
}

func (c *barrierCommand) tellGaps(at map[string]times) {
	gap := func(a, b time.Time) time.Duration { return a.Sub(b).Abs().Round(time.Microsecond) }
	c.printf("with barrier: p1 and p2 arrived %v apart", gap(at["p1"].Arrived, at["p2"].Arrived))
	c.printf("with barrier: p1 and p2 passed %v apart", gap(at["p1"].Passed, at["p2"].Passed))
	c.printf("without barrier: p3 and p4 were %v apart", gap(at["p3"].Passed, at["p4"].Passed))
}
