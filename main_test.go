package main

import (
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/docs"
	"github.com/mpbox/mpbox/internal/box"
)

// TestMain makes the test binary stand in for mpbox: under the names of the
// applets, and under whatever name a script gives to a link.
func TestMain(m *testing.M) {
	if os.Getenv("MPBOX_RUN") != "" {
		main()
	}
	names := map[string]func(){"mpbox": main}
	for _, a := range applets.All {
		names[a.Name] = main
	}
	testscript.Main(m, names)
}

// TestScripts runs the files that mpbox test runs.
func TestScripts(t *testing.T) {
	params := box.ScriptParams()
	params.Dir = "testdata/script"
	testscript.Run(t, params)
}

func TestEachAppletHasPageScriptAndSource(t *testing.T) {
	for _, a := range applets.All {
		if _, ok := docs.Page(a.Name); !ok {
			t.Errorf("docs/%s.md is missing", a.Name)
		}
		if _, err := fs.Stat(scripts(), a.Name+".txtar"); err != nil {
			t.Errorf("testdata/script/%s.txtar is missing", a.Name)
		}
		if _, err := applets.Source(a.Name); err != nil {
			t.Error(err)
		}
		if a.Short == "" || a.Group == "" || a.New == nil {
			t.Errorf("%s has an empty column in the table", a.Name)
		}
	}
}

func TestNamesAndTopicsAreUnique(t *testing.T) {
	var names []string
	for _, a := range applets.All {
		names = append(names, a.Name)
		names = append(names, a.Topics...)
	}
	for _, page := range docs.Topics() {
		if _, isApplet := applets.Lookup(page); !isApplet {
			names = append(names, page)
		}
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			t.Errorf("%s means two things", names[i])
		}
	}
}

func TestBuildSaysWhatTheLinkerSet(t *testing.T) {
	version, commit, date = "1.2.3", "abc", "2026-01-01"
	defer func() { version, commit, date = "", "", "" }()
	got := build()
	if got.Version != "1.2.3" || got.Commit != "abc" || got.Date != "2026-01-01" {
		t.Errorf("build() = %+v", got)
	}
}

func TestBuildListsModules(t *testing.T) {
	got := modules(&debug.BuildInfo{Deps: []*debug.Module{
		{Path: "example.com/b", Version: "v1.0.0"},
		{Path: "example.com/a", Version: "v0.2.0", Replace: &debug.Module{Path: "../a"}},
	}})
	want := []string{"example.com/a v0.2.0 => ../a", "example.com/b v1.0.0"}
	if !slices.Equal(got, want) {
		t.Errorf("modules() = %q; want %q", got, want)
	}
}
