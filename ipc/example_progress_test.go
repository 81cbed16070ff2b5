package ipc_test

import (
	"os"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func ExampleShowProgress() {
	show := ipc.ShowProgress(os.Stderr) // nothing, if that is no terminal
	for done := range 11 {
		show(ipc.Progress{Done: done, Total: 10, Elapsed: time.Duration(done) * time.Second, Rate: 1})
	}
	// Output:
}
