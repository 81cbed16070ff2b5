//go:build !linux

package ipc

import "errors"

// awaitEnd would wait until a child has ended, and leave it to be reaped.
// Package syscall has no waitid here.
func awaitEnd(int) error { return errors.ErrUnsupported }
