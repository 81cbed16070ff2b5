package timeline

import (
	"cmp"
	"strconv"
)

// legend explains the signs, and says what is missing. It returns the height
// of the whole picture.
func (g *svg) legend(y float64) float64 {
	x := float64(svgMargin)
	y += 16
	item := func(width float64, text string, draw func(x, y float64)) {
		text = shorten(text, 100)
		need := width + letters(text) + 26
		if x+need > svgWidth && x > svgMargin {
			x, y = svgMargin, y+22
		}
		draw(x, y-10)
		g.text(x+width+6, y+1, "start", "#1f1f1f", text)
		x += need
	}
	for s := signStarting; s < signText; s++ {
		if g.used[s] {
			item(20, g.meaning(s), func(x, y float64) { g.sample(s, x, y) })
		}
	}
	for i := range g.log.Objects {
		if g.linked[i] && len(g.linked) > 1 {
			item(32, "through "+g.object(i), func(x, y float64) {
				g.add(`<path d="M%s %sh28" stroke="#1d4e89" stroke-width="1.2" stroke-dasharray="%s" marker-end="url(#message)"/>`,
					num(x), num(y+6), cmp.Or(dashes[i%len(dashes)], "none"))
			})
		}
	}
	for _, s := range g.notes() {
		y += 22
		g.text(svgMargin, y, "start", "#1f1f1f", s)
	}
	return y + svgMargin
}

// notes say what isn't in the picture.
func (g *svg) notes() []string {
	var notes []string
	if more := len(g.lanes) - g.shown; more > 0 {
		notes = append(notes, many(more, "more process is", "more processes are")+" not drawn.")
	}
	if g.every > 1 {
		notes = append(notes, "Of the messages, one of "+strconv.Itoa(g.every)+" has an arrow.")
	}
	if len(g.lanes) == 0 {
		notes = append(notes, "The log is empty.")
	}
	return append(notes, g.log.missing()...)
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
