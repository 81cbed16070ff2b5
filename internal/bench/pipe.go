package bench

import (
	"context"
	"io"

	"github.com/mpbox/mpbox/ipc"
)

// echo sends back what it receives.
func echo(ctx context.Context, j job) error {
	var b []byte
	for {
		switch err := j.Echo.RecvInto(ctx, &b); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := j.Echo.Send(ctx, b); err != nil {
			return err
		}
	}
}

// roundTrip sends a message of that size to a child and waits for it to come
// back.
func roundTrip(size int) setup {
	return func(s *Session) (operate, error) {
		ours, theirs, err := ipc.Pipe[[]byte]()
		if err != nil {
			return nil, err
		}
		s.keep(ours, theirs)
		if err := s.spawn(job{Do: echoes, Echo: theirs}); err != nil {
			return nil, err
		}
		_ = theirs.Close() // so that either side sees the end of the other
		message, answer := make([]byte, size), make([]byte, size)
		return func(n int) error {
			for range n {
				if err := ours.Send(forever, message); err != nil {
					return err
				}
				if err := ours.RecvInto(forever, &answer); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
}

// drain receives as many messages as it is told.
func drain(ctx context.Context, j job) error {
	var b []byte
	return j.obey(ctx, func(n int) error {
		for range n {
			if err := j.In.RecvInto(ctx, &b); err != nil {
				return err
			}
		}
		return nil
	})
}

// stream sends messages of that size to a child, one after the other, and
// waits until the last has arrived.
func stream(size int) setup {
	return func(s *Session) (operate, error) {
		in, out, err := ipc.OneWay[[]byte]()
		if err != nil {
			return nil, err
		}
		s.keep(in, out)
		child, err := s.hire(1, job{Do: drains, In: in})
		if err != nil {
			return nil, err
		}
		_ = in.Close() // so that a send sees the end of the child
		message := make([]byte, size)
		return func(n int) error {
			if err := child.share(n); err != nil {
				return err
			}
			for range n {
				if err := out.Send(forever, message); err != nil {
					return err
				}
			}
			return child.wait()
		}, nil
	}
}
