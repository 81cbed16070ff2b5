package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

func announce(context.Context, ipc.None) error {
	fmt.Println("all are here")
	return nil
}

func meet(ctx context.Context, b *ipc.Barrier) error {
	_, err := b.Wait(ctx)
	fmt.Println("on we go")
	return err
}

var (
	announceTarget = ipc.NewTarget(announce)
	meetTarget     = ipc.NewTarget(meet)
)

// The action runs in the process that arrives last.
func ExampleNewBarrier() {
	b, err := ipc.NewBarrier(2, announceTarget)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	p, q := ipc.NewProcess(meetTarget, b), ipc.NewProcess(meetTarget, b)
	for _, p := range []*ipc.Process{p, q} {
		if err := p.Start(); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(p.Join(context.Background()), q.Join(context.Background()))
	// Output:
	// all are here
	// on we go
	// on we go
	// <nil> <nil>
}
