package bench

import (
	"context"
	"io"
	"os"
)

// echoBytes sends back so many bytes each time that it has received them.
func echoBytes(_ context.Context, j job) error {
	b := make([]byte, j.Size)
	for {
		if _, err := io.ReadFull(j.Source, b); err != nil {
			return err
		}
		if _, err := j.Sink.Write(b); err != nil {
			return err
		}
	}
}

// roundTripOfPipes is roundTrip with two pipes of the system.
func roundTripOfPipes(size int) setup {
	return func(s *Session) (operate, error) {
		theirSource, out, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		s.keep(theirSource, out)
		in, theirSink, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		s.keep(in, theirSink)
		if err := s.spawn(job{Do: echoesBytes, Size: size, Source: theirSource, Sink: theirSink}); err != nil {
			return nil, err
		}
		_ = theirSource.Close() // so that either side sees the end of the other
		_ = theirSink.Close()
		b := make([]byte, size)
		return func(n int) error {
			for range n {
				if _, err := out.Write(b); err != nil {
					return err
				}
				if _, err := io.ReadFull(in, b); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
}

// drainBytes receives as many messages as it is told.
func drainBytes(ctx context.Context, j job) error {
	b := make([]byte, j.Size)
	return j.obey(ctx, func(n int) error {
		for range n {
			if _, err := io.ReadFull(j.Source, b); err != nil {
				return err
			}
		}
		return nil
	})
}

// streamOfPipe is stream with a pipe of the system.
func streamOfPipe(size int) setup {
	return func(s *Session) (operate, error) {
		source, out, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		s.keep(source, out)
		child, err := s.hire(1, job{Do: drainsBytes, Size: size, Source: source})
		if err != nil {
			return nil, err
		}
		_ = source.Close() // so that a write sees the end of the child
		b := make([]byte, size)
		return func(n int) error {
			if err := child.share(n); err != nil {
				return err
			}
			for range n {
				if _, err := out.Write(b); err != nil {
					return err
				}
			}
			return child.wait()
		}, nil
	}
}
