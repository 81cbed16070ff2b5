package bench

import (
	"cmp"
	"context"
	"sync"

	"github.com/mpbox/mpbox/ipc"
)

// lockFree acquires and releases a lock that nobody else wants.
func lockFree(s *Session) (operate, error) {
	l, err := ipc.NewLock()
	if err != nil {
		return nil, err
	}
	s.keep(l)
	return func(n int) error {
		for range n {
			if err := l.Acquire(forever); err != nil {
				return err
			}
			l.Release()
		}
		return nil
	}, nil
}

// rlockFree is lockFree with a lock that counts how often it is held.
func rlockFree(s *Session) (operate, error) {
	l, err := ipc.NewRLock()
	if err != nil {
		return nil, err
	}
	s.keep(l)
	return func(n int) error {
		for range n {
			if err := l.Acquire(forever); err != nil {
				return err
			}
			l.Release()
		}
		return nil
	}, nil
}

// mutexFree does the same inside one process.
func mutexFree(*Session) (operate, error) {
	var l sync.Mutex
	return func(n int) error {
		for range n {
			l.Lock()
			l.Unlock() //lint:ignore SA2001 it is what is measured
		}
		return nil
	}, nil
}

func contend(ctx context.Context, j job) error {
	return j.obey(ctx, func(n int) error {
		for range n {
			if err := j.Lock.Acquire(ctx); err != nil {
				return err
			}
			j.Lock.Release()
		}
		return nil
	})
}

// lockContended lets so many children acquire and release one lock at the same
// time. An operation is that of any of them.
func lockContended(children int) setup {
	return func(s *Session) (operate, error) {
		l, err := ipc.NewLock()
		if err != nil {
			return nil, err
		}
		s.keep(l)
		c, err := s.hire(children, job{Do: contends, Lock: l})
		if err != nil {
			return nil, err
		}
		return func(n int) error { return cmp.Or(c.share(n), c.wait()) }, nil
	}
}
