package box

import (
	"strings"
	"testing"
)

func TestClampWidth(t *testing.T) {
	for columns, want := range map[int]int{-1: 80, 0: 80, 1: 40, 39: 40, 40: 40, 77: 77, 100: 100, 1000: 100} {
		if got := clampWidth(columns); got != want {
			t.Errorf("clampWidth(%d) = %d; want %d", columns, got, want)
		}
	}
}

func TestWidthPrefersColumns(t *testing.T) {
	for columns, want := range map[string]int{"60": 60, "7": 40, "300": 100} {
		t.Setenv("COLUMNS", columns)
		if got := width(); got != want {
			t.Errorf("with COLUMNS=%s width() = %d; want %d", columns, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text    string
		columns int
		want    string
	}{
		{"", 10, "\n"},
		{"one two three", 100, "one two three\n"},
		{"one two three", 8, "one two\nthree\n"},
		{"n° of nodes", 5, "n° of\nnodes\n"},
		{"a considerable word", 5, "a\nconsiderable\nword\n"},
	}
	for _, test := range tests {
		if got := wrap(test.text, test.columns); got != test.want {
			t.Errorf("wrap(%q, %d) = %q; want %q", test.text, test.columns, got, test.want)
		}
	}
}

func TestEntryHasTwoColumnsWhereThereIsRoom(t *testing.T) {
	if got, want := entry("derom", "a daemon", 8, 80), "  derom     a daemon\n"; got != want {
		t.Errorf("entry, wide = %q; want %q", got, want)
	}
	if got, want := entry("derom", "a daemon", 26, 40), "  derom\n      a daemon\n"; got != want {
		t.Errorf("entry, narrow = %q; want %q", got, want)
	}
}

func TestPlainLinks(t *testing.T) {
	page := "See [derom](derom.md), [Go](https://go.dev/) and `x`.\n```go\nf[i](j)\n```\n[a](b.md)\n"
	want := "See derom, [Go](https://go.dev/) and `x`.\n```go\nf[i](j)\n```\na\n"
	if got := plainLinks(page); got != want {
		t.Errorf("plainLinks = %q; want %q", got, want)
	}
}

const samplePage = "# title\n\nSome `code`, *more* and **more** of a paragraph that is longer than forty columns.\n\n" +
	"- a\n- b\n\n> quoted\n\n| a | b |\n| - | - |\n| c | d |\n\n---\n\n- [x] done\n\n```go\nfunc f() {}\n```\n"

func TestRenderPageIsPlainWithoutColour(t *testing.T) {
	for _, columns := range []int{40, 60, 100} {
		got, err := renderPage(samplePage, columns, false)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(got) {
			if len(line) > columns+1 || strings.HasSuffix(line, " \n") {
				t.Errorf("at %d columns: %q", columns, line)
			}
		}
		for _, c := range got {
			if c == '\x1b' || c > '~' {
				t.Errorf("at %d columns there is %q in\n%s", columns, c, got)
			}
		}
	}
}

func TestRenderPageUsesColour(t *testing.T) {
	got, err := renderPage(samplePage, 80, true)
	if err != nil || !strings.Contains(got, "\x1b[") {
		t.Errorf("renderPage = %q, %v; want escape sequences", got, err)
	}
}
