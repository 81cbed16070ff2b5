package ipc_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/mpbox/mpbox/ipc"
)

func shout(ctx context.Context, c *ipc.Conn[string]) error {
	for s, err := range c.All(ctx) {
		if err != nil {
			return err
		}
		if err := c.Send(ctx, strings.ToUpper(s)); err != nil {
			return err
		}
	}
	return nil
}

var shoutTarget = ipc.NewTarget(shout)

func ExamplePipe() {
	ctx := context.Background()
	ours, theirs, err := ipc.Pipe[string]()
	if err != nil {
		fmt.Println(err)
		return
	}
	p := ipc.NewProcess(shoutTarget, theirs)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	theirs.Close() // the child has its own
	for _, s := range []string{"hello", "world"} {
		if err := ours.Send(ctx, s); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(ours.Recv(ctx))
	}
	ours.Close() // the child sees the end of file
	fmt.Println(p.Join(ctx))
	// Output:
	// HELLO <nil>
	// WORLD <nil>
	// <nil>
}

func countUp(ctx context.Context, s *ipc.Sender[int]) error {
	for i := range 3 {
		if err := s.Send(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

var countUpTarget = ipc.NewTarget(countUp)

func ExampleOneWay() {
	ctx := context.Background()
	receiver, sender, err := ipc.OneWay[int]()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer receiver.Close()
	p := ipc.NewProcess(countUpTarget, sender)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	sender.Close()
	for n, err := range receiver.All(ctx) { // until the child has ended
		fmt.Println(n, err)
	}
	fmt.Println(p.Join(ctx))
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 2 <nil>
	// <nil>
}
