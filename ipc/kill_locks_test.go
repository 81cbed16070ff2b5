package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The places of what is held: locks and permits.

func shared(s stage) (ours, victims stage) { return s, s }

var lockPlaces = []place{
	{
		object: "Lock", moment: "holding it",
		seen:   "the next `Acquire` has the lock, and returns `ErrOwnerDied`",
		set:    func(t *testing.T) (ours, victims stage) { return shared(stage{Lock: newLock(t)}) },
		victim: func(ctx context.Context, s stage) error { return s.Lock.Acquire(ctx) },
		others: func(ctx context.Context, s stage, _ way) error { return inherit(ctx, s.Lock) },
		again:  lockAgain,
	},
	{
		object: "Lock", moment: "in `Acquire`", mode: asleep,
		seen: "nothing: the lock goes to another one",
		set: func(t *testing.T) (ours, victims stage) {
			l := newLock(t)
			if err := l.Acquire(context.Background()); err != nil {
				t.Fatal(err)
			}
			return shared(stage{Lock: l})
		},
		victim: func(ctx context.Context, s stage) error { return s.Lock.Acquire(ctx) },
		others: acquireFree,
		after:  func(_ context.Context, s stage, _ way) error { s.Lock.Release(); return nil },
		again:  lockAgain,
	},
	{
		object: "Lock", moment: "after `Release`",
		seen: "nothing",
		set:  func(t *testing.T) (ours, victims stage) { return shared(stage{Lock: newLock(t)}) },
		victim: func(ctx context.Context, s stage) error {
			defer s.Lock.Release()
			return s.Lock.Acquire(ctx)
		},
		after: acquireFree,
		again: lockAgain,
	},
	{
		object: "Lock", moment: "acquiring and releasing it", mode: moving,
		seen: "`ErrOwnerDied` at most once, if it held the lock just then",
		set:  func(t *testing.T) (ours, victims stage) { return shared(stage{Lock: newLock(t)}) },
		victim: func(ctx context.Context, s stage) error {
			for {
				if err := s.Lock.Acquire(ctx); err != nil {
					return err
				}
				s.Lock.Release()
			}
		},
		after: func(ctx context.Context, s stage, _ way) error {
			if err := s.Lock.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
				return fmt.Errorf("Acquire() = %w", err)
			}
			s.Lock.Release()
			return nil
		},
		again: lockAgain,
	},
	{
		object: "RLock", moment: "holding it twice",
		seen:   "the next `Acquire` has the lock, and returns `ErrOwnerDied`",
		set:    rlocks(0),
		victim: acquireTwice,
		others: func(ctx context.Context, s stage, _ way) error { return inherit(ctx, s.RLock) },
		again:  rlockAgain,
	},
	{
		object: "RLock", moment: "after one of two `Release`s",
		seen: "the same",
		set:  rlocks(0),
		victim: func(ctx context.Context, s stage) error {
			defer s.RLock.Release()
			return acquireTwice(ctx, s)
		},
		others: func(ctx context.Context, s stage, _ way) error { return inherit(ctx, s.RLock) },
		again:  rlockAgain,
	},
	{
		object: "RLock", moment: "in `Acquire`", mode: asleep,
		seen:   "nothing: the lock goes to another one",
		set:    rlocks(1),
		victim: acquireTwice,
		after:  func(_ context.Context, s stage, _ way) error { s.RLock.Release(); return nil },
		again:  rlockAgain,
	},
	{
		object: "RLock", moment: "acquiring and releasing it", mode: moving,
		seen: "`ErrOwnerDied` at most once, if it held the lock just then",
		set:  rlocks(0),
		victim: func(ctx context.Context, s stage) error {
			for {
				if err := rlockAgain(ctx, s); err != nil {
					return err
				}
			}
		},
		others: func(ctx context.Context, s stage, _ way) error {
			for range 1000 { // it need not be done before the death
				if err := s.RLock.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
					return fmt.Errorf("Acquire() = %w", err)
				}
				s.RLock.Release()
			}
			return nil
		},
		after: func(ctx context.Context, s stage, _ way) error {
			if err := s.RLock.Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
				return fmt.Errorf("Acquire() = %w", err)
			}
			s.RLock.Release()
			return nil
		},
		again: rlockAgain,
	},
	{
		object: "Semaphore", moment: "holding permits",
		seen:   "the permits come back",
		set:    semaphores(ipc.NewSemaphore, 0),
		victim: acquirePermits(permits),
		others: func(ctx context.Context, s stage, _ way) error { return passSemaphore(ctx, s) },
		again:  semaphoreAgain,
	},
	{
		object: "Semaphore", moment: "in `Acquire`", mode: asleep,
		seen:   "nothing: the permit goes to another one",
		set:    semaphores(ipc.NewSemaphore, permits),
		victim: acquirePermits(1),
		others: func(ctx context.Context, s stage, _ way) error { return passSemaphore(ctx, s) },
		after:  releasePermits(permits),
		again:  semaphoreAgain,
	},
	{
		object: "Semaphore", moment: "acquiring and releasing", mode: moving,
		seen: "nothing: no permit is lost, and none is made",
		set:  semaphores(ipc.NewSemaphore, 0),
		victim: func(ctx context.Context, s stage) error {
			for ctx.Err() == nil {
				if err := passSemaphore(ctx, s); err != nil {
					return err
				}
			}
			return nil
		},
		again: semaphoreAgain,
	},
	{
		object: "BoundedSemaphore", moment: "holding a permit",
		seen:   "the permit comes back; to release it once more panics",
		set:    semaphores(ipc.NewBoundedSemaphore, 0),
		victim: acquirePermits(1),
		after: func(ctx context.Context, s stage, _ way) error {
			if err := acquirePermits(permits)(ctx, s); err != nil { // as the others see to it
				return err
			}
			if err := releasePermits(permits)(ctx, s, way{}); err != nil {
				return err
			}
			return tooMany(s)
		},
		again: semaphoreAgain,
	},
}

