package ipc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

func whisper(ctx context.Context, l *ipc.Lock) error {
	if err := l.Acquire(ctx); err != nil {
		return err
	}
	defer l.Release()
	fmt.Println("in the child")
	return nil
}

var whisperTarget = ipc.NewTarget(whisper)

func ExampleLock() {
	ctx := context.Background()
	l, err := ipc.NewLock()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	if err := l.Acquire(ctx); err != nil && !errors.Is(err, ipc.ErrOwnerDied) {
		fmt.Println(err)
		return
	}
	p := ipc.NewProcess(whisperTarget, l)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("in the parent")
	l.Release()
	fmt.Println(p.Join(ctx))
	// Output:
	// in the parent
	// in the child
	// <nil>
}

func ready(_ context.Context, e *ipc.Event) error {
	e.Set()
	return nil
}

var readyTarget = ipc.NewTarget(ready)

func ExampleEvent() {
	ctx := context.Background()
	e, err := ipc.NewEvent()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	p := ipc.NewProcess(readyTarget, e)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Wait(ctx), e.IsSet())
	fmt.Println(p.Join(ctx))
	// Output:
	// <nil> true
	// <nil>
}

func arrive(ctx context.Context, b *ipc.Barrier) error {
	_, err := b.Wait(ctx)
	return err
}

var arriveTarget = ipc.NewTarget(arrive)

func ExampleBarrier() {
	ctx := context.Background()
	b, err := ipc.NewBarrier(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	p := ipc.NewProcess(arriveTarget, b)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_, err = b.Wait(ctx) // returns when the child has come too
	fmt.Println(err)
	fmt.Println(p.Join(ctx))
	// Output:
	// <nil>
	// <nil>
}
