//go:build !unix

package timeline

// So that the build stops there, and says why.
import _ "github.com/mpbox/mpbox/ipc/internal/eventlog"
