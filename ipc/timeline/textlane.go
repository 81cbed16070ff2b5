package timeline

import (
	"cmp"
	"slices"
	"time"
)

// A cell is a place in a text picture. Its rune is 0 where the one before it is
// two columns wide.
type cell struct {
	r    rune
	sign sign
}

// A strip is a lane as cells.
type strip struct {
	*lane
	cells       []cell
	first, last int         // the cells of its life
	owner       []int       // the span that a cell shows, -1 for none
	marked      []bool      // the cell has a mark
	column      map[int]int // where an event has its mark
}

// A mark is something that took no time, or less than a cell: it wants one cell.
type mark struct {
	sign   sign
	at     time.Duration
	column int
	event  int // its index, -1 for none
	object int // the letter of which stands behind it, -1 for none
	span   int // the span that it stands for, -1 for none
}

// draw makes the strips of the lanes that are shown.
func (t *text) draw(n *lane) *strip {
	st := &strip{lane: n, cells: make([]cell, t.room), owner: make([]int, t.room),
		marked: make([]bool, t.room), column: map[int]int{}}
	st.first, st.last = t.columnOf(n.start), t.columnOf(n.end)
	for i := range st.owner {
		st.owner[i] = -1
		st.cells[i] = cell{' ', signNone}
	}
	all := t.fill(st)
	states := slices.Clone(st.cells)
	placed := t.place(st, t.marks(st, all))
	st.thin(states)
	t.putLetters(st, placed)
	ending := st.last + 1
	if n.killed() && !st.marked[st.last] && st.first < st.last {
		ending, st.owner[st.last] = st.last, -1
	}
	t.label(st)
	copy(st.cells[ending:], t.endingOf(n))
	return st
}

// shares is how much of a cell each of the states takes, in parts of the cell.
type shares struct {
	start, wait, hold         float64
	bestWait, bestHold        float64
	waitOwner, holdOwner, job int
	holds                     int // how many
}

// fill gives each cell the state that most of its time was spent in. Holding
// counts for more than its share, as others wait for its end, unless the process
// acquires and releases all the time.
func (t *text) fill(st *strip) []shares {
	all := make([]shares, t.columns)
	for i := range all {
		all[i].waitOwner, all[i].holdOwner, all[i].job = -1, -1, -1
	}
	t.cover(st.start, st.ready, func(i int, part float64) { all[i].start += part })
	for j, sp := range st.spans {
		t.cover(sp.from, sp.to, func(i int, part float64) { all[i].count(j, sp.Kind, part) })
	}
	for i := st.first; i <= st.last; i++ {
		sign, owner := all[i].state(t.life(st, i))
		st.owner[i] = owner
		st.cells[i] = t.cell(sign)
	}
	t.part(st)
	return all
}

// part shows that the process ran between two waits, for however short a time,
// where they would look like one.
func (t *text) part(st *strip) {
	for i := st.first + 2; i+2 <= st.last; i++ {
		a, b := st.owner[i-1], st.owner[i]
		if a < 0 || b < 0 || a == b || st.owner[i-2] != a || st.owner[i+2] != b {
			continue
		}
		x, y := st.spans[a], st.spans[b]
		if x.Kind == Wait && y.Kind == Wait && st.cells[i].sign == signWaiting && x.to <= y.from {
			st.cells[i], st.owner[i] = t.cell(signRunning), -1
		}
	}
}

func (s *shares) count(span int, k Kind, part float64) {
	switch k {
	case Wait:
		s.wait += part
		if part >= s.bestWait {
			s.bestWait, s.waitOwner = part, span
		}
	case Hold:
		s.holds++
		s.hold += part
		if part >= s.bestHold {
			s.bestHold, s.holdOwner = part, span
		}
	case Task:
		s.job = span
	}
}

// state is what a cell shows of which life is the part in which its process was.
func (s *shares) state(life float64) (sign, int) {
	half := life / 2
	switch {
	case s.start > half:
		return signStarting, -1
	case s.hold >= half && s.wait >= half && s.hold > 0 && s.wait > 0:
		return signBoth, s.waitOwner
	case s.hold > 0 && (s.holds < 3 || s.hold >= half/2):
		return signHolding, s.holdOwner
	case s.wait > 0 && s.wait >= half:
		return signWaiting, s.waitOwner
	}
	return signRunning, s.job
}

