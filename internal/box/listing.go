package box

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// A listing is the source of a program, highlighted if colour is welcome.
type listing struct {
	title string // the name of its file, as a comment
	text  string
}

// listingOf makes a listing of the source that a package has under a name.
func listingOf(source func(name string) (string, error), name, extension string) (listing, error) {
	text, err := source(name)
	if err != nil {
		return listing{}, err
	}
	l := listing{"// " + name + extension, text}
	language := "go"
	if extension == ".py" {
		l.title, language = "# "+name+extension, "python"
	}
	if colour() {
		l.text, err = renderSource(text, language)
	}
	return l, err
}

// titled is a listing under its title.
func (l listing) titled() string { return l.title + "\n\n" + l.text }

// sideBySide is how many columns two listings need to stand side by side.
const sideBySide = 160

// between is what stands between them.
const between = " | "

// beside lays out two listings side by side. The right one has all the columns
// that the left one leaves.
func beside(left, right listing, columns int) string {
	room := columns - len(between)
	rows := breakLines(left.titled(), room/2)
	widest := 0
	for _, r := range rows {
		widest = max(widest, r.columns)
	}
	others := breakLines(right.titled(), room-widest)
	var out strings.Builder
	for i := range max(len(rows), len(others)) {
		var l, r row // empty below the last one
		if i < len(rows) {
			l = rows[i]
		}
		if i < len(others) {
			r = others[i]
		}
		line := l.text + strings.Repeat(" ", widest-l.columns) + between + r.text
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return out.String()
}

// A row is a line of a listing, or a part of a line.
type row struct {
	text    string
	columns int // that it takes up: escape sequences take up none
}

// breakLines breaks a text into rows of at most so many columns. Nothing is
// left out, and colours go on from one row to the next.
func breakLines(text string, columns int) (rows []row) {
	for line := range strings.Lines(spaced(text)) {
		line = strings.TrimSuffix(line, "\n")
		for {
			end := rowEnd(line, columns)
			r := row{line[:end.bytes], end.columns}
			if end.colour != "" {
				r.text += noColour
			}
			rows = append(rows, r)
			if end.bytes == len(line) {
				break
			}
			line = end.colour + line[end.bytes:]
		}
	}
	return rows
}

// A place in a line is after so many bytes, which take up so many columns.
type place struct {
	bytes, columns int
	colour         string // the escape sequence for what follows, if any
}

// setsColour finds an escape sequence at the beginning of a text.
var setsColour = regexp.MustCompile(`^\x1b\[[0-9;]*m`)

const noColour = "\x1b[0m"

// rowEnd is where the first row of a line ends: where the line does, or else
// after a space, unless that leaves half of the row empty.
func rowEnd(line string, columns int) place {
	var here, afterSpace place
	for here.bytes < len(line) {
		rest := line[here.bytes:]
		if colour := setsColour.FindString(rest); colour != "" {
			here.bytes += len(colour)
			here.colour = strings.TrimPrefix(colour, noColour)
			continue
		}
		if here.columns == columns {
			if afterSpace.columns > columns/2 {
				return afterSpace
			}
			return here
		}
		c, size := utf8.DecodeRuneInString(rest)
		here.bytes += size
		here.columns++
		if c == ' ' {
			afterSpace = here
		}
	}
	return here
}
