//go:build amd64 || arm64

package park

// pause tells the processor that this is a loop that waits.
func pause()
