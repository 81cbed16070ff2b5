// Mpbox is thirteen small programs about process-based parallelism, with their
// explanations and their tests, in one file. Without arguments it says what it
// can do.
package main

import (
	"embed"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/mpbox/mpbox/internal/box"
	"github.com/mpbox/mpbox/ipc"
)

// The release build sets these by -ldflags -X.
var version, commit, date string

//go:embed testdata/script/*.txtar
var embedded embed.FS

func main() {
	b := &box.Box{Scripts: scripts(), Build: build()}
	code := ipc.Main(func() int { return b.Run(os.Args) })
	os.Exit(b.Draw(code))
}

// scripts returns the folder of the acceptance tests.
func scripts() fs.FS {
	dir, err := fs.Sub(embedded, "testdata/script")
	if err != nil {
		panic(err) // only a malformed path can do that
	}
	return dir
}

// build says what was built. Without the linker's values, as after go install,
// the build information of the Go command has what it knows of them.
func build() box.Build {
	b := box.Build{Version: version, Commit: commit, Date: date}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Modules = modules(info)
	if b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && b.Commit == "":
			b.Commit = s.Value
		case s.Key == "vcs.time" && b.Date == "":
			b.Date = s.Value
		}
	}
	return b
}

// modules lists the modules that are linked in, with their versions.
func modules(info *debug.BuildInfo) []string {
	list := make([]string, 0, len(info.Deps)) // not nil: they are known
	for _, m := range info.Deps {
		module := m.Path + " " + m.Version
		if r := m.Replace; r != nil {
			module = strings.TrimSpace(module + " => " + r.Path + " " + r.Version)
		}
		list = append(list, module)
	}
	slices.Sort(list)
	return list
}
