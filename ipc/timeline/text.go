package timeline

import (
	"bufio"
	"io"
	"strings"
)

// TextOptions say how [Log.WriteText] draws.
type TextOptions struct {
	Width  int  // of the longest line, in columns; 0 means 80
	Height int  // how many lines there may be; 0 means 24
	ASCII  bool // use no other characters; then there are no colours either
	Color  bool // use the colours of a terminal
}

// WriteText draws the log in lines of text: a lane for each process, from its
// start on the left to its end on the right, and a legend of the signs.
//
// Lanes that there is no room for are counted below the others. A column
// stands for the same time everywhere; if more than one thing happened in it, it
// shows the most important one.
func (l *Log) WriteText(w io.Writer, o TextOptions) error {
	if o.Width <= 0 {
		o.Width = 80
	}
	if o.Height <= 0 {
		o.Height = 24
	}
	o.Color = o.Color && !o.ASCII
	out := bufio.NewWriter(w)
	for _, line := range drawText(newScene(l), o) {
		out.WriteString(line) // an error stays in out
		out.WriteByte('\n')
	}
	return out.Flush()
}

// text is a picture of a scene in text.
type text struct {
	*scene
	TextOptions
	rows     int // how many lines the lanes may take
	names    int // columns of the names
	columns  int // of the chart
	room     int // columns from the names up to the width
	letters  []rune
	lettered map[int]bool // the objects whose letters are in the picture
	strips   []*strip
	left     []*lane // lanes without a strip
	between  [][]cell
}

// drawText draws the picture anew with fewer lanes until it is low enough.
func drawText(s *scene, o TextOptions) []string {
	if len(s.lanes) == 0 {
		return clip([]string{"The log is empty."}, o)
	}
	for rows := o.Height - 2; ; {
		t := &text{scene: s, TextOptions: o, rows: max(rows, 1)}
		lines := t.lines()
		if len(lines) <= o.Height || rows <= 1 {
			return clip(lines, o)
		}
		rows = max(rows-(len(lines)-o.Height), 1)
	}
}

// clip cuts off what doesn't fit, where even the least is too much.
func clip(lines []string, o TextOptions) []string {
	lines = lines[:min(len(lines), o.Height)]
	for i, line := range lines {
		lines[i] = clipLine(line, o.Width)
	}
	return lines
}

// clipLine is as much of a line as fits. The colours, which take no room, stay.
func clipLine(line string, width int) string {
	var b strings.Builder
	inColor, blanks := false, 0
	for _, r := range line {
		switch {
		case r == '\x1b' || inColor:
			inColor = r != 'm'
			b.WriteRune(r)
		case width <= 0:
		case r == ' ':
			width--
			blanks++
		default:
			b.WriteString(strings.Repeat(" ", blanks))
			b.WriteRune(r)
			width--
			blanks = 0
		}
	}
	return b.String()
}

func (t *text) lines() []string {
	t.lettered = map[int]bool{}
	t.giveLetters()
	t.choose()
	t.measure()
	for i := range t.strips {
		t.strips[i] = t.draw(t.strips[i].lane)
	}
	if t.between != nil {
		t.connect()
	}
	lines := []string{t.scale()}
	for i, st := range t.strips {
		lines = append(lines, t.line(t.nameOf(st.lane), st.cells))
		if i < len(t.between) {
			lines = append(lines, t.line("", t.between[i]))
		}
	}
	if len(t.left) > 0 {
		lines = append(lines, t.fold())
	}
	return append(lines, t.legend()...)
}

// cell is a cell with the sign.
func (t *text) cell(s sign) cell {
	if t.ASCII {
		return cell{signRunes[s][1], s}
	}
	return cell{signRunes[s][0], s}
}

// line is a line of the picture, without blanks at its end.
func (t *text) line(name string, cells []cell) string {
	label := cellsOf(name)
	for len(label) < t.names+1 {
		label = append(label, cell{' ', signNone})
	}
	return t.render(append(label, cells...))
}

// render is the text of the cells, in colours if they are asked for.
func (t *text) render(cells []cell) string {
	for len(cells) > 0 && cells[len(cells)-1].r == ' ' {
		cells = cells[:len(cells)-1]
	}
	var b strings.Builder
	color := ""
	for _, c := range cells {
		if want := signColors[c.sign]; t.Color && want != color && c.r != ' ' {
			if color != "" {
				b.WriteString("\x1b[0m")
			}
			if want != "" {
				b.WriteString("\x1b[" + want + "m")
			}
			color = want
		}
		if c.r != 0 {
			b.WriteRune(t.plain(c.r))
		}
	}
	if color != "" {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// plain is r, or what stands for it in ASCII.
func (t *text) plain(r rune) rune {
	if t.ASCII && r > '~' {
		return '?'
	}
	return r
}

// endingOf is what stands behind the last cell of a lane.
func (t *text) endingOf(n *lane) []cell {
	if !n.killed() {
		return cellsOf(" " + n.ending())
	}
	cells := append([]cell{t.cell(signKilled), {' ', signKilled}}, cellsOf(n.ending())...)
	for i := range cells {
		cells[i].sign = signKilled
	}
	return cells
}

// fullName is the name in front of a lane. Children stand to the right of their
// parent, and a daemon has a star.
func (t *text) fullName(n *lane) string {
	return strings.Repeat(" ", min(n.depth, 8)) + t.name(n.process) + star(n)
}

func star(n *lane) string {
	if n.Daemon {
		return "*"
	}
	return ""
}

// nameOf is as much of the name as fits.
func (t *text) nameOf(n *lane) string {
	star := star(n)
	return t.cut(strings.TrimSuffix(t.fullName(n), star), t.names-len(star)) + star
}

// cut is s in at most so many columns, with an ellipsis if that isn't all.
func (t *text) cut(s string, columns int) string {
	cells := cellsOf(s)
	if len(cells) <= columns {
		return s
	}
	ellipsis := "…"
	if t.ASCII {
		ellipsis = ".."
	}
	keep := max(columns-len([]rune(ellipsis)), 0)
	if keep > 0 && cells[keep].r == 0 { // not half of a wide one
		keep--
	}
	var b strings.Builder
	for _, c := range cells[:keep] {
		if c.r != 0 {
			b.WriteRune(c.r)
		}
	}
	return b.String() + ellipsis[:min(len(ellipsis), max(columns, 0)*len("…"))]
}

// cellsOf is s as cells. A wide character takes two.
func cellsOf(s string) []cell {
	var cells []cell
	for _, r := range s {
		cells = append(cells, cell{r, signText})
		if wide(r) {
			cells = append(cells, cell{0, signText})
		}
	}
	return cells
}

// wide tells whether a terminal shows r in two columns.
func wide(r rune) bool {
	for _, w := range [][2]rune{
		{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f},
		{0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
	} {
		if w[0] <= r && r <= w[1] {
			return true
		}
	}
	return false
}
