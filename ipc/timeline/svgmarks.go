package timeline

import (
	"cmp"
	"math"
)

// meetingLines draws a line through the parties of a barrier where they pass it.
func (g *svg) meetingLines() {
	last := math.Inf(-1)
	for _, m := range g.meetings {
		first, behind := g.shown, -1
		for _, p := range m.members {
			if i := g.of[p]; i < g.shown {
				first, behind = min(first, i), max(behind, i)
			}
		}
		if behind < 0 {
			continue
		}
		x, from, to := g.x(m.at), g.top(first)-6, g.top(behind)+svgBar+6
		g.add(`<path d="M%s %sV%s" stroke="#00695c" stroke-width="3"/>`, num(x), num(from), num(to))
		g.used[signMeeting] = true
		for _, p := range m.members {
			if i := g.of[p]; i < g.shown {
				g.add(`<path d="M%s %sl5 5l-5 5l-5 -5z" fill="#00695c"/>`, num(x), num(g.top(i)+svgBar/2-5))
			}
		}
		if s := g.object(m.object); x-last > letters(s)+14 {
			g.haloed(x-letters(s)/2, from-2, "#00695c", "#fdfdfb", s)
			last = x
		}
	}
}

// A spot is where the marks of some points fall together.
type spot struct {
	sign sign
	x    int
}

// dots draws the points of a lane.
func (g *svg) dots(i int) {
	n := &g.lanes[i]
	done := map[spot]bool{}
	for _, p := range n.points {
		x, s := g.x(p.At), signOf(p.Kind)
		if at := (spot{s, int(x / 3)}); done[at] {
			continue
		} else {
			done[at] = true
		}
		g.dot(s, x, g.top(i)+svgBar/2)
		g.used[s] = true
	}
	for _, sp := range n.spans {
		at, failed := sp.failure()
		if s := (spot{signFailed, int(g.x(at) / 3)}); failed && !done[s] {
			done[s] = true
			g.dot(signFailed, g.x(at), g.top(i)+svgBar/2)
			g.used[signFailed] = true
		}
	}
}

func (g *svg) dot(s sign, x, y float64) {
	switch s {
	case signSend:
		g.add(`<circle cx="%s" cy="%s" r="3.4" fill="#1d4e89"/>`, num(x), num(y))
	case signRecv:
		g.add(`<circle cx="%s" cy="%s" r="3.2" fill="#ffffff" stroke="#1d4e89" stroke-width="1.6"/>`, num(x), num(y))
	case signSet, signNotify:
		fill := map[sign]string{signSet: "#00695c", signNotify: "#ffffff"}[s]
		g.add(`<path d="M%s %sl5 5l-5 5l-5 -5z" fill="%s" stroke="#00695c" stroke-width="1.5"/>`, num(x), num(y-5), fill)
	case signSignal:
		g.add(`<circle cx="%s" cy="%s" r="3.4" fill="#b3261e"/>`, num(x), num(y))
	case signFailed:
		g.add(`<path d="M%s %sl8 8m0 -8l-8 8" stroke="#b3261e" stroke-width="2"/>`, num(x-4), num(y-4))
	}
}

// dashes tell the objects apart that messages go through.
var dashes = []string{"", "6 3", "2 3", "8 3 2 3"}

// arrows draws the links, or some of them if they are many.
func (g *svg) arrows() {
	messages := 0
	for _, l := range g.links {
		if g.drawn(l) && l.kind == Send {
			messages++
		}
	}
	g.every = max((messages+svgArrows-1)/svgArrows, 1)
	i, labelled := 0, map[int]float64{}
	for _, l := range g.links {
		if !g.drawn(l) {
			continue
		}
		if l.kind == Send {
			if i++; (i-1)%g.every != 0 {
				continue
			}
			g.linked[l.object] = true
		}
		g.arrow(l, labelled)
	}
}

func (g *svg) drawn(l link) bool {
	a, b := g.of[l.from.process], g.of[l.to.process]
	return a != b && max(a, b) < g.shown
}

// arrow draws a link, with a label if there is none of its kind near.
func (g *svg) arrow(l link, labelled map[int]float64) {
	a, b := g.of[l.from.process], g.of[l.to.process]
	x1, y1, x2, y2 := g.x(l.from.at), g.top(a)+svgBar/2, g.x(l.to.at), g.top(b)+svgBar/2
	d := math.Hypot(x2-x1, y2-y1)
	short := 4 / d // not into the circle at the end
	x2, y2 = x2-(x2-x1)*short, y2-(y2-y1)*short
	color, marker, dash, label := "#1d4e89", "message", dashes[max(l.object, 0)%len(dashes)], ""
	if l.kind == Signal {
		color, marker, dash, label = "#b3261e", "signal", "", signalName(l.signal)
		// Its arrow ends at the edge of the lane: nobody logs when it arrives.
		y2 = g.top(b)
		if b < a {
			y2 += svgBar
		}
	}
	g.add(`<path d="M%s %sL%s %s" stroke="%s" stroke-width="1.2" stroke-dasharray="%s" marker-end="url(#%s)"/>`,
		num(x1), num(y1), num(x2), num(y2), color, cmp.Or(dash, "none"), marker)
	if label == "" {
		return
	}
	y := g.top(a) + svgBar + 13
	if b < a {
		y = g.top(a) - 5
	}
	if last, ok := labelled[a]; !ok || x1-last > letters(label) {
		labelled[a] = x1
		g.text(x1-5, y, "end", color, label)
	}
}
