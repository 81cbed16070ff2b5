package box

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/docs"
)

//go:generate go test -run ^TestIPCPageIsFresh$ . -update

// ipcPage is the package comment of ipc, in Markdown.
//
//go:embed ipc.md
var ipcPage string

// manLinks is the prefix of the links that packages have. There is a page under
// these names too: a copy, as a link to one that is then compressed leads nowhere.
const manLinks = "mp-"

// A manCommand is mpbox man [NAME].
type manCommand struct {
	Name *string `arg:"" optional:"" help:"mpbox, ipc, an applet, a command, or a topic."`
	Dir  string  `help:"Write all pages into the folders man1 and man7 of this one." placeholder:"DIR"`
}

func (c *manCommand) Help() string {
	return "Prints the manual page as man reads it. The applets are in section 1; ipc, and each topic as " +
		"mpbox-TOPIC, in section 7. Their text is that of --help and explain. With --dir each applet has a page as " +
		"mp-NAME too, as packages name the links.\n\nExamples:\n\n" +
		"    mpbox man process_pool | man -l -\n    mpbox man --dir /usr/local/share/man"
}

// Validate is called by kong; its error is a usage error.
func (c *manCommand) Validate() error {
	switch {
	case c.Name != nil && *c.Name == "":
		return fmt.Errorf("the name of the page is empty")
	case c.Name != nil && c.Dir != "":
		return fmt.Errorf("--dir is for all pages: leave out %s", *c.Name)
	}
	return nil
}

func (c *manCommand) run(b *Box) error {
	if c.Dir != "" {
		return b.writeMan(c.Dir)
	}
	asked := "mpbox"
	if c.Name != nil {
		asked = *c.Name
	}
	page, ok := manPageOf(asked)
	if !ok {
		var names []string
		for _, w := range manWords() {
			names = append(names, w.text)
		}
		return notFound(asked, "no manual page", nearest(fold(asked), names), "`mpbox man` has the names.")
	}
	text, err := b.manText(page)
	if err != nil {
		return err
	}
	return write(os.Stdout, text)
}

// A manPage is one of the manual.
type manPage struct {
	name    string // of its file, without the section
	section int
	about   string
	topic   string // the page of explain that is in it, if any
}

// manPages are all of them: that of the box, those of the applets, ipc, and the
// concepts.
func manPages() []manPage {
	pages := []manPage{{"mpbox", 1, "processes in parallel, in thirteen small programs", ""}}
	for _, a := range applets.All {
		pages = append(pages, manPage{a.Name, 1, strings.TrimSuffix(a.Short, "."), a.Name})
	}
	pages = append(pages, manPage{"ipc", 7, "Go package that runs functions in other processes and lets them communicate", ""})
	for _, topic := range docs.Topics() {
		if _, ok := applets.Lookup(topic); !ok && topic != docs.Index {
			pages = append(pages, manPage{"mpbox-" + topic, 7, topicShort(topic), topic})
		}
	}
	return pages
}

// manPageOf finds the page for what mpbox explain or mpbox help knows too.
func manPageOf(name string) (manPage, bool) {
	topic, _ := pageOf(name)
	if _, ok := lookupCommand(fold(name)); topic == docs.Index || topic == "" && ok {
		name = "mpbox"
	}
	for _, p := range manPages() {
		if p.name == name || p.topic != "" && p.topic == topic || fold(p.name) == fold(name) {
			return p, true
		}
	}
	return manPage{}, false
}

// manWords are the names that mpbox man knows, for completion.
func manWords() []word {
	words := []word{{"mpbox", manPages()[0].about}, {"ipc", "the library"}}
	return append(words, topicWords()...)
}

// writeMan writes all pages into folders as man looks for them.
func (b *Box) writeMan(dir string) error {
	for _, p := range manPages() {
		text, err := b.manText(p)
		if err != nil {
			return err
		}
		if err := p.write(dir, p.name, text); err != nil {
			return err
		}
		if _, ok := applets.Lookup(p.name); !ok {
			continue
		}
		if err := p.write(dir, manLinks+p.name, text); err != nil {
			return err
		}
	}
	return nil
}

// write writes a page to its file under a name, and says so.
func (p *manPage) write(dir, name, text string) error {
	folder := filepath.Join(dir, fmt.Sprintf("man%d", p.section))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	path := filepath.Join(folder, fmt.Sprintf("%s.%d", name, p.section))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	return write(os.Stdout, path+"\n")
}
