package box

import (
	"runtime"
	"strings"
	"testing"
)

func TestVersionSaysWhatIsNotKnown(t *testing.T) {
	system := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + ")\n"
	for want, build := range map[string]Build{
		"mpbox 1.2.3 (commit abc, built 2026-01-02T03:04:05Z, " + system + "  a v1\n  b v2\n": {
			Version: "1.2.3", Commit: "abc", Date: "2026-01-02T03:04:05Z", Modules: []string{"a v1", "b v2"},
		},
		"mpbox v1.2.3 (commit and date not known, " + system:                                      {Version: "v1.2.3", Modules: []string{}},
		"mpbox development build (commit and date not known, " + system + "  modules not known\n": {},
		"mpbox development build (commit abc, built on a day not known, " + system + "  a v1 => b v2\n": {
			Commit: "abc", Modules: []string{"a v1 => b v2"},
		},
	} {
		if got := output(t, &Box{Build: build}, "--version"); got != want {
			t.Errorf("%+v: %s; want %s", build, got, want)
		}
	}
	if s := (Build{Modules: []string{"a v1"}}).String(); strings.Contains(s, "\n") {
		t.Errorf("String() = %q; want one line", s)
	}
}
