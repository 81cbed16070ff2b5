package timeline

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits of a sequence diagram that can still be read.
const (
	mermaidLines        = 150
	mermaidParticipants = 16
)

// WriteMermaid draws the log as a sequence diagram of Mermaid. If it would have
// more than about 150 lines, the least important ones are left out, and a note
// at the end says how many.
func (l *Log) WriteMermaid(w io.Writer) error {
	m := &mermaid{scene: newScene(l), last: map[arrival]bool{}}
	_, err := io.WriteString(w, m.draw())
	return err
}

// mermaid is a sequence diagram of a scene.
type mermaid struct {
	*scene
	steps []mermaidStep
	last  map[arrival]bool // those for whom the others have waited
}

// An arrival is when a process came to a barrier.
type arrival struct {
	process int
	at      time.Duration
}

// A mermaidStep is a line of the diagram, or two that belong together.
type mermaidStep struct {
	at    time.Duration
	level int // of importance, 0 for what can't be left out
	long  time.Duration
	lines []string
	link  *link // of messages, which are counted if they follow each other
	n     int
}

func (m *mermaid) draw() string {
	for _, g := range m.meetings {
		if n := len(g.members); n > 1 {
			m.last[arrival{g.members[n-1], g.at}] = true
		}
	}
	for i := range m.lanes {
		m.life(&m.lanes[i])
		m.did(&m.lanes[i])
	}
	m.sent()
	for _, g := range m.meetings {
		m.meeting(g)
	}
	slices.SortStableFunc(m.steps, func(a, b mermaidStep) int { return cmp.Compare(a.at, b.at) })
	m.gather()
	left := m.limit()
	lines := []string{"sequenceDiagram"}
	for i := range m.lanes {
		if m.drawn(m.lanes[i].process) {
			lines = append(lines, "participant "+m.id(m.lanes[i].process)+" as "+m.label(m.lanes[i].process))
		}
	}
	for _, s := range m.steps {
		lines = append(lines, s.lines...)
	}
	lines = append(lines, m.closing(left)...)
	return strings.Join(lines, "\n    ") + "\n"
}

// closing are the notes that say what the diagram doesn't show.
func (m *mermaid) closing(left int) []string {
	if len(m.lanes) == 0 {
		return []string{"participant P0 as nobody", "Note over P0: The log is empty."}
	}
	notes := m.log.missing()
	if n := len(m.lanes) - mermaidParticipants; n > 0 {
		notes = append(notes, "Left out: "+many(n, "process", "processes")+".")
	}
	if left > 0 {
		notes = append(notes, "Left out: "+many(left, "step", "steps")+" of less importance.")
	}
	for i, s := range notes {
		notes[i] = m.note(m.lanes[0].process, -1, s)
	}
	return notes
}

func (m *mermaid) id(process int) string { return "P" + strconv.Itoa(process) }

// drawn tells whether the process is one of those in the diagram.
func (m *mermaid) drawn(process int) bool { return m.of[process] < mermaidParticipants }

func (m *mermaid) label(process int) string {
	s := m.name(process)
	if m.log.Processes[process].Daemon {
		s += " (daemon)"
	}
	return mermaidText(s)
}

// note is a note over one participant, or over two and all between them.
func (m *mermaid) note(a, b int, s string) string {
	over := m.id(a)
	if b >= 0 && a != b {
		over += "," + m.id(b)
	}
	return "Note over " + over + ": " + mermaidText(s)
}

func (m *mermaid) arrow(a, b int, arrow, s string) string {
	return m.id(a) + arrow + m.id(b) + ": " + mermaidText(s)
}

func (m *mermaid) add(at time.Duration, level int, long time.Duration, lines ...string) {
	m.steps = append(m.steps, mermaidStep{at: at, level: level, long: long, lines: lines})
}

// life adds the start of a process and its end.
func (m *mermaid) life(n *lane) {
	if !m.drawn(n.process) {
		return
	}
	parent := n.Parent
	hasParent := parent >= 0 && parent < n.process && m.drawn(parent)
	if hasParent {
		m.add(n.start, 0, 0, m.arrow(parent, n.process, "->>+", "starts"))
	} else {
		m.add(n.start, 0, 0, "activate "+m.id(n.process))
	}
	if !n.began {
		m.add(n.end, 0, 0, m.note(n.process, -1, "never began its target"))
	}
	switch {
	case !n.ended:
		m.add(n.end, 0, 0, m.note(n.process, -1, "was not seen to end"))
	case !hasParent:
		m.add(n.end, 0, 0, m.note(n.process, -1, n.ending()), "deactivate "+m.id(n.process))
	case n.killed():
		m.add(n.end, 0, 0, m.arrow(n.process, parent, "--x", "ended by "+n.ending()), "deactivate "+m.id(n.process))
	default:
		m.add(n.end, 0, 0, m.arrow(n.process, parent, "-->>-", n.ending()))
	}
}

