package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

func bake(ctx context.Context, cakes *ipc.Queue[string]) error {
	for _, c := range []string{"apple", "plum"} {
		if err := cakes.Put(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

var bakeTarget = ipc.NewTarget(bake)

func ExampleQueue() {
	ctx := context.Background()
	cakes, err := ipc.NewQueue[string](10)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cakes.Close()
	p := ipc.NewProcess(bakeTarget, cakes)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	for c, err := range cakes.All(ctx) { // until no one is left who could put
		fmt.Println(c, err)
	}
	fmt.Println(p.Join(ctx))
	// Output:
	// apple <nil>
	// plum <nil>
	// <nil>
}
