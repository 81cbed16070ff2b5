package box

import (
	"regexp"
	"strings"
)

// A partKind says how the lines of a part of a page may be broken.
type partKind int

const (
	prose partKind = iota // between words
	table                 // by columns
	code                  // not at all
)

// A part of a page is all of one kind.
type part struct {
	kind partKind
	text string
}

// partsOf cuts a page at its fences and around its tables.
func partsOf(markdown string) []part {
	var parts []part
	kind, inFence := prose, false
	for line := range strings.Lines(markdown) {
		fence := strings.HasPrefix(line, "```")
		next := prose
		switch {
		case fence || inFence:
			next = code
		case strings.HasPrefix(line, "|"):
			next = table
		}
		opens := fence && !inFence
		if fence {
			inFence = !inFence
		}
		if len(parts) == 0 || next != kind || opens {
			parts = append(parts, part{kind: next})
			kind = next
		}
		parts[len(parts)-1].text += line
	}
	return parts
}

// picture is a line with a picture, which a terminal can't show.
var picture = regexp.MustCompile(`(?m)^!\[[^\]\n]*\]\([^)\s]+\)\n+`)

// link is a Markdown link.
var link = regexp.MustCompile(`\[([^\]\n]+)\]\(([^)\s]+)\)`)

// plainLinks replaces links to other pages, of no use in a terminal, by their
// text, which is the name of a topic, and leaves pictures out. Code stays as it is.
func plainLinks(markdown string) string {
	var out strings.Builder
	for _, p := range partsOf(markdown) {
		if p.kind != code {
			p.text = link.ReplaceAllStringFunc(picture.ReplaceAllString(p.text, ""), plainLink)
		}
		out.WriteString(p.text)
	}
	return out.String()
}

// plainLink is the text of a link to another page; other links stay.
func plainLink(markdown string) string {
	found := link.FindStringSubmatch(markdown)
	if strings.Contains(found[2], "://") {
		return markdown
	}
	return found[1]
}