// cover calls f with each column between two times, and how much of it they
// cover: a little even of no time, lest it vanish.
func (t *text) cover(from, to time.Duration, f func(column int, part float64)) {
	a, b := t.position(from), t.position(to)
	for i := t.columnOf(from); i <= t.columnOf(to); i++ {
		f(i, max(min(b, float64(i+1))-max(a, float64(i)), 1e-9))
	}
}

// life is how much of a column a process was there.
func (t *text) life(st *strip, i int) float64 {
	return min(t.position(st.end), float64(i+1)) - max(t.position(st.start), float64(i))
}

// marks are what is to be seen in the strip besides the states, the most
// important first.
func (t *text) marks(st *strip, all []shares) []mark {
	var marks []mark
	add := func(s sign, at time.Duration, event, object, span int) {
		marks = append(marks, mark{s, at, t.columnOf(at), event, object, span})
	}
	last := map[time.Duration]bool{} // when it was the one that all had waited for
	for _, m := range t.meetings {
		if slices.Contains(m.members, st.process) {
			add(signMeeting, m.at, -1, -1, -1)
			last[m.at] = m.members[len(m.members)-1] == st.process
		}
	}
	shown := make([]int, len(st.spans)) // in how many cells
	for _, owner := range st.owner {
		if owner >= 0 {
			shown[owner]++
		}
	}
	for i := range st.spans {
		sp := &st.spans[i]
		if at, ok := sp.failure(); ok {
			add(signFailed, at, -1, -1, -1)
		}
		holds := all[t.columnOf(sp.from)].holds
		switch s := t.signOfSpan(sp, shown[i], holds, len(st.spans)); s {
		case signArrival:
			if !last[sp.from] {
				add(s, sp.from, -1, sp.Object, -1)
			}
		case signHolding:
			add(s, sp.from, -1, sp.Object, i)
		case signWaiting, signTask:
			add(s, sp.from, -1, -1, i)
		}
	}
	for _, p := range st.points {
		add(signOf(p.Kind), p.At, p.index, p.Object, -1)
	}
	slices.SortStableFunc(marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(rank(b.sign), rank(a.sign)), cmp.Compare(a.at, b.at))
	})
	return marks
}

// signOfSpan is the mark that a span has besides its cells, or instead of them
// if there are hardly any, signNone if it has none. Of what happens all the time
// the cells tell enough.
func (t *text) signOfSpan(sp *span, cells, holds, spans int) sign {
	switch {
	case sp.Kind == Task:
		return signTask
	case sp.Kind == Hold && cells <= 2 && holds < 3:
		return signHolding
	case sp.Kind == Wait && sp.For == ForParties:
		if t.columnOf(sp.from) != t.columnOf(sp.to) {
			return signArrival
		}
	case sp.Kind == Wait && cells == 0 && spans <= t.columns:
		return signWaiting
	}
	return signNone
}

// rank is how important a mark is.
func rank(s sign) sign {
	switch s {
	case signHolding:
		return signArrival
	case signTask: // messages bring the tasks of a pool, and their results
		return signSendRecv + 1
	}
	return s
}

// place puts each mark into its cell. Of two in one cell the less important
// moves aside by a cell or two if that leaves all of them in their order. It
// returns those that found a cell, with that for their column.
func (t *text) place(st *strip, marks []mark) []mark {
	p := placing{t, st, make([]sign, t.room), make([]time.Duration, t.room)}
	for _, m := range marks {
		p.wanted[m.column] = max(p.wanted[m.column], rank(m.sign))
	}
	var placed []mark
	for _, m := range marks {
		i, ok := p.find(m)
		if !ok {
			continue
		}
		if !st.marked[i] {
			st.cells[i], p.at[i] = t.cell(m.sign), m.at
		}
		st.marked[i] = true
		st.last = max(st.last, i)
		if m.event >= 0 {
			st.column[m.event] = i
		}
		if m.span >= 0 {
			st.owner[i] = m.span
		}
		m.column = i
		placed = append(placed, m)
	}
	return placed
}

