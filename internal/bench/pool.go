package bench

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

// Sizes of what a pool is measured with. Longer inputs than largestMap are
// given to it in parts, so that the memory is bounded.
const (
	workers    = 4
	largestMap = 100_000
	lifeMap    = 100
)

var squareFunc = ipc.NewFunc(square)

func square(_ context.Context, n int64) (int64, error) { return n * n, nil }

// poolMap maps a function over numbers that go to the workers in chunks of that
// size; 0 is the pool's own choice. An operation is one number.
func poolMap(chunk int) setup {
	return func(s *Session) (operate, error) {
		p := ipc.NewPool(squareFunc, workers)
		p.ChunkSize = chunk
		s.keep(terminated{p})
		items := numbers(largestMap)
		// A worker starts with its first task: let them all have one.
		if _, err := p.Map(s.ctx, items[:4*workers]); err != nil {
			return nil, err
		}
		return func(n int) error {
			for n > 0 {
				part := min(n, len(items))
				if _, err := p.Map(s.ctx, items[:part]); err != nil {
					return err
				}
				n -= part
			}
			return nil
		}, nil
	}
}

// poolLife makes a pool, uses it once, and waits until its workers have ended.
func poolLife(s *Session) (operate, error) {
	items := numbers(lifeMap)
	return func(n int) error {
		for range n {
			p := ipc.NewPool(squareFunc, workers)
			if _, err := p.Map(s.ctx, items); err != nil {
				_ = terminated{p}.Close()
				return err
			}
			p.Close()
			if err := p.Join(s.ctx); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func numbers(n int) []int64 {
	items := make([]int64, n)
	for i := range items {
		items[i] = int64(i)
	}
	return items
}

// terminated is a pool that is closed by ending its workers.
type terminated struct{ pool *ipc.Pool[int64, int64] }

func (t terminated) Close() error {
	t.pool.Terminate()
	return t.pool.Join(forever)
}
