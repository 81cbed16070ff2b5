package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mpbox/mpbox/ipc"
)

// errNoRoute is a fixed error, and a detour says more than its text.
var errNoRoute = errors.New("no route")

type detour struct{ Kilometres int }

func (d *detour) Error() string { return fmt.Sprint("a detour of ", d.Kilometres, " km") }

func init() {
	ipc.RegisterError(errNoRoute)
	ipc.Register[*detour]()
}

func drive(ctx context.Context, km int) error {
	if km > 100 {
		return fmt.Errorf("drive: %w", errNoRoute)
	}
	return fmt.Errorf("drive: %w", &detour{km})
}

var driveTarget = ipc.NewTarget(drive)

func ExampleRegisterError() {
	for _, km := range []int{500, 50} {
		p := ipc.NewProcess(driveTarget, km)
		p.Stderr = io.Discard
		if err := p.Start(); err != nil {
			fmt.Println(err)
			return
		}
		err := p.Join(context.Background())
		if errors.Is(err, errNoRoute) {
			fmt.Println("there is no route")
		}
		if d, found := errors.AsType[*detour](err); found {
			fmt.Println(d.Kilometres, "km more")
		}
	}
	// Output:
	// there is no route
	// 50 km more
}
