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
	cells  []cell
	first  int         // the cells of its life
	last   int         //
	owner  []int       // the span that a cell shows, -1 for none
	marked []bool      // the cell has a mark
	column map[int]int // where an event has its mark
	ending string      // what stands behind the last cell
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
	st := &strip{lane: n, cells: make([]cell, t.columns), owner: make([]int, t.columns),
		marked: make([]bool, t.columns), column: map[int]int{}}
	st.first, st.last = t.columnOf(n.start), t.columnOf(n.end)
	for i := range st.owner {
		st.owner[i] = -1
		st.cells[i] = cell{' ', signNone}
	}
	all := t.fill(st)
	states := slices.Clone(st.cells)
	t.place(st, t.marks(st, all))
	st.thin(states)
	t.label(st)
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
	return all
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
	for _, m := range t.meetings {
		if slices.Contains(m.members, st.process) {
			add(signMeeting, m.at, -1, -1, -1)
		}
	}
	shown := make([]int, len(st.spans))
	for _, owner := range st.owner {
		if owner >= 0 {
			shown[owner]++
		}
	}
	sparse := len(st.spans) <= t.columns
	for j, sp := range st.spans {
		switch {
		case sp.Failed && !sp.open && sp.Kind == Hold:
			add(signFailed, sp.from, -1, -1, -1)
		case sp.Failed && !sp.open:
			add(signFailed, sp.to, -1, -1, -1)
		}
		short := t.columnOf(sp.from) == t.columnOf(sp.to)
		switch {
		case sp.Kind == Wait && sp.For == ForParties:
			if !short {
				add(signArrival, sp.from, -1, sp.Object, -1)
			}
		case sp.Kind == Wait && shown[j] == 0 && sparse:
			add(signWaiting, sp.from, -1, -1, j)
		case sp.Kind == Hold && shown[j] <= 2 && all[t.columnOf(sp.from)].holds < 3:
			add(signHolding, sp.from, -1, sp.Object, j)
		case sp.Kind == Task:
			add(signTask, sp.from, -1, -1, j)
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
// moves aside by a cell or two if that leaves all of them in their order.
func (t *text) place(st *strip, marks []mark) {
	p := placing{t, st, make([]sign, t.columns), make([]time.Duration, t.columns), map[sign]int{}}
	for _, m := range marks {
		p.wanted[m.column] = max(p.wanted[m.column], rank(m.sign))
	}
	for _, m := range marks {
		i, ok := p.find(m)
		if !ok {
			continue
		}
		if !st.marked[i] {
			st.cells[i], p.at[i] = t.cell(m.sign), m.at
		}
		st.marked[i] = true
		if m.event >= 0 {
			st.column[m.event] = i
		}
		if m.span >= 0 {
			st.owner[i] = m.span
		}
		p.letter(i, m)
	}
}

// placing is the work of place.
type placing struct {
	*text
	st     *strip
	wanted []sign          // the rank of the most important mark of each column
	at     []time.Duration // the times of those that were placed
	last   map[sign]int    // the object of the last letter behind a sign
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
		if i < p.st.first || i > p.st.last {
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

// letter puts the letter of the object behind its mark, where nothing else is,
// if the last one behind such a mark was another.
func (p *placing) letter(i int, m mark) {
	r := p.letterOf(m.sign, m.object)
	if r == 0 || p.st.cells[i].sign != m.sign || i+1 > p.st.last || p.st.marked[i+1] || p.wanted[i+1] > 0 {
		return
	}
	if last, ok := p.last[m.sign]; ok && last == m.object {
		return
	}
	p.last[m.sign] = m.object
	p.st.cells[i+1] = cell{r, signText}
	p.st.marked[i+1] = true
	p.lettered[m.object] = true
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

// A run is a row of cells that show the same span.
type run struct{ from, length int }

// label writes into the longest run of each span what it is about, if there is
// room. The first cell and the last stay as they are, to tell the state.
func (t *text) label(st *strip) {
	longest := map[int]run{}
	for i := st.first; i <= st.last; {
		r, owner := run{i, 1}, st.owner[i]
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
