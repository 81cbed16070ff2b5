// Package docs holds the pages that mpbox explain shows. It imports the
// standard library only: how a page is rendered, and under which short names it
// is found, is decided in internal/box.
package docs

//go:generate go test -run ^TestPictures$ . -update

import (
	"embed"
	"strings"
)

//go:embed *.md
var files embed.FS

// Index is the name of the page that leads to all the others.
const Index = "index"

// Page returns the Markdown of a page by its exact name.
func Page(topic string) (markdown string, ok bool) {
	text, err := files.ReadFile(topic + ".md")
	return string(text), err == nil
}

// Topics are the names of all pages, sorted, the index among them.
func Topics() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("docs: " + err.Error()) // embedded, so it is always there
	}
	var topics []string
	for _, e := range entries {
		topics = append(topics, strings.TrimSuffix(e.Name(), ".md"))
	}
	return topics
}
