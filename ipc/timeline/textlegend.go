package timeline

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// giveLetters gives letters to the objects if there are several that one sign
// could be about.
func (t *text) giveLetters() {
	kinds := map[sign]map[int]bool{}
	for _, n := range t.lanes {
		for _, p := range n.points {
			use(kinds, pair(signOf(p.Kind)), p.Object)
		}
		for _, sp := range n.spans {
			if sp.Kind == Hold {
				use(kinds, signHolding, sp.Object)
			}
			if sp.Kind == Wait && sp.For == ForParties {
				use(kinds, signArrival, sp.Object)
			}
		}
	}
	t.letters = make([]rune, len(t.log.Objects))
	next := 'A'
	for i := range t.letters {
		for _, objects := range kinds {
			if objects[i] && len(objects) > 1 && next <= 'Z' {
				t.letters[i] = next
				next++
				break
			}
		}
	}
}

func use(kinds map[sign]map[int]bool, s sign, object int) {
	if object < 0 {
		return
	}
	if kinds[s] == nil {
		kinds[s] = map[int]bool{}
	}
	kinds[s][object] = true
}

// pair is the one sign for both directions of a message.
func pair(s sign) sign {
	if s == signRecv {
		return signSend
	}
	return s
}

// letterOf is the letter that stands behind a mark, 0 for none.
func (t *text) letterOf(s sign, object int) rune {
	switch s {
	case signSend, signRecv, signSet, signNotify, signHolding, signArrival:
		if object >= 0 {
			return t.letters[object]
		}
	}
	return 0
}

// words are what can be written into a span, the most telling first.
func (t *text) words(sp *span) []string {
	switch sp.Kind {
	case Task:
		return []string{" task " + strconv.Itoa(sp.Task) + " ", strconv.Itoa(sp.Task)}
	case Hold:
		return []string{" " + t.object(sp.Object) + " ", t.object(sp.Object), t.letterText(sp.Object)}
	}
	thing := t.thing(sp.Event)
	return []string{" " + t.reason(sp.Event) + " ", " " + thing + " ", thing}
}

// letterText is the letter of an object, or something too long to fit.
func (t *text) letterText(object int) string {
	if object < 0 || t.letters[object] == 0 {
		return strings.Repeat(" ", t.columns)
	}
	return string(t.letters[object])
}

// noteLetter remembers that a letter is in the picture.
func (t *text) noteLetter(sp *span, s string) {
	if sp.Object >= 0 && s == t.letterText(sp.Object) {
		t.lettered[sp.Object] = true
	}
}

// scale is the line with the times.
func (t *text) scale() string {
	rule, tick := '─', '├'
	if t.ASCII {
		rule, tick = '-', '|'
	}
	cells := make([]cell, t.room)
	for i := range cells {
		if cells[i] = (cell{' ', signNone}); i < t.columns {
			cells[i] = cell{rule, signNone}
		}
	}
	for i, at := range t.ticks() {
		x := t.columnOf(at)
		label := timeText(at)
		if t.ASCII {
			label = strings.ReplaceAll(label, "µ", "u")
		}
		if w := cellsOf(label); x+1+len(w) <= t.room && (i == 0 || x > 0) {
			cells[x] = cell{tick, signNone}
			copy(cells[x+1:], w)
		}
	}
	return t.line("", cells)
}

// ticks are as many round times as have room for their labels.
func (t *text) ticks() []time.Duration {
	for count := max(t.columns/8, 1); count > 1; count-- {
		at := ticks(t.end, count)
		longest := 0
		for _, d := range at {
			longest = max(longest, len(timeText(d)))
		}
		if len(at) < 2 || int(t.position(at[1])) > longest+2 {
			return at
		}
	}
	return []time.Duration{0}
}

