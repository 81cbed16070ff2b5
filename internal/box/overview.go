package box

import (
	"fmt"
	"os"
	"strings"

	"github.com/mpbox/mpbox/applets"
)

// purpose is what the box is, in one sentence.
const purpose = "Python's multiprocessing, in Go: thirteen small programs with real processes, " +
	"each of them explained, and the library that they are written on."

// overview is what mpbox prints when it is asked for nothing.
func (b *Box) overview() error {
	var out strings.Builder
	columns := width()
	out.WriteString(wrap("mpbox: "+purpose, columns))
	for i, a := range applets.All {
		if i == 0 || applets.All[i-1].Group != a.Group {
			fmt.Fprintf(&out, "\n%s\n", a.Group)
		}
		out.WriteString(entry(a.Name, a.Short, nameColumn(), columns))
	}
	out.WriteString("\nTry\n")
	for _, try := range [][2]string{
		{"mpbox process_pool", "run one"},
		{"mpbox explain barrier", "read about one"},
		{"mpbox source derom", "see how one is made"},
	} {
		out.WriteString(entry(try[0], try[1], nameColumn(), columns))
	}
	out.WriteString("\n" + wrap("`mpbox --help` shows all commands.", columns))
	return write(os.Stdout, out.String())
}

// nameColumn is the width that the longest name needs.
func nameColumn() int {
	longest := 0
	for _, a := range applets.All {
		longest = max(longest, len(a.Name))
	}
	return longest
}

// entry is a name and what it is: in two columns if there is room for both,
// else below each other.
func entry(name, text string, column, columns int) string {
	const indent, gap = "  ", "  "
	left := len(indent) + column + len(gap)
	if columns-left < 24 {
		return indent + name + "\n" + indentLines(wrap(text, columns-6), "      ")
	}
	lines := indentLines(wrap(text, columns-left), strings.Repeat(" ", left))
	return fmt.Sprintf("%s%-*s%s%s", indent, column, name, gap, lines[left:])
}
