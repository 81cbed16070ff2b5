// Package watchdog ends tests that hang. Only tests import it.
package watchdog

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// Limit is for how long a test may run.
const Limit = 20 * time.Second

// Start ends the test binary with the stacks of all goroutines if the test
// takes longer than Limit.
func Start(t *testing.T) {
	t.Helper()
	w := time.AfterFunc(Limit, func() {
		b := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "%s hangs\n%s", t.Name(), b[:runtime.Stack(b, true)])
		os.Exit(2)
	})
	t.Cleanup(func() { w.Stop() })
}
