package box

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	escape = regexp.MustCompile("\x1b\\[[0-9;]*m")
	item   = regexp.MustCompile(`^ *(- |• |[0-9]+\. )`)
	quote  = regexp.MustCompile(`^ *[|│] `)
)

// wrap breaks a text between words into lines of at most columns characters,
// each ended by a newline. Escape sequences take no room.
func wrap(text string, columns int) string {
	return wrapAfter(strings.Fields(text), "", "", columns)
}

// wrapAfter does so with words, the first line beginning with first and all
// others with next.
func wrapAfter(words []string, first, next string, columns int) string {
	var out strings.Builder
	out.WriteString(first)
	used, fresh := visible(first), true
	for _, word := range words {
		length := visible(word)
		switch {
		case fresh:
		case used+1+length > columns:
			out.WriteString("\n" + next)
			used = visible(next)
		default:
			out.WriteByte(' ')
			used++
		}
		out.WriteString(word)
		used += length
		fresh = fresh && length == 0
	}
	return out.String() + "\n"
}

// wrapProse wraps each line of what glamour has laid out on long lines, below
// the text of a list item or behind the bar of a quotation.
func wrapProse(text string, columns int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		bare := escape.ReplaceAllString(line, "")
		words := strings.Fields(line)
		indent := strings.Repeat(" ", len(bare)-len(strings.TrimLeft(bare, " ")))
		next := indent
		if strings.TrimSpace(bare) == "" {
			words, indent, next = nil, "", ""
		} else if mark := item.FindString(bare); mark != "" {
			next = strings.Repeat(" ", utf8.RuneCountInString(mark))
		} else if mark := quote.FindString(bare); mark != "" {
			next = mark
		}
		out.WriteString(wrapAfter(words, indent, next, columns))
	}
	return out.String()
}

// visible is the room that a text takes.
func visible(text string) int {
	return utf8.RuneCountInString(escape.ReplaceAllString(text, ""))
}

// indentLines puts prefix before each line that is not empty.
func indentLines(text, prefix string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			line = prefix + line
		}
		out.WriteString(line)
	}
	return out.String()
}
