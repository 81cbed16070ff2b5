package timeline

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

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

// measure shares out the width between names, chart, and what stands behind
// the ends of the lanes.
func (t *text) measure() {
	for _, st := range t.strips {
		t.names = max(t.names, len(cellsOf(t.fullName(st.lane))))
	}
	t.names = min(t.names, max(t.Width/4, 8), max(t.Width-10, 1))
	t.room = max(t.Width-t.names-1, 1)
	for t.columns = t.room; t.columns > 1; t.columns-- {
		fits := true
		for _, st := range t.strips {
			fits = fits && t.columnOf(st.end)+1+t.spill(st.lane)+len(t.endingOf(st.lane)) <= t.room
		}
		if fits {
			break
		}
	}
	for i := range t.between {
		t.between[i] = make([]cell, t.room)
		for j := range t.between[i] {
			t.between[i][j] = cell{' ', signNone}
		}
	}
}

// spill is how many cells behind the end of a lane the marks may take that
// belong into its last cell.
func (t *text) spill(n *lane) int {
	last, marks := t.columnOf(n.end), 0
	for i := len(n.points) - 1; i >= 0 && marks < 3 && t.columnOf(n.points[i].At) == last; i-- {
		marks++
	}
	for i := len(n.spans) - 1; i >= 0 && marks < 3 && t.columnOf(n.spans[i].from) == last; i-- {
		if n.spans[i].Kind == Hold {
			marks++
		}
	}
	for i := len(t.meetings) - 1; i >= 0 && marks < 3 && t.columnOf(t.meetings[i].at) == last; i-- {
		if slices.Contains(t.meetings[i].members, n.process) {
			marks++
		}
	}
	return min(max(marks-1, 0), 2)
}

// position is where a time is, in columns.
func (t *text) position(at time.Duration) float64 {
	return float64(at) / float64(t.end) * float64(t.columns)
}

func (t *text) columnOf(at time.Duration) int {
	return min(max(int(t.position(at)), 0), t.columns-1)
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
