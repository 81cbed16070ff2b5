package box

import (
	"fmt"
	"strings"

	"github.com/mpbox/mpbox/docs"
)

// An explainCommand is mpbox explain [TOPIC...].
type explainCommand struct {
	Topics []string `arg:"" optional:"" name:"topic" help:"An applet, its short name, a concept, or ~WORD."`
}

func (c *explainCommand) Help() string {
	return "Without a topic: the index of all pages. ~WORD searches the pages for a word. " +
		"On a terminal a long page goes through $PAGER.\n\nExamples:\n\n" +
		"    mpbox explain barrier\n    mpbox explain '~zombie'"
}

// Validate is called by kong; its error is a usage error.
func (c *explainCommand) Validate() error {
	for _, topic := range c.Topics {
		if topic == "" || topic == "~" {
			return fmt.Errorf("the name of the topic is empty")
		}
	}
	return nil
}

func (c *explainCommand) run(*Box) error {
	asked := c.Topics
	if len(asked) == 0 {
		asked = []string{docs.Index}
	}
	columns, inColour := width(), colour()
	var out strings.Builder
	for i, topic := range asked {
		if i > 0 {
			out.WriteString("\n")
		}
		text, err := explain(topic, columns, inColour)
		if err != nil {
			return err
		}
		out.WriteString(text)
	}
	return show(out.String())
}

// explain renders the page of a topic, or what a search found.
func explain(topic string, columns int, inColour bool) (string, error) {
	if word, ok := strings.CutPrefix(topic, "~"); ok {
		return search(word, columns)
	}
	page, ok := pageOf(topic)
	if !ok {
		hint := "`mpbox explain` shows all topics."
		return "", notFound(topic, "no such topic", nearest(fold(topic), topicNames()), hint)
	}
	markdown, _ := docs.Page(page)
	return renderPage(markdown, columns, inColour)
}
