package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

type shape interface{ Area() float64 }

type tile struct{ Side float64 }

type rectangle struct{ Width, Height float64 }

func (t tile) Area() float64       { return t.Side * t.Side }
func (r *rectangle) Area() float64 { return r.Width * r.Height }

func init() {
	ipc.Register[tile]()
	ipc.Register[*rectangle]()
}

type areaArgs struct {
	Shapes []shape
	Out    *ipc.Sender[float64]
}

func areas(ctx context.Context, args areaArgs) error {
	for _, s := range args.Shapes {
		if err := args.Out.Send(ctx, s.Area()); err != nil {
			return err
		}
	}
	return nil
}

var areasTarget = ipc.NewTarget(areas)

func ExampleRegister() {
	ctx := context.Background()
	receiver, sender, err := ipc.OneWay[float64]()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer receiver.Close()
	shapes := []shape{tile{3}, &rectangle{2, 5}}
	p := ipc.NewProcess(areasTarget, areaArgs{shapes, sender})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	sender.Close()
	for area, err := range receiver.All(ctx) {
		fmt.Println(area, err)
	}
	fmt.Println(p.Join(ctx))
	// Output:
	// 9 <nil>
	// 10 <nil>
	// <nil>
}
