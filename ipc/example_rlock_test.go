package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

// An account is changed under its lock, by methods that call each other.
type account struct {
	Lock    *ipc.RLock
	Balance *ipc.Value[int]
}

func (a account) pay(ctx context.Context, amount int) error {
	if err := a.Lock.Acquire(ctx); err != nil {
		return err
	}
	defer a.Lock.Release()
	a.Balance.Store(a.Balance.Load() + amount)
	return nil
}

func payWithFee(ctx context.Context, a account) error {
	if err := a.Lock.Acquire(ctx); err != nil {
		return err
	}
	defer a.Lock.Release()
	if err := a.pay(ctx, 100); err != nil { // acquires the lock once more
		return err
	}
	return a.pay(ctx, -1)
}

var payWithFeeTarget = ipc.NewTarget(payWithFee)

func ExampleRLock() {
	lock, err := ipc.NewRLock()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lock.Close()
	balance, err := ipc.NewValue(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer balance.Close()
	p := ipc.NewProcess(payWithFeeTarget, account{lock, balance})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Join(context.Background()), balance.Load())
	// Output:
	// <nil> 99
}
