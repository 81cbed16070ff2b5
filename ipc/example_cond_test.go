package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

type progress struct {
	Changed *ipc.Cond
	Percent *ipc.Value[int] // guarded by the lock of Changed
}

func work(ctx context.Context, p progress) error {
	for p.Percent.Load() < 100 {
		if err := p.Changed.L.Acquire(ctx); err != nil {
			return err
		}
		p.Percent.Add(25)
		p.Changed.NotifyAll()
		p.Changed.L.Release()
	}
	return nil
}

var workTarget = ipc.NewTarget(work)

func ExampleCond() {
	ctx := context.Background()
	percent, err := ipc.NewValue(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer percent.Close()
	lock, err := ipc.NewLock()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lock.Close()
	changed, err := ipc.NewCond(lock)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer changed.Close()
	p := ipc.NewProcess(workTarget, progress{changed, percent}) // the lock comes along
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	if err := lock.Acquire(ctx); err != nil {
		fmt.Println(err)
		return
	}
	err = changed.WaitFor(ctx, func() bool { return percent.Load() >= 50 })
	fmt.Println("half done:", err)
	lock.Release()
	fmt.Println(p.Join(ctx), percent.Load())
	// Output:
	// half done: <nil>
	// <nil> 100
}
