package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

type download struct {
	Slots *ipc.Semaphore
	Name  string
}

// Run is in as many processes at a time as there are slots.
func (d download) Run(ctx context.Context) error {
	if err := d.Slots.Acquire(ctx); err != nil {
		return err
	}
	defer d.Slots.Release()
	fmt.Println(d.Name)
	return nil
}

var downloadTarget = ipc.TargetOf[download]()

func ExampleSemaphore() {
	ctx := context.Background()
	slots, err := ipc.NewBoundedSemaphore(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer slots.Close()
	var all []*ipc.Process
	for _, name := range []string{"a", "b", "c", "d"} {
		p := ipc.NewProcess(downloadTarget, download{slots, name})
		if err := p.Start(); err != nil {
			fmt.Println(err)
			return
		}
		all = append(all, p)
	}
	for _, p := range all {
		if err := p.Join(ctx); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(slots)
	// Unordered output:
	// a
	// b
	// c
	// d
	// <Semaphore(value=2)>
}
