package ipc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mpbox/mpbox/ipc"
)

// Keep in step with doc.go.
func greet(_ context.Context, name string) error {
	fmt.Println("hello,", name, "- from", ipc.CurrentProcess().Name)
	return nil
}

var greetTarget = ipc.NewTarget(greet)

func ExampleProcess() {
	p := ipc.NewProcess(greetTarget, "Bob")
	p.Name = "greeter"
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	err := p.Join(context.Background())
	code, _ := p.ExitCode()
	fmt.Println(err, code, p.IsAlive())
	// Output:
	// hello, Bob - from greeter
	// <nil> 0 false
}

func hesitate(ctx context.Context, _ ipc.None) error {
	<-ctx.Done()
	return nil
}

var hesitateTarget = ipc.NewTarget(hesitate)

func ExampleProcess_Terminate() {
	p := ipc.NewProcess(hesitateTarget, ipc.None{})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_ = p.Terminate()
	err := p.Join(context.Background())
	if exit, ok := errors.AsType[*ipc.ExitError](err); ok {
		fmt.Println("exit code", exit.Code)
	}
	// Output:
	// exit code -15
}

type counter struct{ To int }

// Run is what a process of this type does.
func (c counter) Run(context.Context) error {
	for i := range c.To {
		fmt.Println(i)
	}
	return nil
}

var counterTarget = ipc.TargetOf[counter]()

func ExampleTargetOf() {
	p := ipc.NewProcess(counterTarget, counter{To: 3})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Join(context.Background()))
	// Output:
	// 0
	// 1
	// 2
	// <nil>
}
