package bench

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

// answerSemaphores releases one semaphore for each time that it gets the other.
func answerSemaphores(ctx context.Context, j job) error {
	for {
		if err := j.Down.Acquire(ctx); err != nil {
			return err
		}
		j.Up.Release()
	}
}

// semaphorePingPong releases a semaphore and waits for the one that a child
// then releases.
func semaphorePingPong(s *Session) (operate, error) {
	down, err := ipc.NewSemaphore(0)
	if err != nil {
		return nil, err
	}
	s.keep(down)
	up, err := ipc.NewSemaphore(0)
	if err != nil {
		return nil, err
	}
	s.keep(up)
	if err := s.spawn(job{Do: answersSemaphores, Down: down, Up: up}); err != nil {
		return nil, err
	}
	return func(n int) error {
		for range n {
			down.Release()
			if err := up.Acquire(forever); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