// inherit acquires a lock whose holder has died.
func inherit(ctx context.Context, l ipc.Locker) error {
	if err := l.Acquire(ctx); err != ipc.ErrOwnerDied {
		return fmt.Errorf("Acquire() = %v; want ErrOwnerDied", err)
	}
	l.Release()
	return nil
}

func lockAgain(ctx context.Context, s stage) error {
	return inTurn(
		func() error { return want("Acquire()", s.Lock.Acquire(ctx), nil) },
		func() error { return want("TryAcquire() of a held lock", s.Lock.TryAcquire(), ipc.ErrWouldBlock) },
		func() error { s.Lock.Release(); return nil },
		func() error { return want("TryAcquire()", s.Lock.TryAcquire(), nil) },
		func() error { s.Lock.Release(); return nil },
	)
}

func acquireFree(ctx context.Context, s stage, _ way) error {
	defer s.Lock.Release()
	return want("Acquire()", s.Lock.Acquire(ctx), nil)
}

// rlocks makes a lock that we hold that often.
func rlocks(ours int) func(*testing.T) (stage, stage) {
	return func(t *testing.T) (stage, stage) {
		l := ok(ipc.NewRLock())(t)
		held := l // see newLock
		t.Cleanup(func() { held.Close(); held = nil })
		for range ours {
			if err := l.Acquire(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		return shared(stage{RLock: l})
	}
}

func acquireTwice(ctx context.Context, s stage) error {
	return errors.Join(s.RLock.Acquire(ctx), s.RLock.Acquire(ctx))
}

func rlockAgain(ctx context.Context, s stage) error {
	defer s.RLock.Release()
	defer s.RLock.Release()
	return want("Acquire() twice", acquireTwice(ctx, s), nil)
}

// permits is how many permits the semaphores of the table have.
const permits = 2

// semaphores makes a semaphore of which we hold some permits.
func semaphores(make func(int) (*ipc.Semaphore, error), ours int) func(*testing.T) (stage, stage) {
	return func(t *testing.T) (stage, stage) {
		s := ok(make(permits))(t)
		held := s // see newLock
		t.Cleanup(func() { held.Close(); held = nil })
		if err := acquirePermits(ours)(context.Background(), stage{Sem: s}); err != nil {
			t.Fatal(err)
		}
		return shared(stage{Sem: s})
	}
}

func acquirePermits(n int) func(context.Context, stage) error {
	return func(ctx context.Context, s stage) error {
		for range n {
			if err := s.Sem.Acquire(ctx); err != nil {
				return fmt.Errorf("Acquire() = %w", err)
			}
		}
		return nil
	}
}

func releasePermits(n int) func(context.Context, stage, way) error {
	return func(_ context.Context, s stage, _ way) error {
		for range n {
			s.Sem.Release()
		}
		return nil
	}
}

func passSemaphore(ctx context.Context, s stage) error {
	if err := acquirePermits(1)(ctx, s); err != nil {
		return err
	}
	s.Sem.Release()
	return nil
}

// semaphoreAgain takes all permits. The dead one's are back when it has them.
func semaphoreAgain(ctx context.Context, s stage) error {
	return inTurn(
		func() error { return acquirePermits(permits)(ctx, s) },
		func() error { return want("TryAcquire() with none left", s.Sem.TryAcquire(), ipc.ErrWouldBlock) },
		func() error { return releasePermits(permits)(ctx, s, way{}) },
		func() error {
			if n := s.Sem.Value(); n != permits {
				return fmt.Errorf("Value() = %d; want %d", n, permits)
			}
			return nil
		},
	)
}

func tooMany(s stage) (err error) {
	defer func() {
		if recover() == nil {
			err = fmt.Errorf("Release() once too often did not panic; Value() = %d", s.Sem.Value())
		}
	}()
	s.Sem.Release()
	return nil
}
