//go:build !linux || ipc_portable || !(amd64 || arm64)

package park

// Backend names the backend for messages and tests.
const Backend = "portable"

// New returns the backend of this platform.
func New() Parker { return Poll{} }
