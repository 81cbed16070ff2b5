package applets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// What Python's queue does in these places.
const (
	pythonKilledConsumer = "with a maxsize, as here, put() waits for ever. Without one it returns as if all were " +
		"well, and a thread writes to a pipe: the items are lost without a word, and if they are more than the pipe " +
		"holds, the producer never ends."
	pythonJoinedBefore = "the same if the queue has a maxsize. And without one: a child ends only when its thread has " +
		"written all items to a pipe, which holds 64 KiB, so join() waits for ever if they are more."
	pythonNoEnd = "get() waits for ever whoever has closed the queue: it has no end. One has to put a last item, " +
		"None perhaps, for each consumer."
)

// queueFault is what goes wrong for the processes at a queue, and their count of
// the items.
type queueFault struct {
	Kill       int // the consumer of the item with this number is killed; -1: none
	Put, Taken *ipc.Value[int]
}

// put counts an item that was put.
func (f *queueFault) put() {
	if f != nil {
		f.Put.Add(1)
	}
}

// taken counts an item that was taken. It may be the last thing that a consumer
// does.
func (f *queueFault) taken(c Common, item int) {
	if f == nil || f.Taken.Add(1)-1 != f.Kill {
		return
	}
	c.printf("Fault   : kill, %s, with item %d in its hands", ipc.CurrentProcess().Name, item)
	killMyself()
}

// capacity is that of the queue. A consumer that is killed is felt by the
// producers only when the queue is full.
func (c *queueCommand) capacity() int {
	if c.Fault != nil && *c.Fault == "kill" && c.Capacity == 0 {
		return 2
	}
	return int(c.Capacity)
}

// A queueRun is a run with a fault.
type queueRun struct {
	*queueCommand
	queue                *ipc.Queue[int]
	fault                *queueFault
	producers, consumers []*ipc.Process
	items                int
}

func (c *queueCommand) runFaulty(ctx context.Context, queue *ipc.Queue[int]) error {
	r := &queueRun{queueCommand: c, queue: queue, items: int(c.Count * c.Producers)}
	ctx, cancel := c.bounded(ctx, 100+3*r.items)
	defer cancel()
	put, err := ipc.NewValue(0)
	if err != nil {
		return err
	}
	taken, err := ipc.NewValue(0)
	if err != nil {
		return err
	}
	r.fault = &queueFault{-1, put, taken}
	if *c.Fault == "kill" {
		seed := Seeded{1}
		if c.Seed != nil {
			seed.Seed = *c.Seed
		}
		r.fault.Kill = seed.dice().IntN(min(r.items, 5))
	}
	all := c.processes(queue, r.fault)
	r.producers, r.consumers = all[:c.Producers], all[c.Producers:]
	switch *c.Fault {
	case "kill":
		return r.kill(ctx)
	case "join-before-drain":
		return r.joinBeforeDrain(ctx)
	}
	return r.forgetClose(ctx)
}

// counts are how many items were put, popped, and lost with a consumer.
func (r *queueRun) counts() (put, popped, lost int) {
	put, popped = r.fault.Put.Load(), r.fault.Taken.Load()
	if r.fault.Kill >= 0 && popped > r.fault.Kill {
		return put, popped - 1, 1
	}
	return put, popped, 0
}

// verdict is an error if not all items were popped.
func (r *queueRun) verdict() error {
	_, popped, _ := r.counts()
	return loss(r.items-popped, r.items, "items were lost")
}

