package box

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Build says what was built, and from what.
type Build struct {
	Version, Commit, Date string   // "" if not known
	Modules               []string // linked in, path and version of each; nil if not known
}

// String is one line: version, commit, date, Go.
func (v Build) String() string {
	source := "commit and date not known"
	if v.Commit != "" || v.Date != "" {
		source = "commit " + cmp.Or(v.Commit, "not known") + ", built " + cmp.Or(v.Date, "on a day not known")
	}
	return fmt.Sprintf("mpbox %s (%s, %s %s/%s)",
		cmp.Or(v.Version, "development build"), source, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// printVersion is mpbox --version: that line, and one for each module.
func (b *Box) printVersion() error {
	lines := append([]string{b.Build.String()}, b.Build.Modules...)
	if b.Build.Modules == nil {
		lines = append(lines, "modules not known")
	}
	return write(os.Stdout, strings.Join(lines, "\n  ")+"\n")
}

// A versionCommand is what the command line asks for if --version is anywhere
// on it.
type versionCommand struct{}

func (versionCommand) run(b *Box) error { return b.printVersion() }
