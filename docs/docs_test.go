package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/applets"
)

// template holds the headings of an applet's page, in order, after its title.
var template = []string{
	"## Try it", "## What happens", "## In Python", "## In Go", "## Worth knowing", "## See also",
}

// pages returns all pages that are checked: those here, and two of the root.
func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.md")
	if err != nil || len(all) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, name := range []string{"../README.md", "../CONTRIBUTING.md"} {
		if _, err := os.Stat(name); err == nil {
			all = append(all, name)
		}
	}
	return all
}

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is a fenced block of a page.
type block struct {
	info  string // what stands after the opening fence
	line  int    // the number of the fence's line
	lines []string
}

// parse splits a page into its blocks and its prose, line by line.
func parse(text string) (blocks []block, prose []string, err error) {
	var open *block
	for i, line := range strings.Split(text, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{info: info, line: i + 1}
		case fence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.lines = append(open.lines, line)
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			return nil, nil, fmt.Errorf("line %d: an indented block is not checked", i+1)
		default:
			prose = append(prose, line)
		}
	}
	if open != nil {
		return nil, nil, fmt.Errorf("line %d: the block is not closed", open.line)
	}
	return blocks, prose, nil
}

var linkRE = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			_, prose, err := parse(read(t, page))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range linkRE.FindAllStringSubmatch(strings.Join(prose, "\n"), -1) {
				if strings.Contains(m[1], "://") {
					continue // tests do not need the network
				}
				file, heading, _ := strings.Cut(m[1], "#")
				target := page
				if file != "" {
					target = filepath.Join(filepath.Dir(page), file)
				}
				if _, err := os.Stat(target); err != nil {
					t.Errorf("link to %s: %v", m[1], err)
				} else if heading != "" && !hasHeading(read(t, target), heading) {
					t.Errorf("link to %s: no such heading", m[1])
				}
			}
		})
	}
}

// hasHeading reports whether a heading of the page has that anchor.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		title := strings.TrimLeft(line, "#")
		if title != line && anchor == strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-") {
			return true
		}
	}
	return false
}

func TestAppletPagesFollowTheTemplate(t *testing.T) {
	for _, a := range applets.All {
		t.Run(a.Name, func(t *testing.T) {
			_, prose, err := parse(read(t, a.Name+".md"))
			if err != nil {
				t.Fatal(err)
			}
			prose = slices.DeleteFunc(prose, func(s string) bool { return !strings.HasPrefix(s, "#") })
			want := append([]string{"# " + a.Name}, template...)
			if hasFaults(a) {
				want = slices.Insert(want, 3, "## When it goes wrong")
			}
			if !slices.Equal(prose, want) {
				t.Errorf("headings %q; want %q", prose, want)
			}
		})
	}
}

// hasFaults reports whether the applet can go wrong in ways that have names.
func hasFaults(a applets.Applet) bool {
	fault, ok := reflect.TypeOf(a.New()).Elem().FieldByName("Fault")
	return ok && fault.Tag.Get("enum") != ""
}

func TestIndexIsComplete(t *testing.T) {
	index := read(t, "index.md")
	var want []string
	group := ""
	for _, a := range applets.All {
		if a.Group != group {
			group = a.Group
			want = append(want, "## "+group)
		}
		want = append(want, fmt.Sprintf("- [%s](%s.md): %s", a.Name, a.Name, a.Short))
	}
	got := slices.DeleteFunc(split(index), func(s string) bool {
		return !strings.HasPrefix(s, "## ") && !strings.HasPrefix(s, "- ")
	})
	if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("index.md has\n%s\nthe applets are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, page := range pages(t) {
		if page != "index.md" && !strings.HasPrefix(page, "..") && !strings.Contains(index, "]("+page+")") {
			t.Errorf("index.md does not lead to %s", page)
		}
	}
}

// A terminal page is wrapped anew, but glamour keeps the line breaks inside a
// list item, so an item is one line.
func TestListItemsAreOneLine(t *testing.T) {
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "..") || page == "design.md" {
			continue // not written for narrow terminals
		}
		_, prose, err := parse(read(t, page))
		if err != nil {
			t.Errorf("%s: %v", page, err)
		}
		for _, line := range prose {
			if strings.HasPrefix(line, " ") {
				t.Errorf("%s: %q belongs to the line above", page, line)
			}
		}
	}
}