// kill has a consumer killed. If it was the only one, there is nobody left to
// get, and the producers learn that from Put.
func (r *queueRun) kill(ctx context.Context) error {
	all := append(r.producers, r.consumers...)
	if err := startAll(all...); err != nil {
		return err
	}
	_ = r.queue.Close() // always nil
	_ = joinAll(ctx, all...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var seen []byte
	for _, p := range all {
		if code, _ := p.ExitCode(); code != 0 {
			seen = fmt.Appendf(seen, "%s. ", whatJoinSays(ctx, p))
		}
	}
	put, popped, lost := r.counts()
	r.tell("Seen", "%sOf %d items %d were popped, %d was lost with its consumer, %d stayed in the queue, "+
		"%d were never put.", seen, r.items, popped, lost, put-popped-lost, r.items-put)
	r.tell("Python", pythonKilledConsumer)
	return r.verdict()
}

// joinBeforeDrain waits for the end of the producers while nobody takes
// anything. If the queue is too small for what they have, that can't come.
func (r *queueRun) joinBeforeDrain(ctx context.Context) error {
	r.printf("Fault   : join-before-drain, the producers are joined, no consumer is there")
	if err := startAll(r.producers...); err != nil {
		return err
	}
	begin := time.Now()
	waiting, err := r.joinProducers(ctx)
	if err != nil {
		return err
	}
	put, took := r.fault.Put.Load(), time.Since(begin).Round(time.Millisecond)
	seen := fmt.Sprintf("Join returned after %v: all %d items were put, none was taken, and they stay in the queue.",
		took, put)
	if waiting != nil {
		seen = fmt.Sprintf("After %v in Join, %s was alive, %s, with %d of %d items put, and the queue full. "+
			"Nobody could go on.", took, waiting.Name, whereIs(ctx, waiting, "Put"), put, r.items)
	}
	if err := startAll(r.consumers...); err != nil {
		return err
	}
	_ = r.queue.Close() // always nil
	if err := joinAll(ctx, append(r.producers, r.consumers...)...); err != nil {
		return err
	}
	r.tell("Seen", "%s Then the consumers were started: all ended, and %d of %d items were popped.",
		seen, r.fault.Taken.Load(), r.items)
	r.tell("Python", pythonJoinedBefore)
	return r.verdict()
}

// joinProducers joins them. It returns one that can't end as long as nobody
// takes anything: not all of the items are put, and there is no room.
func (r *queueRun) joinProducers(ctx context.Context) (*ipc.Process, error) {
	for _, p := range r.producers {
		last, since := -1, time.Now()
		for {
			put := r.fault.Put.Load()
			if put != last {
				last, since = put, time.Now()
			}
			full := put < r.items && r.full(time.Since(since))
			err := r.joinFor(ctx, p, 3)
			if err == nil {
				break
			}
			if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
				return nil, err
			}
			if full {
				return p, nil
			}
		}
	}
	return nil, nil
}

// joinFor joins a process for so many steps.
func (r *queueRun) joinFor(ctx context.Context, p *ipc.Process, steps int) error {
	limit, cancel := context.WithTimeout(ctx, max(time.Duration(steps)*r.Step, 10*time.Millisecond))
	defer cancel()
	return p.Join(limit)
}

// full reports whether there is no room. The room of a queue without a capacity
// is its memory: what nobody has added to for so long has come to that.
func (r *queueRun) full(still time.Duration) bool {
	if r.Capacity > 0 {
		return r.queue.Len() == int(r.Capacity)
	}
	return still > max(10*r.Step, 2*time.Second)
}

// forgetClose lets the main program keep the queue open. It never puts, but the
// others can't know: there is no end.
func (r *queueRun) forgetClose(ctx context.Context) error {
	all := append(r.producers, r.consumers...)
	if err := startAll(all...); err != nil {
		return err
	}
	r.printf("Fault   : forget-close, the main program keeps the queue open")
	if err := joinAll(ctx, r.producers...); err != nil {
		return err
	}
	for r.fault.Taken.Load() < r.items && !ended(r.consumers) {
		if err := (Common{Step: max(r.Step, time.Millisecond)}).pause(ctx, 1); err != nil {
			return err
		}
	}
	if err := r.pause(ctx, 5); err != nil {
		return err
	}
	alive := 0
	where := ""
	for _, p := range r.consumers {
		if p.IsAlive() {
			alive++
			where = whereIs(ctx, p, "Get")
		}
	}
	r.printf("Fault   : over, the main program closes the queue")
	_ = r.queue.Close() // always nil
	if err := joinAll(ctx, all...); err != nil {
		return err
	}
	r.tell("Seen", "All %d items were popped and no producer was left. Five steps later %d of %d consumers were alive, "+
		"%s: the main program could have put. When it closed the queue, all ended.",
		r.fault.Taken.Load(), alive, len(r.consumers), where)
	r.tell("Python", pythonNoEnd)
	return r.verdict()
}

// ended reports whether all processes have ended.
func ended(processes []*ipc.Process) bool {
	for _, p := range processes {
		if p.IsAlive() {
			return false
		}
	}
	return true
}

// whereIs says whether a process is in a method of package ipc, which its stacks
// tell. It may be on its way there for a while.
func whereIs(ctx context.Context, p *ipc.Process, method string) string {
	limit, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for p.IsAlive() {
		stacks, err := p.Stacks(limit)
		if err != nil {
			break
		}
		for _, line := range lines(stacks) {
			if line[0] != '\t' && methodOf(line) == method {
				return "waiting in " + method
			}
		}
		if (Common{Step: time.Millisecond}).pause(limit, 10) != nil {
			break
		}
	}
	return "not in " + method
}

// methodOf takes the name of the method out of a line such as
// "github.com/mpbox/mpbox/ipc.(*Queue[...]).Put(0x1, 0x2)".
func methodOf(line string) string {
	end := 0
	for i := range line {
		if line[i] == '(' {
			end = i
		}
	}
	begin := end
	for begin > 0 && line[begin-1] != '.' {
		begin--
	}
	return line[begin:end]
}
