//go:build !unix

package eventlog

// Package ipc needs descriptors that a child inherits, mapped memory and
// sockets: a backend for systems other than Unix is not written yet. All of ipc
// imports this package, so the build stops at the next line and nowhere else.
var _ = package_ipc_supports_Unix_only_so_far
