package timeline

import (
	"strconv"
	"strings"
	"time"
)

// giveLetters gives letters to the objects if there are several that one sign
// could be about.
func (t *text) giveLetters() {
	several := map[int]bool{}
	for _, s := range []sign{signSend, signSet, signNotify, signHolding, signArrival} {
		if objects := t.about(s); len(objects) > 1 {
			for _, o := range objects {
				several[o] = true
			}
		}
	}
	t.letters = make([]rune, len(t.log.Objects))
	next := 'A'
	for i := range t.letters {
		if several[i] && next <= 'Z' {
			t.letters[i] = next
			next++
		}
	}
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
