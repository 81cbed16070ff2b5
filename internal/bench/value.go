package bench

import (
	"sync/atomic"

	"github.com/mpbox/mpbox/ipc"
)

// valueAdd adds to a shared value that nobody else changes.
func valueAdd(s *Session) (operate, error) {
	v, err := ipc.NewValue[int64](0)
	if err != nil {
		return nil, err
	}
	s.keep(v)
	return func(n int) error {
		for range n {
			v.Add(1)
		}
		return nil
	}, nil
}

// atomicAdd does the same inside one process.
func atomicAdd(*Session) (operate, error) {
	var v atomic.Int64
	return func(n int) error {
		for range n {
			v.Add(1)
		}
		return nil
	}, nil
}
