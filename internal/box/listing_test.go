package box

import (
	"slices"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/applets"
)

func TestBeside(t *testing.T) {
	left := listing{"# a.py", "one\n\ttwo\n"}
	right := listing{"// a.go", "n°\n" + strings.Repeat("long ", 5) + "\n\nend\n"}
	want := `
# a.py  | // a.go
        |
one     | n°
    two | long long
        | long long
        | long
        |
        | end
`
	if got := beside(left, right, 8+len(between)+12); got != want[1:] {
		t.Errorf("beside = \n%s", got)
	}
}

func TestBreakLines(t *testing.T) {
	const red, blue, none = "\x1b[31m", "\x1b[1;34m", "\x1b[0m"
	for _, test := range []struct {
		name, text string
		want       []row
	}{
		{"nothing", "", nil},
		{"an empty line", "\n", []row{{"", 0}}},
		{"full", "12345678\n", []row{{"12345678", 8}}},
		{"one more", "123456789\n", []row{{"12345678", 8}, {"9", 1}}},
		{"after a space", "12345 6789\n", []row{{"12345 ", 6}, {"6789", 4}}},
		{"not after an early one", "123 456789\n", []row{{"123 4567", 8}, {"89", 2}}},
		{"letters, not bytes", "°°°°°°°°°\n", []row{{"°°°°°°°°", 8}, {"°", 1}}},
		{"a tab", "\t1234\n", []row{{"    1234", 8}}},
		{"colours take no room", red + "1234" + none + "5678\n", []row{{red + "1234" + none + "5678", 8}}},
		{"a colour goes on", red + "12345 6789" + none + "!\n",
			[]row{{red + "12345 " + none, 6}, {red + "6789" + none + "!", 5}}},
		{"as it was before", "12345 " + blue + "6789" + none + "\n",
			[]row{{"12345 ", 6}, {blue + "6789" + none, 4}}},
		{"the last of two", red + "12" + blue + "3456789" + none + "\n",
			[]row{{red + "12" + blue + "345678" + none, 8}, {blue + "9" + none, 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := breakLines(test.text, 8); !slices.Equal(got, test.want) {
				t.Errorf("breakLines(%q) = %#v; want %#v", test.text, got, test.want)
			}
		})
	}
}

// Side by side in 160 columns, the Python of the thirteen stays in whole lines,
// and all of both is there.
func TestBothIsAllThereIs(t *testing.T) {
	t.Setenv("COLUMNS", "160")
	t.Setenv("NO_COLOR", "1")
	for _, a := range applets.All {
		c := &sourceCommand{}
		inGo, err1 := c.text(a.Name)
		c.Python = true
		inPython, err2 := c.text(a.Name)
		c = &sourceCommand{Both: true}
		got, err3 := c.text(a.Name)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(a.Name, err1, err2, err3)
		}
		var left, right []string
		for line := range strings.Lines(got) {
			l, r, ok := strings.Cut(line, between)
			if !ok {
				l, r, _ = strings.Cut(line, strings.TrimRight(between, " "))
			}
			left, right = append(left, strings.TrimRight(l, " ")), append(right, r)
		}
		want := "# " + a.Name + ".py\n\n" + inPython
		if text := strings.TrimRight(strings.Join(left, "\n"), "\n") + "\n"; text != want {
			t.Errorf("%s: the left column is\n%s", a.Name, text)
		}
		if text := squeeze(strings.Join(right, "")); text != squeeze("// "+a.Name+".go"+inGo) {
			t.Errorf("%s: the right column is\n%s", a.Name, text)
		}
	}
}

// squeeze leaves out what breaking lines may change.
func squeeze(text string) string { return strings.Join(strings.Fields(text), "") }
