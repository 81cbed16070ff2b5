package timeline

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The sizes of an SVG, in pixels.
const (
	svgWidth  = 1000
	svgMargin = 14
	svgPitch  = 40 // from lane to lane
	svgBar    = 20 // height of a lane
	svgLetter = 7.3
	svgLanes  = 48  // how many are drawn
	svgArrows = 200 // about how many are drawn
)

// WriteSVG draws the log as a still picture, without scripts and without
// anything from elsewhere. It has a background of its own. The same log gives the
// same picture.
func (l *Log) WriteSVG(w io.Writer) error {
	g := &svg{scene: newScene(l)}
	_, err := io.WriteString(w, g.draw())
	return err
}

// svg is a picture of a scene in SVG.
type svg struct {
	*scene
	b           strings.Builder
	shown       int     // how many lanes
	left, right float64 // of the chart
	y           float64 // the top of the first lane
	used        [signs]bool
	linked      map[int]bool // the objects that arrows are about
	every       int          // one of so many messages has an arrow
}

func (g *svg) draw() string {
	g.shown = min(len(g.lanes), svgLanes)
	g.linked = map[int]bool{}
	names, ends := 4, 6
	for i := range g.lanes[:g.shown] {
		n := &g.lanes[i]
		names = max(names, len([]rune(g.laneName(n))))
		ends = max(ends, len(n.ending()))
	}
	g.left = svgMargin + min(float64(names), 26)*svgLetter + 10
	g.right = svgWidth - svgMargin - float64(ends+2)*svgLetter
	g.y = 50
	bottom := g.y + float64(g.shown)*svgPitch
	g.axis(bottom)
	for i := range g.lanes[:g.shown] {
		g.lane(i)
	}
	g.arrows()
	g.meetingLines()
	for i := range g.lanes[:g.shown] {
		g.labels(&g.lanes[i], g.top(i))
		g.dots(i)
		g.ending(&g.lanes[i], g.top(i))
	}
	height := g.legend(bottom + 4)
	return g.frame(height)
}

// frame is the whole file, with the background and the definitions.
func (g *svg) frame(height float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %s" width="%d" height="%s" role="img" aria-labelledby="title desc" font-family="'DejaVu Sans Mono', Menlo, Consolas, 'Courier New', monospace" font-size="12">`+"\n",
		svgWidth, num(height), svgWidth, num(height))
	fmt.Fprintf(&b, `<title id="title">%s</title>`+"\n", escape(g.title()))
	fmt.Fprintf(&b, `<desc id="desc">%s</desc>`+"\n", escape(g.description()))
	b.WriteString(svgDefs)
	fmt.Fprintf(&b, `<rect x="1" y="1" width="%d" height="%s" rx="8" fill="#fdfdfb" stroke="#8a8a8a"/>`+"\n", svgWidth-2, num(height-2))
	b.WriteString(g.b.String())
	b.WriteString("</svg>\n")
	return b.String()
}

const svgDefs = `<defs>
<pattern id="starting" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#ffffff"/><rect width="2" height="6" fill="#8f98a3"/></pattern>
<pattern id="waiting" width="5" height="5" patternUnits="userSpaceOnUse"><rect width="5" height="5" fill="#fff6da"/><rect x="1" y="1" width="1.6" height="1.6" fill="#c9a227"/></pattern>
<marker id="message" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5 8 4 0 7.5z" fill="#1d4e89"/></marker>
<marker id="signal" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5 8 4 0 7.5z" fill="#b3261e"/></marker>
</defs>
`

// title says in one line what the picture shows.
func (g *svg) title() string {
	return "Timeline of " + many(len(g.log.Processes), "process", "processes") + " in " + short(g.end)
}

// description tells the picture to who can't see it.
func (g *svg) description() string {
	var b strings.Builder
	for i := range g.lanes[:min(g.shown, 20)] {
		n := &g.lanes[i]
		fmt.Fprintf(&b, "%s: starts at %s, ", g.name(n.process), short(n.start))
		switch {
		case !n.ended:
			b.WriteString("was not seen to end. ")
		default:
			fmt.Fprintf(&b, "ends at %s, %s. ", short(n.end), n.ending())
		}
	}
	for _, m := range g.meetings[:min(len(g.meetings), 10)] {
		var names []string
		for _, p := range m.members[:min(len(m.members), 10)] {
			names = append(names, g.name(p))
		}
		fmt.Fprintf(&b, "At %s these pass %s, in the order in which they came to it: %s. ", short(m.at), g.object(m.object), strings.Join(names, ", "))
	}
	return strings.TrimSpace(b.String() + strings.Join(g.log.missing(), " "))
}

// laneName is the name in front of a lane.
func (g *svg) laneName(n *lane) string {
	name := g.name(n.process)
	if n.Daemon {
		name += " (daemon)"
	}
	return strings.Repeat(" ", min(n.depth, 6)) + name
}

// x is where a time is.
func (g *svg) x(at time.Duration) float64 {
	return g.left + (g.right-g.left)*float64(at)/float64(g.end)
}

// top is the upper edge of a lane.
func (g *svg) top(lane int) float64 { return g.y + float64(lane)*svgPitch + (svgPitch-svgBar)/2 }

// axis draws the times and a line down from each.
func (g *svg) axis(bottom float64) {
	count := 10
	at := ticks(g.end, count)
	for ; count > 1; count-- {
		if at = ticks(g.end, count); len(at) < 2 || g.x(at[1])-g.left > float64(len(timeText(at[1]))+3)*svgLetter {
			break
		}
	}
	for _, t := range at {
		x := g.x(t)
		g.add(`<path d="M%s 36V%s" stroke="#d9d9d4"/>`, num(x), num(bottom))
		g.text(x, 30, "middle", "#4a4a4a", timeText(t))
	}
	g.add(`<path d="M%s 36H%s" stroke="#4a4a4a"/>`, num(g.left), num(g.right))
}

// add adds a line to the picture.
func (g *svg) add(format string, args ...any) {
	fmt.Fprintf(&g.b, format+"\n", args...)
}

// text adds a text, whose anchor is start, middle or end.
func (g *svg) text(x, y float64, anchor, color, s string) {
	g.add(`<text x="%s" y="%s" text-anchor="%s" fill="%s" xml:space="preserve">%s</text>`, num(x), num(y), anchor, color, escape(s))
}

// num is a length with one decimal place at most.
func num(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}

// escape is s as XML has it.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}

// shorten is s in at most n letters.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:max(n-1, 0)]) + "…"
	}
	return s
}

// short is d with three digits.
func short(d time.Duration) string {
	for unit := time.Duration(1); unit < d/100; unit *= 10 {
		if d < 1000*unit {
			return timeText(d.Round(unit))
		}
	}
	return timeText(d)
}
