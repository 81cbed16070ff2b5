package box

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/docs"
)

// pageOf finds the page for a topic: a page by its name, or an applet by one
// of its short names.
func pageOf(topic string) (page string, ok bool) {
	name := fold(topic)
	if _, ok := docs.Page(name); ok {
		return name, true
	}
	for _, a := range applets.All {
		if slices.Contains(a.Topics, name) {
			_, ok := docs.Page(a.Name)
			return a.Name, ok
		}
	}
	return "", false
}

// topicNames are all names that pageOf knows.
func topicNames() []string {
	names := docs.Topics()
	for _, a := range applets.All {
		names = append(names, a.Topics...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// search lists, page by page, the lines that have a word, whatever its case.
func search(word string, columns int) (string, error) {
	var out strings.Builder
	for _, topic := range docs.Topics() {
		text, _ := docs.Page(topic)
		lines := matching(text, word)
		if len(lines) == 0 {
			continue
		}
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(topic + "\n")
		for _, line := range lines {
			out.WriteString(indentLines(wrap(line, columns-4), "    "))
		}
	}
	if out.Len() == 0 {
		return "", &refusal{exitFailed, fmt.Sprintf("no page has the word %q", word), ""}
	}
	return out.String(), nil
}

// matching returns the lines of a page that have a word.
func matching(markdown, word string) []string {
	var lines []string
	for line := range strings.Lines(plainLinks(markdown)) {
		if strings.Contains(strings.ToLower(line), strings.ToLower(word)) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}
