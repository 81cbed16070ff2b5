package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

func click(_ context.Context, clicks *ipc.Value[int64]) error {
	for range 1000 {
		clicks.Add(1)
	}
	return nil
}

var clickTarget = ipc.NewTarget(click)

func ExampleValue() {
	clicks, err := ipc.NewValue(int64(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clicks.Close()
	p, q := ipc.NewProcess(clickTarget, clicks), ipc.NewProcess(clickTarget, clicks)
	for _, p := range []*ipc.Process{p, q} {
		if err := p.Start(); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(p.Join(context.Background()), q.Join(context.Background()))
	fmt.Println(clicks.Load())
	// Output:
	// <nil> <nil>
	// 2000
}

type limits struct{ Low, High float64 }

func widen(ctx context.Context, v *ipc.Value[limits]) error {
	// Load and Store are two steps: the guard makes one of them.
	if err := v.Guard().Acquire(ctx); err != nil {
		return err
	}
	defer v.Guard().Release()
	l := v.Load()
	v.Store(limits{l.Low - 1, l.High + 1})
	return nil
}

var widenTarget = ipc.NewTarget(widen)

func ExampleValue_Guard() {
	v, err := ipc.NewValue(limits{-0.5, 0.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	p := ipc.NewProcess(widenTarget, v)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Join(context.Background()), v.Load())
	// Output:
	// <nil> {-1.5 1.5}
}
