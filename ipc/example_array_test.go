package ipc_test

import (
	"context"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

type part struct {
	Of       *ipc.Array[float64]
	From, To int
}

func (p part) Run(context.Context) error {
	s := p.Of.Slice()[p.From:p.To] // nobody else touches these
	for i := range s {
		s[i] *= s[i]
	}
	return nil
}

var partTarget = ipc.TargetOf[part]()

func ExampleArray() {
	a, err := ipc.NewArray[float64](6)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	for i := range a.Slice() {
		a.Slice()[i] = float64(i)
	}
	p, q := ipc.NewProcess(partTarget, part{a, 0, 3}), ipc.NewProcess(partTarget, part{a, 3, 6})
	for _, p := range []*ipc.Process{p, q} {
		if err := p.Start(); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(p.Join(context.Background()), q.Join(context.Background()))
	fmt.Println(a.Slice())
	// Output:
	// <nil> <nil>
	// [0 1 4 9 16 25]
}
