package applets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/mpbox/mpbox/ipc"
)

type queueCommand struct {
	Count     Number  `help:"How many items each producer appends, 0 to 100000." default:"10"`
	Seed      *Number `short:"s" help:"Where the random numbers begin; the same seed gives the same items. For a fault it is 1 unless given." placeholder:"N"`
	Producers Number  `help:"How many producers, 1 to 100." default:"1"`
	Consumers Number  `help:"How many consumers, 1 to 100." default:"1"`
	Fault     *string `help:"What goes wrong: kill, a consumer is killed with an item in its hands; join-before-drain, the producers are joined before a consumer is started; forget-close, the main program does not close the queue." enum:"kill,join-before-drain,forget-close" placeholder:"HOW"`
	Capacity  Number  `help:"How many items the queue holds, 0 to 100000; 0: any number." default:"0"`
	Common
}

func (c *queueCommand) Help() string {
	return `Starts producers, which append random numbers to a queue, and consumers, which
pop them, more slowly. A consumer ends when the queue is empty and no producer
is left, not when it happens to find the queue empty.

Examples:

  mpbox communicating_with_queue --seed 1
  mpbox communicating_with_queue --consumers 3 --capacity 2`
}

func (c *queueCommand) Validate() error {
	if c.Fault != nil && c.Count == 0 {
		return errors.New("--fault needs an item that it can happen to")
	}
	return cmp.Or(
		c.Common.Validate(),
		between("--count", c.Count, 0, 100_000),
		between("--producers", c.Producers, 1, 100),
		between("--consumers", c.Consumers, 1, 100),
		between("--capacity", c.Capacity, 0, 100_000),
	)
}

type queueArgs struct {
	Common
	Queue *ipc.Queue[int]
	Count int
	Seed  uint64
	Fault *queueFault // nil: none
}

var producerTarget = ipc.NewTarget(producer)

func producer(ctx context.Context, args queueArgs) error {
	name := ipc.CurrentProcess().Name
	random := rand.New(rand.NewPCG(args.Seed, 0))
	for range args.Count {
		item := random.IntN(257)
		if err := args.Queue.Put(ctx, item); err != nil {
			return err
		}
		args.Fault.put()
		args.printf("Process Producer : item %d appended to queue %s", item, name)
		args.printf("The size of queue is %d", args.Queue.Len())
		if err := args.pause(ctx, 0.5); err != nil {
			return err
		}
	}
	return args.Queue.Close()
}

var consumerTarget = ipc.NewTarget(consumer)

func consumer(ctx context.Context, args queueArgs) error {
	name := ipc.CurrentProcess().Name
	for {
		// Not a multiple of the producer's pause: two lines that fall on the
		// same instant would come in either order.
		if err := args.pause(ctx, 1.2); err != nil {
			return err
		}
		item, err := args.Queue.Get(ctx)
		if err == io.EOF {
			args.printf("the queue is empty")
			return args.Queue.Close()
		}
		if err != nil {
			return err
		}
		args.Fault.taken(args.Common, item)
		args.printf("Process Consumer : item %d popped from by %s", item, name)
	}
}

func (c *queueCommand) Run(ctx context.Context) error {
	queue, err := ipc.NewQueue[int](c.capacity())
	if err != nil {
		return err
	}
	if c.Fault != nil {
		return c.runFaulty(ctx, queue)
	}
	processes := c.processes(queue, nil)
	if err := startAll(processes...); err != nil {
		return err
	}
	// The consumers learn that the queue has ended when nobody is left that
	// could put: so this process must not be one who could.
	if err := queue.Close(); err != nil {
		return err
	}
	return joinAll(ctx, processes...)
}

// processes makes the producers and then the consumers, numbered throughout.
func (c *queueCommand) processes(queue *ipc.Queue[int], fault *queueFault) (all []*ipc.Process) {
	args := queueArgs{c.Common, queue, int(c.Count), rand.Uint64(), fault}
	if c.Seed != nil {
		args.Seed = uint64(*c.Seed)
	}
	for range int(c.Producers) {
		p := ipc.NewProcess(producerTarget, args)
		p.Name = fmt.Sprintf("producer-%d", len(all)+1)
		all = append(all, p)
		args.Seed++
	}
	for range int(c.Consumers) {
		p := ipc.NewProcess(consumerTarget, args)
		p.Name = fmt.Sprintf("consumer-%d", len(all)+1)
		all = append(all, p)
	}
	return all
}
