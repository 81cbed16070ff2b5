package ipc_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The places of shared memory.

// A block is a value that takes many stores. Its words are all alike.
type block [512]uint64

func blockOf(n uint64) (b block) {
	for i := range b {
		b[i] = n
	}
	return b
}

func (b block) whole() error {
	for i, n := range b {
		if n != b[0] {
			return fmt.Errorf("words 0 and %d are of two values: %d, %d", i, b[0], n)
		}
	}
	return nil
}

var memoryPlaces = []place{
	{
		object: "Value", moment: "in `Store`", mode: moving,
		seen: "the value of before or the new one, whole",
		set:  values,
		victim: func(_ context.Context, s stage) error {
			for n := uint64(0); ; n++ {
				s.Value.Store(blockOf(n))
			}
		},
		others: func(_ context.Context, s stage, _ way) error {
			for n := range uint64(300) { // it need not wait for the death
				if err := s.Value.Load().whole(); err != nil {
					return fmt.Errorf("Load(): %w", err)
				}
				s.Value.Store(blockOf(n))
			}
			return nil
		},
		after: func(_ context.Context, s stage, _ way) error { return s.Value.Load().whole() },
		again: valueAgain,
	},
	{
		object: "Value", moment: "holding its `Guard`",
		seen:   "`Load` and `Store` as ever; the next `Acquire` returns `ErrOwnerDied`",
		set:    values,
		victim: func(ctx context.Context, s stage) error { return s.Value.Guard().Acquire(ctx) },
		others: func(ctx context.Context, s stage, _ way) error {
			if err := valueAgain(ctx, s); err != nil {
				return err
			}
			return inherit(ctx, s.Value.Guard())
		},
		after: func(ctx context.Context, s stage, _ way) error { return lockAgain(ctx, stage{Lock: s.Value.Guard()}) },
		again: valueAgain,
	},
	{
		object: "Array", moment: "writing to it, holding its `Guard`", mode: moving,
		seen: "what it has written so far, and `ErrOwnerDied`",
		set: func(t *testing.T) (ours, victims stage) {
			a := ok(ipc.NewArray[int](1000))(t)
			held := a // see newLock
			t.Cleanup(func() { held.Close(); held = nil })
			return shared(stage{Array: a})
		},
		victim: func(ctx context.Context, s stage) error {
			if err := s.Array.Guard().Acquire(ctx); err != nil {
				return err
			}
			for n := 1; ; n++ {
				overwrite(s.Array.Slice(), n)
			}
		},
		after: func(ctx context.Context, s stage, _ way) error {
			if err := s.Array.Guard().Acquire(ctx); err != nil && err != ipc.ErrOwnerDied {
				return fmt.Errorf("Acquire() = %w", err)
			}
			defer s.Array.Guard().Release()
			return halfFilled(s.Array.Slice())
		},
		again: func(ctx context.Context, s stage) error {
			if err := s.Array.Guard().Acquire(ctx); err != nil {
				return err
			}
			defer s.Array.Guard().Release()
			overwrite(s.Array.Slice(), -1)
			return halfFilled(s.Array.Slice())
		},
	},
}

func values(t *testing.T) (ours, victims stage) {
	v := ok(ipc.NewValue(blockOf(0)))(t)
	held := v // see newLock
	t.Cleanup(func() { held.Close(); held = nil })
	return shared(stage{Value: v})
}

func valueAgain(_ context.Context, s stage) error {
	s.Value.Store(blockOf(7))
	if b := s.Value.Load(); b != blockOf(7) {
		return fmt.Errorf("Load() after Store() is another value: %d", b[0])
	}
	return nil
}

func overwrite(a []int, n int) {
	for i := range a {
		a[i] = n
	}
}

// halfFilled checks that the front of a has one number and the rest has the
// one before it.
func halfFilled(a []int) error {
	for i := 1; i < len(a); i++ {
		if d := a[i-1] - a[i]; d != 0 && (d != 1 || a[i] != a[len(a)-1]) {
			return fmt.Errorf("elements %d and %d are %d and %d", i-1, i, a[i-1], a[i])
		}
	}
	return nil
}
