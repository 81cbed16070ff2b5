package box

import (
	"os"
	"strconv"

	"golang.org/x/term"
)

// Widths that text is laid out for. Longer lines are hard to read, and in
// fewer columns tables fall apart.
const (
	minWidth     = 40
	maxWidth     = 100
	unknownWidth = 80
)

// width is the number of columns to use for text: all that there are, within
// bounds.
func width() int { return clampWidth(allColumns()) }

// allColumns is how many there are: COLUMNS if it is set, else the terminal's,
// or 0 if there is none.
func allColumns() int {
	columns, _ := strconv.Atoi(os.Getenv("COLUMNS"))
	if columns <= 0 {
		columns, _, _ = term.GetSize(int(os.Stdout.Fd()))
	}
	return columns
}

// clampWidth brings a width into bounds; zero and less is unknown.
func clampWidth(columns int) int {
	if columns <= 0 {
		return unknownWidth
	}
	return min(max(columns, minWidth), maxWidth)
}

// pictureWidth is the width for pictures, which need not be read line by line.
func pictureWidth() int {
	const widest = 200
	columns, _ := strconv.Atoi(os.Getenv("COLUMNS"))
	if columns <= 0 {
		columns, _, _ = term.GetSize(int(os.Stdout.Fd()))
	}
	if columns <= 0 {
		return unknownWidth
	}
	return min(max(columns, minWidth), widest)
}

// pictureHeight is how many lines the terminal has for a picture, 0 if that is
// not known.
func pictureHeight() int {
	_, lines, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return max(lines-1, 0) // the prompt comes back
}

// isTerminal says whether a file is one.
func isTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd()))
}

// colour says whether escape sequences are welcome on stdout. The terminal is
// never asked anything: one that does not answer would make us hang.
func colour() bool {
	return isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
