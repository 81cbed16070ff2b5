package bench

import (
	"cmp"
	"context"

	"github.com/mpbox/mpbox/ipc"
)

// meet waits at the barrier as often as it is told.
func meet(ctx context.Context, j job) error {
	return j.obey(ctx, func(n int) error {
		for range n {
			if _, err := j.Barrier.Wait(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// barrier lets so many children wait for each other.
func barrier(parties int) setup {
	return func(s *Session) (operate, error) {
		b, err := ipc.NewBarrier(parties)
		if err != nil {
			return nil, err
		}
		s.keep(b)
		c, err := s.hire(parties, job{Do: meets, Barrier: b})
		if err != nil {
			return nil, err
		}
		return func(n int) error { return cmp.Or(c.each(n), c.wait()) }, nil
	}
}