// legend explains the signs that are there, and says what is missing.
func (t *text) legend() []string {
	there := [signs]bool{}
	daemon := false
	for _, st := range t.strips {
		daemon = daemon || st.Daemon
		for _, c := range st.cells {
			there[c.sign] = true
		}
		there[signKilled] = there[signKilled] || st.killed()
	}
	var items []string
	for s := signStarting; s < signText; s++ {
		if there[s] {
			items = append(items, string(t.cell(s).r)+" "+t.meaning(s))
		}
	}
	for i, r := range t.letters {
		if t.lettered[i] {
			items = append(items, string(r)+" "+t.object(i))
		}
	}
	if daemon {
		items = append(items, "* a daemon")
	}
	items = append(items, "a column is "+t.unit(t.end/time.Duration(t.columns)))
	lines := t.wrap(items, "  ")
	for _, s := range t.log.missing() {
		lines = append(lines, t.wrap(strings.Fields(s), " ")...)
	}
	return lines
}

// meaning is what the legend says of a sign, with the name of the object if
// there is but one that it can be about.
func (t *text) meaning(s sign) string {
	only := -1
	for _, n := range t.lanes {
		for _, p := range n.points {
			if signOf(p.Kind) == s && p.Object >= 0 {
				only = p.Object
			}
		}
		for _, sp := range n.spans {
			if sp.Kind == Hold && s == signHolding && sp.Object >= 0 ||
				sp.Kind == Wait && sp.For == ForParties && s == signArrival && sp.Object >= 0 {
				only = sp.Object
			}
		}
	}
	m := signMeanings[s]
	if only < 0 || t.letters[only] != 0 {
		return m
	}
	switch s {
	case signSend:
		m += " to"
	case signRecv:
		m += " from"
	}
	return m + " " + t.object(only)
}

// unit is d with three digits.
func (t *text) unit(d time.Duration) string {
	if t.ASCII {
		return strings.ReplaceAll(short(d), "µ", "u")
	}
	return short(d)
}

// wrap is the items in lines of the width.
func (t *text) wrap(items []string, gap string) []string {
	var lines []string
	line := ""
	for _, item := range items {
		item = t.cut(item, t.Width)
		switch {
		case line == "":
			line = item
		case len(cellsOf(line+gap+item)) <= t.Width:
			line += gap + item
		default:
			lines, line = append(lines, t.render(cellsOf(line))), item
		}
	}
	return append(lines, t.render(cellsOf(line)))
}

// choose decides which lanes are shown, and whether there are rows between them.
func (t *text) choose() {
	order := make([]int, len(t.lanes))
	for i := range order {
		order[i] = i
	}
	seen := map[string]int{}
	rank := make([]int, len(t.lanes))
	for i := range t.lanes {
		n := &t.lanes[i]
		// Of processes that are alike, a few show what all of them do.
		like := strings.TrimRight(t.name(n.process), "0123456789") + n.ending()
		seen[like]++
		rank[i] = min(seen[like], 4)
		if i == 0 {
			rank[i] = 0
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank[a], rank[b]) })
	if len(order) > t.rows {
		order = order[:max(t.rows-1, 1)]
	}
	slices.Sort(order)
	next := 0
	for i := range t.lanes {
		if next < len(order) && order[next] == i {
			t.strips = append(t.strips, &strip{lane: &t.lanes[i]})
			next++
			continue
		}
		t.left = append(t.left, &t.lanes[i])
	}
	if len(t.left) == 0 && 2*len(t.strips)-1 <= t.rows && len(t.links)+len(t.meetings) > 0 {
		t.between = make([][]cell, len(t.strips)-1)
	}
}

// fold is the line for the lanes that there is no room for.
func (t *text) fold() string {
	ends := map[string]int{}
	for _, n := range t.left {
		ends[n.ending()]++
	}
	var kinds []string
	for e, n := range ends {
		kinds = append(kinds, strconv.Itoa(n)+" "+e)
	}
	slices.Sort(kinds)
	more := "… "
	if t.ASCII {
		more = ".. "
	}
	if len(kinds) == 1 {
		kinds = []string{"all " + t.left[0].ending()}
	}
	more += many(len(t.left), "more process", "more processes") + ": " + strings.Join(kinds, ", ")
	return t.render(cellsOf(t.cut(more, t.Width)))
}