// did adds what a process waited for, held and did.
func (m *mermaid) did(n *lane) {
	if !m.drawn(n.process) {
		return
	}
	for _, sp := range n.spans {
		level, what := 4, "waits for "+m.reason(sp.Event)
		switch {
		case sp.Kind == Hold:
			level, what = 3, "holds "+m.object(sp.Object)
		case sp.Kind == Task:
			level, what = 2, "does task "+strconv.Itoa(sp.Task)
		case sp.For == ForParties:
			level = 3
			if m.last[arrival{n.process, sp.from}] {
				what = "is the last one at " + m.object(sp.Object)
			}
		case sp.to == sp.from, sp.For == ForTask && !sp.Failed: // what a worker does all the time
			continue
		}
		switch {
		case sp.open && sp.Kind == Wait:
			level, what = 1, what+", to its end"
		case sp.Failed && sp.Kind == Hold:
			level, what = 1, what+", whose holder had died"
		case sp.Failed:
			level, what = 1, what+": an error"
		}
		m.add(sp.from, level, sp.to-sp.from, m.note(n.process, -1, what))
	}
	for _, p := range n.points {
		switch p.Kind {
		case Set:
			m.add(p.At, 2, 0, m.note(n.process, -1, "sets "+m.object(p.Object)))
		case Notify:
			m.add(p.At, 2, 0, m.note(n.process, -1, "notifies "+m.object(p.Object)))
		}
	}
}

// sent adds the messages and signals, where they were received.
func (m *mermaid) sent() {
	for i := range m.links {
		l := &m.links[i]
		if !m.drawn(l.from.process) || !m.drawn(l.to.process) {
			continue
		}
		if l.kind == Signal {
			m.add(l.from.at, 0, 0, m.arrow(l.from.process, l.to.process, "-)", signalName(l.signal)))
			continue
		}
		m.steps = append(m.steps, mermaidStep{at: l.to.at, level: 2, link: l, n: l.values})
	}
}

func (m *mermaid) meeting(g meeting) {
	first, last := -1, -1
	for _, p := range g.members {
		if !m.drawn(p) {
			continue
		}
		if first < 0 || m.of[p] < m.of[first] {
			first = p
		}
		if last < 0 || m.of[p] > m.of[last] {
			last = p
		}
	}
	if first < 0 {
		return
	}
	names := make([]string, len(g.members))
	for i, p := range g.members {
		names[i] = m.name(p)
	}
	m.add(g.at, 1, 0, m.note(first, last, strings.Join(names, ", ")+": all pass "+m.object(g.object)))
}

// gather makes one arrow of messages from one process to another that nothing
// else comes between, and one note of equal notes.
func (m *mermaid) gather() {
	var all []mermaidStep
	for _, s := range m.steps {
		if last := len(all) - 1; last >= 0 {
			switch p := &all[last]; {
			case s.link != nil && p.link != nil && sameWay(s.link, p.link):
				p.n += s.n
				continue
			case s.link == nil && p.link == nil && s.level > 1 && slices.Equal(s.lines, p.lines):
				continue
			}
		}
		all = append(all, s)
	}
	for i, s := range all {
		if s.link != nil {
			text := m.object(s.link.object)
			if s.n > 1 {
				text = fmt.Sprintf("%s (%d values)", text, s.n)
			}
			all[i].lines = []string{m.arrow(s.link.from.process, s.link.to.process, "->>", text)}
		}
	}
	m.steps = all
}

func sameWay(a, b *link) bool {
	return a.object == b.object && a.from.process == b.from.process && a.to.process == b.to.process
}

// limit leaves out the least important steps, of these the shortest, and of
// these the last ones. It returns how many.
func (m *mermaid) limit() (left int) {
	room := mermaidLines - 1 - min(len(m.lanes), mermaidParticipants) - 4
	order := make([]int, len(m.steps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := m.steps[a], m.steps[b]
		return cmp.Or(cmp.Compare(x.level, y.level), cmp.Compare(y.long, x.long))
	})
	keep := make([]bool, len(m.steps))
	for _, i := range order {
		s := m.steps[i]
		if room -= len(s.lines); s.level == 0 || room >= 0 {
			keep[i] = true
		}
	}
	var kept []mermaidStep
	for i, s := range m.steps {
		if keep[i] {
			kept = append(kept, s)
		}
	}
	left = len(m.steps) - len(kept)
	m.steps = kept
	return left
}

var mermaidEntities = strings.NewReplacer("#", "#35;", ";", "#59;", "<", "#lt;", ">", "#gt;", `"`, "#quot;",
	"&", "#amp;", "%", "#37;", "$", "#36;", "`", "#96;", "\\", "#92;", "{", "#123;", "}", "#125;")

// mermaidText is s as a text of a diagram, shortened, with all that means
// something to Mermaid as entities.
func mermaidText(s string) string {
	s = strings.TrimSpace(shorten(printable(s), 80))
	if strings.EqualFold(s, "end") { // a keyword, whatever is around it
		return "#" + strconv.Itoa(int(s[0])) + ";" + s[1:]
	}
	return mermaidEntities.Replace(s)
}
