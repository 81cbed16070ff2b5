package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

func cube(_ context.Context, n int) (int, error) { return n * n * n, nil }

var cubeFunc = ipc.NewFunc(cube)

func ExamplePool() {
	ctx := context.Background()
	pool := ipc.NewPool(cubeFunc, 2)
	cubes, err := pool.Map(ctx, []int{1, 2, 3, 4})
	fmt.Println(cubes, err)
	pool.Close()
	fmt.Println(pool.Join(ctx))
	// Output:
	// [1 8 27 64] <nil>
	// <nil>
}
