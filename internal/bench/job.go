package bench

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/mpbox/mpbox/ipc"
)

// A job is what a child of a measurement does, and with what. There is one
// target for all jobs: each more would cost every child of the box 10 us.
type job struct {
	Do      task
	Orders  *ipc.Conn[int] // how often to do it
	Echo    *ipc.Conn[[]byte]
	Source  *os.File // the same two through pipes of the system
	Sink    *os.File
	Size    int
	In      *ipc.Receiver[[]byte]
	Queue   *ipc.Queue[int64]
	Lock    *ipc.Lock
	Up      *ipc.Semaphore
	Down    *ipc.Semaphore
	Ping    *ipc.Event
	Pong    *ipc.Event
	Cond    *ipc.Cond
	Turn    *ipc.Value[int64]
	Barrier *ipc.Barrier
}

// A task is a function that does a job.
type task int

const (
	echoes task = iota
	drains
	echoesBytes
	drainsBytes
	puts
	gets
	putsMany
	getsMany
	contends
	answersSemaphores
	answersEvents
	answersConds
	meets
)

var tasks = [...]func(context.Context, job) error{
	echoes:            echo,
	drains:            drain,
	echoesBytes:       echoBytes,
	drainsBytes:       drainBytes,
	puts:              put,
	gets:              get,
	putsMany:          putMany,
	getsMany:          getMany,
	contends:          contend,
	answersSemaphores: answerSemaphores,
	answersEvents:     answerEvents,
	answersConds:      answerConds,
	meets:             meet,
}

var jobTarget = ipc.NewTarget(work)

func work(ctx context.Context, j job) error { return over(tasks[j.Do](ctx, j)) }

// over is the error of a child that has lost its other side: that is how a
// session ends, so it is none.
func over(err error) error {
	if err == io.EOF || errors.Is(err, ipc.ErrBrokenPipe) {
		return nil
	}
	return err
}

// obey does what the orders say until nobody gives any: each is how many
// operations to do, and is answered when they are done.
func (j job) obey(ctx context.Context, do operate) error {
	for n, err := range j.Orders.All(ctx) {
		if err != nil {
			return err
		}
		if err := do(n); err != nil {
			return err
		}
		if err := j.Orders.Send(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
