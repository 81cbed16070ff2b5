package bench

import (
	"context"

	"github.com/mpbox/mpbox/ipc"
)

// Whose turn it is in a game of two.
const (
	parents int64 = iota
	childs
)

// answerConds gives the turn back each time that it gets it.
func answerConds(ctx context.Context, j job) error {
	if err := j.Cond.L.Acquire(ctx); err != nil {
		return err
	}
	defer j.Cond.L.Release()
	ready := j.turns(childs)
	for {
		if err := j.Cond.WaitFor(ctx, ready); err != nil {
			return err
		}
		j.Turn.Store(parents)
		j.Cond.Notify(1)
	}
}

// turns tells whether it is somebody's turn.
func (j job) turns(whose int64) func() bool {
	return func() bool { return j.Turn.Load() == whose }
}

// condPingPong gives a child the turn and waits until it has it back, with a
// condition that both notify.
func condPingPong(s *Session) (operate, error) {
	j, err := s.newGame()
	if err != nil {
		return nil, err
	}
	if err := s.spawn(j); err != nil {
		return nil, err
	}
	ready := j.turns(parents)
	return func(n int) error {
		if err := j.Cond.L.Acquire(forever); err != nil {
			return err
		}
		defer j.Cond.L.Release()
		for range n {
			j.Turn.Store(childs)
			j.Cond.Notify(1)
			if err := j.Cond.WaitFor(forever, ready); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// newGame makes the objects of a game.
func (s *Session) newGame() (j job, err error) {
	l, err := ipc.NewLock()
	if err != nil {
		return j, err
	}
	s.keep(l)
	j.Do = answersConds
	if j.Cond, err = ipc.NewCond(l); err != nil {
		return j, err
	}
	s.keep(j.Cond)
	if j.Turn, err = ipc.NewValue(parents); err != nil {
		return j, err
	}
	s.keep(j.Turn)
	return j, nil
}
