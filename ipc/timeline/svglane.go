package timeline

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
)

// A box is a span in pixels, or several that are too close to be told apart.
type box struct {
	from, to float64
	span     *span // nil for several
}

// boxes are the spans of a kind. What is narrower than a pixel becomes one wide.
func (g *svg) boxes(n *lane, k Kind) []box {
	var all []box
	for i := range n.spans {
		sp := &n.spans[i]
		if sp.Kind != k {
			continue
		}
		b := box{g.x(sp.from), g.x(sp.to), sp}
		narrow := b.to-b.from < 1.5
		b.to = max(b.to, b.from+1.5)
		if last := len(all) - 1; narrow && last >= 0 && b.from < all[last].to+0.5 {
			all[last].to, all[last].span = max(all[last].to, b.to), nil
			continue
		}
		all = append(all, b)
	}
	return all
}

// lane draws the states of a process.
func (g *svg) lane(i int) {
	n := &g.lanes[i]
	top := g.top(i)
	g.text(g.left-8, top+svgBar-6, "end", "#1f1f1f", shorten(g.laneName(n), 26))
	if n.ready > n.start {
		g.rect(g.x(n.start), g.x(n.ready), top, svgBar, "url(#starting)", "#8f98a3")
		g.used[signStarting] = true
	}
	if n.began {
		g.rect(g.x(n.ready), g.x(n.end), top, svgBar, "#a9cdf0", "#5b8fc2")
		g.used[signRunning] = true
	}
	waits := g.boxes(n, Wait)
	for _, b := range waits {
		g.rect(b.from, b.to, top, svgBar, "#fdfdfb", "none")
	}
	for _, b := range g.boxes(n, Task) {
		g.rect(b.from, b.to, top, svgBar, "#b8e0b4", "#4b8a46")
		g.used[signTask] = true
	}
	for _, b := range g.boxes(n, Hold) {
		g.rect(b.from, b.to, top, svgBar, "#f0a35e", "#a8560f")
		g.used[signHolding] = true
	}
	for _, b := range waits {
		g.rect(b.from, b.to, top+4, svgBar-8, "url(#waiting)", "#b08d1e")
		g.used[signWaiting] = true
	}
	g.labels(n, top)
	g.ending(n, top)
}

func (g *svg) rect(from, to, top, height float64, fill, stroke string) {
	g.add(`<rect x="%s" y="%s" width="%s" height="%s" fill="%s" stroke="%s" stroke-width="0.7"/>`,
		num(from), num(top), num(max(to-from, 0.8)), num(height), fill, stroke)
}

// labels writes into the boxes what they are about, if there is room.
func (g *svg) labels(n *lane, top float64) {
	for _, k := range []Kind{Task, Hold, Wait} {
		for _, b := range g.boxes(n, k) {
			if b.span == nil {
				continue
			}
			for _, s := range g.words(b.span) {
				width := float64(len(cellsOf(s))) * svgLetter
				if width+6 > g.free(n, b) {
					continue
				}
				x := b.from + 4
				if k == Wait { // on a ground of its own, as the dots would disturb
					g.add(`<rect x="%s" y="%s" width="%s" height="%d" fill="#fff6da"/>`, num(x-1), num(top+4.5), num(width+2), svgBar-9)
				}
				g.text(x, top+svgBar-6, "start", "#1f1f1f", s)
				break
			}
		}
	}
}

// free is how much of the beginning of a box no wait covers.
func (g *svg) free(n *lane, b box) float64 {
	to := b.to
	for i := range n.spans {
		sp := &n.spans[i]
		if sp.from > b.span.to {
			break
		}
		if sp.Kind == Wait && b.span.Kind != Wait && sp.to >= b.span.from {
			to = min(to, max(g.x(sp.from), b.from))
		}
	}
	return to - b.from
}

// words are what can be written into a box, the most telling first.
func (g *svg) words(sp *span) []string {
	switch sp.Kind {
	case Task:
		return []string{"task " + strconv.Itoa(sp.Task), strconv.Itoa(sp.Task)}
	case Hold:
		return []string{g.object(sp.Object)}
	}
	return []string{"waits for " + g.reason(sp.Event), g.reason(sp.Event), g.thing(sp.Event)}
}

