package ipc_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/mpbox/mpbox/ipc"
)

func report(_ context.Context, what string) error {
	fmt.Println("begin with", what)
	fmt.Print("end with ", what)
	return nil
}

var reportTarget = ipc.NewTarget(report)

func ExampleNewLines() {
	p := ipc.NewProcess(reportTarget, "work")
	lines := ipc.NewLines(os.Stdout, "worker 1: ")
	defer lines.Close()
	p.Stdout = lines
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_ = p.Join(context.Background())
	// Output:
	// worker 1: begin with work
	// worker 1: end with work
}

func ExampleLinesTo() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey { // for an output that is always the same
				return slog.Attr{}
			}
			return a
		},
	}))
	p := ipc.NewProcess(reportTarget, "work")
	lines := ipc.LinesTo(func(line string) { log.Info(line, "process", p.Name) })
	defer lines.Close()
	p.Name, p.Stdout = "worker 1", lines
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_ = p.Join(context.Background())
	// Output:
	// level=INFO msg="begin with work" process="worker 1"
	// level=INFO msg="end with work" process="worker 1"
}
