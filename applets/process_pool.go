package applets

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/mpbox/mpbox/ipc"
)

type poolCommand struct {
	Workers Number `help:"How many worker processes, 1 to 256." default:"4"`
	Inputs  Number `help:"How many numbers to square, 0 to 100000." default:"100"`
	Chunk   Number `help:"How many inputs a worker gets at a time, 0 to 100000; 0: as the pool thinks best." default:"0"`
	Who     bool   `help:"Tell which worker squared which of the inputs."`
	Common
}

func (c *poolCommand) Help() string {
	return `Squares the numbers 0 to 99 in a pool of four worker processes. The workers
are used again, from task to task, and the results come in the order of the
inputs, whoever was first.

Examples:

  mpbox process_pool --who
  mpbox process_pool --workers 2 --inputs 20 --chunk 1 --who`
}

func (c *poolCommand) Validate() error {
	return cmp.Or(
		between("--workers", c.Workers, 1, 256),
		between("--inputs", c.Inputs, 0, 100_000),
		between("--chunk", c.Chunk, 0, 100_000),
	)
}

// squared is a result, and the pid of the worker that it comes from.
type squared struct {
	Value, Pid int
}

var squareFunc = ipc.NewFunc(square)

func square(_ context.Context, data int) (squared, error) {
	return squared{data * data, os.Getpid()}, nil
}

func (c *poolCommand) Run(ctx context.Context) error {
	inputs := make([]int, c.Inputs)
	for i := range inputs {
		inputs[i] = i
	}
	pool := ipc.NewPool(squareFunc, int(c.Workers))
	defer pool.Terminate()
	pool.ChunkSize = int(c.Chunk)
	results, err := pool.Map(ctx, inputs)
	if err != nil {
		return err
	}
	var values []byte
	for _, r := range results {
		values = appendItem(values, "%d", r.Value)
	}
	c.printf("Pool    : [%s]", values)
	if c.Who {
		c.tellWho(results)
	}
	pool.Close()
	return pool.Join(ctx)
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