// ending draws the end of a lane, and says how it was.
func (g *svg) ending(n *lane, top float64) {
	x, y := g.x(n.end), top+svgBar/2
	color := "#1f1f1f"
	switch {
	case n.killed():
		color = "#b3261e"
		g.add(`<path d="M%s %sl12 20m0 -20l-12 20" stroke="%s" stroke-width="2.5"/>`, num(x-6), num(top), color)
		g.used[signKilled] = true
	case !n.ended:
		g.add(`<path d="M%s %sl6 10l-6 10" stroke="%s" fill="none" stroke-width="1.5"/>`, num(x), num(top), color)
	default:
		g.add(`<path d="M%s %sv%d" stroke="%s" stroke-width="2"/>`, num(x), num(top-2), svgBar+4, color)
	}
	g.text(x+10, y+4, "start", color, n.ending())
}

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
		label := g.object(m.object)
		if x-last > float64(len(label)+2)*svgLetter {
			g.text(x, from-2, "middle", "#00695c", label)
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
		at, failed := sp.to, sp.Failed && !sp.open
		if sp.Kind == Hold {
			at = sp.from
		}
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
			g.letters[l.object] = true
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
	if last, ok := labelled[a]; !ok || x1-last > float64(len(label))*svgLetter {
		labelled[a] = x1
		g.text(x1-5, y, "end", color, label)
	}
}

// legend explains the signs, and says what is missing. It returns the height
// of the whole picture.
func (g *svg) legend(y float64) float64 {
	x := float64(svgMargin)
	y += 16
	item := func(width float64, text string, draw func(x, y float64)) {
		need := width + float64(len(cellsOf(text)))*svgLetter + 26
		if x+need > svgWidth && x > svgMargin {
			x, y = svgMargin, y+22
		}
		draw(x, y-10)
		g.text(x+width+6, y+1, "start", "#1f1f1f", shorten(text, 100))
		x += need
	}
	if more := len(g.lanes) - g.shown; more > 0 {
		g.text(x, y, "start", "#1f1f1f", many(more, "more process is", "more processes are")+" not drawn.")
		y += 22
	}
	for s := signStarting; s < signText; s++ {
		if g.used[s] {
			item(20, signMeanings[s], func(x, y float64) { g.sample(s, x, y) })
		}
	}
	for i := range g.log.Objects {
		if g.letters[i] {
			item(32, "through "+g.object(i), func(x, y float64) {
				g.add(`<path d="M%s %sh28" stroke="#1d4e89" stroke-width="1.2" stroke-dasharray="%s" marker-end="url(#message)"/>`,
					num(x), num(y+6), cmp.Or(dashes[i%len(dashes)], "none"))
			})
		}
	}
	notes := g.log.missing()
	if g.every > 1 {
		notes = append(notes, "Of the messages, one of "+strconv.Itoa(g.every)+" has an arrow.")
	}
	if len(g.log.Processes) == 0 {
		notes = append(notes, "The log is empty.")
	}
	for _, s := range notes {
		y += 22
		g.text(svgMargin, y, "start", "#1f1f1f", s)
	}
	return y + svgMargin
}

// sample draws a sign for the legend, 20 pixels wide.
func (g *svg) sample(s sign, x, y float64) {
	switch s {
	case signStarting:
		g.rect(x, x+20, y, 12, "url(#starting)", "#8f98a3")
	case signRunning:
		g.rect(x, x+20, y, 12, "#a9cdf0", "#5b8fc2")
	case signWaiting:
		g.rect(x, x+20, y, 12, "url(#waiting)", "#b08d1e")
	case signHolding:
		g.rect(x, x+20, y, 12, "#f0a35e", "#a8560f")
	case signTask:
		g.rect(x, x+20, y, 12, "#b8e0b4", "#4b8a46")
	case signMeeting:
		g.add(`<path d="M%s %sv16" stroke="#00695c" stroke-width="3"/>`, num(x+10), num(y-2))
	case signKilled:
		g.add(`<path d="M%s %sl10 12m0 -12l-10 12" stroke="#b3261e" stroke-width="2.5"/>`, num(x+5), num(y))
	default:
		g.dot(s, x+10, y+6)
	}
}

var _ = []any{strings.Repeat, time.Second}
