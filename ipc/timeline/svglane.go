package timeline

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// A box is a span in pixels, or several that are too close to be told apart.
type box struct {
	from, to float64
	span     *span   // nil for several
	covered  float64 // how many of its pixels they take
}

// opacity tells how much of the time of a box its spans take.
func (b box) opacity() string {
	return num(min(max(b.covered/(b.to-b.from), 0.2), 1))
}

// boxes are the spans of a kind. What is narrower than a pixel becomes one wide.
func (g *svg) boxes(n *lane, k Kind) []box {
	var all []box
	for i := range n.spans {
		sp := &n.spans[i]
		if sp.Kind != k {
			continue
		}
		b := box{g.x(sp.from), g.x(sp.to), sp, g.x(sp.to) - g.x(sp.from)}
		narrow := b.covered < 1.5
		b.to = max(b.to, b.from+1.5)
		if last := len(all) - 1; narrow && last >= 0 && b.from < all[last].to+0.5 {
			all[last].to, all[last].span = max(all[last].to, b.to), nil
			all[last].covered += b.covered
			continue
		}
		if narrow { // alone, it is to be seen
			b.covered = 1.5
		}
		all = append(all, b)
	}
	return all
}

// lane draws the states of a process.
func (g *svg) lane(i int) {
	n := &g.lanes[i]
	top := g.top(i)
	g.text(svgMargin, top+svgBar-6, "start", "#1f1f1f", shorten(g.laneName(n), 26))
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
		g.box(b, top, svgBar, "#fdfdfb", "none")
	}
	for _, b := range g.boxes(n, Task) {
		g.box(b, top, svgBar, "#b8e0b4", "#4b8a46")
		g.used[signTask] = true
	}
	for _, b := range g.boxes(n, Hold) {
		g.box(b, top, svgBar, "#f0a35e", "#a8560f")
		g.used[signHolding] = true
	}
	for _, b := range waits {
		g.box(b, top+4, svgBar-8, "url(#waiting)", "#b08d1e")
		g.used[signWaiting] = true
	}
}

// box draws a box, the paler the less of its time it stands for.
func (g *svg) box(b box, top, height float64, fill, stroke string) {
	if b.span != nil {
		g.rect(b.from, b.to, top, height, fill, stroke)
		return
	}
	g.add(`<rect x="%s" y="%s" width="%s" height="%s" fill="%s" fill-opacity="%s"/>`,
		num(b.from), num(top), num(b.to-b.from), num(height), fill, b.opacity())
}

func (g *svg) rect(from, to, top, height float64, fill, stroke string) {
	g.add(`<rect x="%s" y="%s" width="%s" height="%s" fill="%s" stroke="%s" stroke-width="0.7"/>`,
		num(from), num(top), num(max(to-from, 0.8)), num(height), fill, stroke)
}

// labels writes into the boxes what they are about, if there is room.
func (g *svg) labels(n *lane, top float64) {
	grounds := map[Kind]string{Task: "#b8e0b4", Hold: "#f0a35e", Wait: "#fff6da"}
	for _, k := range []Kind{Task, Hold, Wait} {
		for _, b := range g.boxes(n, k) {
			x, s, ok := g.labelOf(n, b)
			if !ok {
				continue
			}
			if k == Wait { // on a plain ground, as the dots would disturb
				g.rect(x-2, x+letters(s)+2, top+5, svgBar-10, grounds[k], "none")
			}
			g.haloed(x, top+svgBar-6, "#1f1f1f", grounds[k], s)
		}
	}
}

// letters is how wide a text is.
func letters(s string) float64 { return float64(len(cellsOf(s))) * svgLetter }

// labelOf is the most telling text that fits into a box, and where it begins:
// beside the marks of messages, or if there is no such place, at the beginning.
func (g *svg) labelOf(n *lane, b box) (x float64, s string, ok bool) {
	if b.span == nil {
		return 0, "", false
	}
	to := b.from + g.free(n, b)
	edges := []float64{b.from}
	i, _ := slices.BinarySearchFunc(n.points, b.span.from, func(p point, t time.Duration) int { return cmp.Compare(p.At, t) })
	for ; i < len(n.points) && g.x(n.points[i].At) < to; i++ {
		edges = append(edges, g.x(n.points[i].At))
	}
	edges = append(edges, to)
	for _, s := range g.words(b.span) {
		for i := range edges[1:] {
			if edges[i+1]-edges[i] >= letters(s)+12 {
				return edges[i] + 6, s, true
			}
		}
	}
	for _, s := range g.words(b.span) {
		if to-b.from >= letters(s)+10 {
			return b.from + 6, s, true
		}
	}
	return 0, "", false
}

// free is how much of the beginning of a box no wait covers.
func (g *svg) free(n *lane, b box) float64 {
	to := b.to
	for i := range n.spans {
		sp := &n.spans[i]
		if sp.from > b.span.to {
			break
		}
		if sp.Kind == Wait && b.span.Kind != Wait && sp.to > b.span.from {
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
	g.haloed(x+10, y+4, color, "#fdfdfb", n.ending())
}

// haloed adds a text with an edge in the colour of its ground, as lines may
// cross it.
func (g *svg) haloed(x, y float64, color, ground, s string) {
	g.add(`<text x="%s" y="%s" fill="%s" stroke="%s" stroke-width="3" stroke-linejoin="round" paint-order="stroke" xml:space="preserve">%s</text>`,
		num(x), num(y), color, ground, escape(s))
}
