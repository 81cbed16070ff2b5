package bench

import (
	"cmp"
	"context"

	"github.com/mpbox/mpbox/ipc"
)

func put(ctx context.Context, j job) error {
	return j.obey(ctx, func(n int) error {
		for i := range n {
			if err := j.Queue.Put(ctx, int64(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func get(ctx context.Context, j job) error {
	return j.obey(ctx, func(n int) error {
		for range n {
			if _, err := j.Queue.Get(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// batch is how many values go at a time where many do.
const batch = 64

func putMany(ctx context.Context, j job) error {
	values := make([]int64, batch)
	return j.obey(ctx, func(n int) error {
		for range n {
			if _, err := j.Queue.PutMany(ctx, values); err != nil {
				return err
			}
		}
		return nil
	})
}

func getMany(ctx context.Context, j job) error {
	values := make([]int64, batch)
	return j.obey(ctx, func(n int) error {
		// It gets what there is, which may be less than a batch.
		for left := n * batch; left > 0; {
			got, err := j.Queue.GetMany(ctx, values[:min(left, batch)])
			if err != nil {
				return err
			}
			left -= got
		}
		return nil
	})
}

// queue has values go from some children to others, one at a time.
func queue(producers, consumers int) setup {
	return through(producers, consumers, puts, gets)
}

// batches is queue with many values at a time. An operation is a batch.
func batches(producers, consumers int) setup {
	return through(producers, consumers, putsMany, getsMany)
}

// through has values go through a queue, and waits for the last of them. All
// ends are children, so that the main process takes no part.
func through(producers, consumers int, put, get task) setup {
	return func(s *Session) (operate, error) {
		q, err := ipc.NewQueue[int64](0)
		if err != nil {
			return nil, err
		}
		defer q.Close() // so that the children see the end of each other
		from, err := s.hire(producers, job{Do: put, Queue: q})
		if err != nil {
			return nil, err
		}
		to, err := s.hire(consumers, job{Do: get, Queue: q})
		if err != nil {
			return nil, err
		}
		return func(n int) error {
			return cmp.Or(from.share(n), to.share(n), from.wait(), to.wait())
		}, nil
	}
}
