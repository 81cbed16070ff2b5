package timeline

// strokes are the parts of the lines between lanes, in Unicode and in ASCII.
var strokes = map[string][2]rune{
	"vertical":   {'│', ':'},
	"horizontal": {'─', '-'},
	"down":       {'▼', 'v'},
	"up":         {'▲', '^'},
	"barrier":    {'║', '|'},
	// Corners, by the two sides that they join.
	"above right": {'└', '\''},
	"above left":  {'┘', '\''},
	"below right": {'┌', '.'},
	"below left":  {'┐', '.'},
}

func (t *text) stroke(name string, s sign) cell {
	if t.ASCII {
		return cell{strokes[name][1], s}
	}
	return cell{strokes[name][0], s}
}

// connect draws lines between the lanes: through all the parties of a barrier
// where they pass it, and from who sent something to who received it. A line that
// would touch another is left out: the marks in the lanes are there all the same.
func (t *text) connect() {
	row := map[int]int{}
	for i, st := range t.strips {
		row[st.process] = i
	}
	for _, m := range t.meetings {
		first, last := len(t.strips), -1
		for _, p := range m.members {
			if i, ok := row[p]; ok {
				first, last = min(first, i), max(last, i)
			}
		}
		for i := first; i < last; i++ {
			t.between[i][t.columnOf(m.at)] = t.stroke("barrier", signMeeting)
		}
		t.through(first, last, t.columnOf(m.at), "barrier", signMeeting)
	}
	for _, kind := range []Kind{Signal, Send} {
		for _, l := range t.links {
			from, shown := row[l.from.process]
			to, alsoShown := row[l.to.process]
			if l.kind == kind && shown && alsoShown && from != to {
				t.arrow(l, from, to)
			}
		}
	}
}

// A step of an arrow is a cell of a row between two lanes.
type step struct {
	row, column int
	stroke      string
}

// through draws a line through the lanes between two strips, where they are
// empty.
func (t *text) through(from, to, column int, stroke string, s sign) {
	for i := min(from, to) + 1; i < max(from, to); i++ {
		cells := t.strips[i].cells
		if behindText := column > 0 && cells[column-1].sign == signText; cells[column].sign == signNone && !behindText {
			cells[column] = t.stroke(stroke, s)
		}
	}
}

// arrow draws the link from one strip to another if its way is free.
func (t *text) arrow(l link, from, to int) {
	a, ok := t.strips[from].column[l.from.event]
	b, okToo := t.strips[to].column[l.to.event]
	if l.to.event < 0 {
		b, okToo = a, true
	}
	if !ok || !okToo || !t.strips[from].marked[a] || l.to.event >= 0 && !t.strips[to].marked[b] {
		return
	}
	if b < a-2 {
		return
	}
	path := route(from, to, a, b)
	for _, s := range path {
		for x := s.column - 1; x <= s.column+1; x++ {
			if x >= 0 && x < t.columns && t.between[s.row][x].r != ' ' {
				return
			}
		}
	}
	for _, s := range path {
		t.between[s.row][s.column] = t.stroke(s.stroke, signOf(l.kind))
	}
	t.through(from, to, b, "vertical", signOf(l.kind))
}

// route leads from column a of one strip to column b of another: sidewards in
// the first row, straight on in the others.
func route(from, to, a, b int) []step {
	rows, near, far, head := upTo(from, to), "above ", "below ", "down"
	if to < from {
		near, far, head = "below ", "above ", "up"
	}
	var path []step
	if a != b {
		side, back, d := "right", "left", 1
		if b < a { // as one of the marks has moved aside
			side, back, d = "left", "right", -1
		}
		path = append(path, step{rows[0], a, near + side})
		for x := a + d; x != b; x += d {
			path = append(path, step{rows[0], x, "horizontal"})
		}
		if len(rows) > 1 {
			path = append(path, step{rows[0], b, far + back})
			rows = rows[1:]
		}
	}
	for _, r := range rows {
		path = append(path, step{r, b, "vertical"})
	}
	path[len(path)-1].stroke = head
	return path
}

// upTo are the rows between two strips, from the one to the other.
func upTo(from, to int) []int {
	var rows []int
	for i := from; i < to; i++ {
		rows = append(rows, i)
	}
	for i := from - 1; i >= to; i-- {
		rows = append(rows, i)
	}
	return rows
}
