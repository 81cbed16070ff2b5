package bench

import "github.com/mpbox/mpbox/ipc"

// newLock makes a lock and closes it.
func newLock(*Session) (operate, error) {
	return func(n int) error {
		for range n {
			l, err := ipc.NewLock()
			if err != nil {
				return err
			}
			_ = l.Close() // always nil, as is what follows
		}
		return nil
	}, nil
}

// newQueue makes a queue and closes it.
func newQueue(*Session) (operate, error) {
	return func(n int) error {
		for range n {
			q, err := ipc.NewQueue[int64](0)
			if err != nil {
				return err
			}
			_ = q.Close()
		}
		return nil
	}, nil
}

// newPipe makes a pipe and closes both of its ends.
func newPipe(*Session) (operate, error) {
	return func(n int) error {
		for range n {
			a, b, err := ipc.Pipe[[]byte]()
			if err != nil {
				return err
			}
			_ = a.Close()
			_ = b.Close()
		}
		return nil
	}, nil
}
