//go:build !unix

// Package shm is for Unix only so far. It is here, and empty, so that the build
// stops where package eventlog says so.
package shm
