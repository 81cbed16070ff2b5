//go:build !unix

// Package space is for Unix only so far. It is here, and empty, so that the build
// stops where package eventlog says so.
package space
