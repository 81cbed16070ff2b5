package cluster_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
)

func double(_ context.Context, n int) (int, error) { return 2 * n, nil }

var doubleFunc = ipc.NewFunc(double)

func ExampleOpen() {
	ctx := context.Background()
	c, err := cluster.Open(ctx, "") // or the address of a server
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	pool := cluster.NewPool(c, doubleFunc)
	defer pool.Close()
	results, err := pool.Map(ctx, []int{1, 2, 3})
	fmt.Println(results, err)
	// Output: [2 4 6] <nil>
}
