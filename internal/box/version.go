package box

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Build says what was built, and from what.
type Build struct {
	Version, Commit, Date string // "" if not known
}

// String is one line: version, commit, date, Go.
func (v Build) String() string {
	version := v.Version
	if version == "" {
		version = "development build"
	}
	parts := make([]string, 0, 3)
	if v.Commit != "" {
		parts = append(parts, "commit "+v.Commit)
	}
	if v.Date != "" {
		parts = append(parts, "built "+v.Date)
	}
	parts = append(parts, fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH))
	return fmt.Sprintf("mpbox %s (%s)", version, strings.Join(parts, ", "))
}

// printVersion is mpbox --version.
func (b *Box) printVersion() error {
	return write(os.Stdout, b.Build.String()+"\n")
}

// A versionCommand is what the command line asks for if --version is anywhere
// on it.
type versionCommand struct{}

func (versionCommand) run(b *Box) error { return b.printVersion() }
