package box

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// A benchTable prints rows as they come.
type benchTable struct {
	width   int
	columns []benchColumn
}

func (t benchTable) head(d *benchDocument) error {
	text := d.Machine.String()
	if d.Python != "" {
		text += "; Python " + d.Python
	}
	return write(os.Stdout, wrap(text, t.width)+"\n"+t.titles())
}

func (t benchTable) row(r *benchRow) error { return write(os.Stdout, t.line(r)) }

func (t benchTable) foot(d *benchDocument) error {
	text := fmt.Sprintf("Medians of up to %d samples of %g ms. Of times less is better, of what is per second more.",
		d.Rounds, d.SampleMS)
	if d.Python != "" {
		text += " The ratio says how many times faster than Python mpbox is."
	}
	text += " What each line is: `mpbox explain bench`."
	var foot strings.Builder
	foot.WriteString("\n" + wrap(text, t.width))
	if d.PythonError != "" {
		foot.WriteString(wrap("Not compared with Python: "+d.PythonError+".", t.width))
	}
	for _, r := range d.Rows {
		if r.Python != nil && r.Python.Error != "" {
			foot.WriteString(wrap("Python, "+r.Name+": "+r.Python.Error, t.width))
		}
	}
	return write(os.Stdout, foot.String())
}

// titles is the line above the rows.
func (t benchTable) titles() string {
	return t.join(func(c benchColumn) string { return c.title })
}

// line is the line of a row.
func (t benchTable) line(r *benchRow) string {
	return t.join(func(c benchColumn) string { return c.text(r) })
}

func (t benchTable) join(text func(c benchColumn) string) string {
	cells := make([]string, len(t.columns))
	for i, c := range t.columns {
		cells[i] = fmt.Sprintf("%*s", c.width, text(c))
	}
	return strings.TrimRight(strings.Join(cells, " "), " ") + "\n"
}

// A benchColumn is a column of the table.
type benchColumn struct {
	title string
	width int
	text  func(r *benchRow) string
	spare int // columns are left out in this order if it gets narrow; 0 never
}

// benchColumns are those that fit into so many columns of the terminal.
func benchColumns(columns int, peers bool) []benchColumn {
	all := []benchColumn{
		{"", -16, func(r *benchRow) string { return r.Name }, 0},
		{"", -4, func(r *benchRow) string { return string(r.Unit) }, 4},
		{"mpbox", 7, func(r *benchRow) string { return r.Ours.median() }, 0},
		{"min..max", 15, func(r *benchRow) string { return r.Ours.span() }, 2},
	}
	if peers {
		all = append(all,
			benchColumn{"Python", 7, func(r *benchRow) string { return r.Python.median() }, 0},
			benchColumn{"min..max", 15, func(r *benchRow) string { return r.Python.span() }, 1},
			benchColumn{"ratio", 6, func(r *benchRow) string { return r.times() }, 0})
	}
	all = append(all, benchColumn{"floor", 7, func(r *benchRow) string { return r.Floor.median() }, 3})
	for least := 1; least <= 4 && benchWidth(all) > columns; least++ {
		all = leaveOut(all, least)
	}
	return all
}

func leaveOut(columns []benchColumn, spare int) (left []benchColumn) {
	for _, c := range columns {
		if c.spare != spare {
			left = append(left, c)
		}
	}
	return left
}

// benchWidth is the width of a table, with a space between its columns.
func benchWidth(columns []benchColumn) int {
	width := len(columns) - 1
	for _, c := range columns {
		width += max(c.width, -c.width)
	}
	return width
}

// median is the median as a cell: empty if there is nothing to measure.
func (c *cost) median() string {
	switch {
	case c == nil:
		return ""
	case !c.known():
		return "-"
	}
	return threeDigits(c.Median)
}

func (c *cost) span() string {
	if !c.known() {
		return ""
	}
	return threeDigits(c.Min) + ".." + threeDigits(c.Max)
}

// times is the ratio as a cell.
func (r *benchRow) times() string {
	if r.Ratio == 0 {
		return ""
	}
	return twoDigits(r.Ratio) + "x"
}

// threeDigits writes a number with three digits, or more in front of the point.
func threeDigits(v float64) string { return digits(v, 3) }

// twoDigits is enough for a ratio.
func twoDigits(v float64) string { return digits(v, 2) }

func digits(v float64, n int) string {
	if v <= 0 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	front := int(math.Floor(math.Log10(v))) + 1
	return strconv.FormatFloat(v, 'f', min(max(0, n-front), 4), 64)
}
