// Package python holds each of the demonstrations once more, as a program in
// Python that prints the same lines.
package python

import (
	"embed"
	"fmt"
)

//go:embed *.py
var sources embed.FS

// Source returns the Python program that does what the applet of that name
// does.
func Source(name string) (string, error) {
	text, err := sources.ReadFile(name + ".py")
	if err != nil {
		return "", fmt.Errorf("source of %s: %w", name, err)
	}
	return string(text), nil
}
