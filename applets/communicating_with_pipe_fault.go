package applets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

const (
	pythonKilledSquarer = "with spawn, the same: BrokenPipeError in send(), EOFError in recv(). With fork, the first " +
		"child has inherited the receiving end too: its send() never fails, and waits for ever when the pipe is full."
	pythonKeptEnd = "the same: recv() waits for ever, and EOFError comes when the last copy of the sending end is " +
		"closed. With fork, children have copies that nobody gave them."
)

// pipeFault is what goes wrong for one of the two processes.
type pipeFault struct {
	Common
	At   int                 // the number that is not squared any more
	Over *ipc.Receiver[bool] // ends when the main program knows that
}

// strike kills the process that squares.
func (f *pipeFault) strike(item int) {
	if f != nil && item == f.At {
		f.printf("Fault   : kill, %s, before the square of %d", ipc.CurrentProcess().Name, item)
		killMyself()
	}
}

// wait holds back the process that sends, until the other has been killed. It
// would be done before, as a pipe holds many numbers.
func (f *pipeFault) wait(ctx context.Context, item int) {
	if f != nil && item == f.At+1 {
		_, _ = f.Over.Recv(ctx) // it ends, and nothing comes
	}
}

// A pipeRun is a run with a fault.
type pipeRun struct {
	*pipeCommand
	create, multiply *ipc.Process
	in1              *ipc.Receiver[int]
	in2              *ipc.Receiver[int]
	out1, out2       *ipc.Sender[int]
	over             *ipc.Sender[bool]
}

func (c *pipeCommand) runFaulty(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx, 20)
	defer cancel()
	r := &pipeRun{pipeCommand: c}
	var err1, err2, err3 error
	var over *ipc.Receiver[bool]
	r.in1, r.out1, err1 = ipc.OneWay[int]()
	r.in2, r.out2, err2 = ipc.OneWay[int]()
	over, r.over, err3 = ipc.OneWay[bool]()
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	dice := c.dice()
	var fault *pipeFault
	if *c.Fault == "kill" {
		fault = &pipeFault{c.Common, dice.IntN(min(int(c.Count), 10) - 1), over}
	}
	r.create = ipc.NewProcess(createItemsTarget, createArgs{int(c.Count), r.out1, fault})
	r.create.Name = "create_items"
	r.multiply = ipc.NewProcess(multiplyItemsTarget, multiplyArgs{r.in1, r.out2, fault})
	r.multiply.Name = "multiply_items"
	if err := startAll(r.create, r.multiply); err != nil {
		return err
	}
	_, _ = over.Close(), r.in1.Close() // always nil
	if *c.Fault == "kill" {
		return r.kill(ctx)
	}
	return r.forgetClose(ctx, 1+dice.IntN(2))
}

// kill has the process in the middle killed: one side sees a broken pipe, the
// other the end of file.
func (r *pipeRun) kill(ctx context.Context) error {
	_, _ = r.out1.Close(), r.out2.Close() // always nil
	squares, err := r.print(ctx, int(r.Count)+1)
	if err != io.EOF {
		return err
	}
	r.printf("End")
	_ = r.multiply.Join(ctx) // whatJoinSays joins it again
	_ = r.over.Close()       // always nil
	multiply, create := whatJoinSays(ctx, r.multiply), whatJoinSays(ctx, r.create)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.tell("Seen", "%s. The main program got %d squares, then the end of file, as if that were all. "+
		"%s.", multiply, squares, create)
	r.tell("Python", pythonKilledSquarer)
	return loss(int(r.Count)-squares, int(r.Count), "squares are missing")
}

// forgetClose lets the main program keep its copy of the sending end of one of
// the pipes: the end of file does not come, until it closes that.
func (r *pipeRun) forgetClose(ctx context.Context, pipe int) error {
	kept, closed := r.out1, r.out2
	if pipe == 2 {
		kept, closed = r.out2, r.out1
	}
	_ = closed.Close() // always nil
	r.printf("Fault   : forget-close, the main program keeps its end to send into pipe %d", pipe)
	squares, err := r.print(ctx, int(r.Count))
	if err != nil {
		return cmp.Or(joinAll(ctx, r.create, r.multiply), err)
	}
	begin := time.Now()
	limit, cancel := context.WithTimeout(ctx, max(5*r.Step, 50*time.Millisecond))
	defer cancel()
	_, err = r.in2.Recv(limit)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	waited := time.Since(begin).Round(time.Millisecond)
	came := "neither a number nor the end of file came"
	if !errors.Is(err, context.DeadlineExceeded) {
		came = fmt.Sprintf("this came: %v", err)
	}
	alive := map[bool]string{true: "alive", false: "at its end"}[r.multiply.IsAlive()]
	r.printf("Fault   : over, the main program closes that end")
	begin = time.Now()
	_ = kept.Close() // always nil
	if _, err := r.print(ctx, 1); err != io.EOF {
		return err
	}
	took := time.Since(begin).Round(time.Microsecond)
	r.printf("End")
	if err := joinAll(ctx, r.create, r.multiply); err != nil {
		return err
	}
	r.tell("Seen", "After %d squares, for %v, %s, with multiply_items %s. The end of file came when the main "+
		"program closed its end, %v later.", squares, waited, came, alive, took)
	r.tell("Python", pythonKeptEnd)
	return loss(int(r.Count)-squares, int(r.Count), "squares are missing")
}

// print prints up to so many squares, and returns how many there were and what
// came instead of the next.
func (r *pipeRun) print(ctx context.Context, limit int) (int, error) {
	for n := range limit {
		square, err := r.in2.Recv(ctx)
		if err != nil {
			return n, err
		}
		r.printf("%d", square)
	}
	return limit, nil
}