// placing is the work of place.
type placing struct {
	*text
	st     *strip
	wanted []sign          // the rank of the most important mark of each column
	at     []time.Duration // the times of those that were placed
}

// find finds the cell for a mark.
func (p *placing) find(m mark) (int, bool) {
	i, side := m.column, 1
	if !p.st.marked[i] || p.joins(p.st, i, m.sign) {
		return i, true
	}
	if m.at < p.at[i] {
		side = -1
	}
	for range 2 {
		i += side
		if i < p.st.first || i > p.lastFor(p.st) {
			return 0, false
		}
		if !p.st.marked[i] {
			return i, p.wanted[i] < rank(m.sign)
		}
		if (m.at < p.at[i]) != (side < 0) {
			return 0, false
		}
	}
	return 0, false
}

// lastFor is the last cell that a mark of the strip may move to: a little behind
// the end, if there is room.
func (t *text) lastFor(st *strip) int {
	last := t.columnOf(st.end)
	return max(last, min(last+2, t.room-1-len(t.endingOf(st.lane))))
}

// joins tells whether a mark is the same as the one that is there, or makes
// another sign together with it.
func (t *text) joins(st *strip, i int, s sign) bool {
	there := st.cells[i].sign
	switch {
	case there == s:
		return true
	case there == signRecv && s == signSend, there == signSend && s == signRecv:
		st.cells[i] = t.cell(signSendRecv)
		return true
	}
	return there == signSendRecv && (s == signSend || s == signRecv)
}

// thin takes out every other of the marks of messages that stand side by side,
// so that the state of the process shows between them.
func (st *strip) thin(states []cell) {
	for i := st.first; i <= st.last; {
		from, s := i, st.cells[i].sign
		for i++; i <= st.last && st.cells[i].sign == s; i++ {
		}
		if s != signSend && s != signRecv && s != signSendRecv || i-from < 4 {
			continue
		}
		for j := from + 1; j < i; j += 2 {
			st.cells[j], st.marked[j] = states[j], false
		}
	}
}

// putLetters puts the letters of the objects behind their marks, where nothing
// else is, and the last one behind such a mark was another.
func (t *text) putLetters(st *strip, placed []mark) {
	slices.SortStableFunc(placed, func(a, b mark) int { return cmp.Compare(a.column, b.column) })
	last := map[sign]int{}
	for _, m := range placed {
		r, i := t.letterOf(m.sign, m.object), m.column
		if r == 0 || st.cells[i].sign != m.sign || i+1 > st.last || st.marked[i+1] {
			continue
		}
		if object, ok := last[m.sign]; ok && object == m.object {
			continue
		}
		last[m.sign] = m.object
		st.cells[i+1], st.marked[i+1] = cell{r, signText}, true
		t.lettered[m.object] = true
	}
}

// A run is a row of cells that show the same span.
type run struct{ from, length int }

// label writes into the longest run of each span what it is about, if there is
// room. A cell on each side stays as it is, to tell the state.
func (t *text) label(st *strip) {
	longest := map[int]run{}
	for i := st.first; i <= st.last; {
		r, owner := run{i, 1}, st.owner[i]
		if st.marked[i] && !opens(st.cells[i].sign) {
			r = run{i + 1, 0}
		}
		for i++; i <= st.last && st.owner[i] == owner && !st.marked[i]; i++ {
			r.length++
		}
		if owner >= 0 && r.length > longest[owner].length {
			longest[owner] = r
		}
	}
	for owner, r := range longest {
		for _, s := range t.words(&st.spans[owner]) {
			if w := cellsOf(s); len(w)+2 <= r.length {
				copy(st.cells[r.from+1:], w)
				t.noteLetter(&st.spans[owner], s)
				break
			}
		}
	}
}

// opens tells whether a mark is the beginning of the span behind it.
func opens(s sign) bool { return s == signTask || s == signArrival || s == signHolding }
