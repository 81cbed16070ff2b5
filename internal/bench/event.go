package bench

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

// answerEvents sets one event for each time that the other is set.
func answerEvents(ctx context.Context, j job) error {
	for {
		if err := j.Ping.Wait(ctx); err != nil {
			return err
		}
		j.Ping.Clear()
		j.Pong.Set()
	}
}

// eventPingPong sets an event and waits for the one that a child then sets.
func eventPingPong(s *Session) (operate, error) {
	ping, err := ipc.NewEvent()
	if err != nil {
		return nil, err
	}
	s.keep(ping)
	pong, err := ipc.NewEvent()
	if err != nil {
		return nil, err
	}
	s.keep(pong)
	if err := s.spawn(job{Do: answersEvents, Ping: ping, Pong: pong}); err != nil {
		return nil, err
	}
	return func(n int) error {
		for range n {
			ping.Set()
			if err := pong.Wait(forever); err != nil {
				return err
			}
			pong.Clear()
		}
		return nil
	}, nil
}
