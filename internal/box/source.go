package box

import (
	"os"

	"github.com/mpbox/mpbox/applets"
)

// A sourceCommand is mpbox source APPLET.
type sourceCommand struct {
	Applet string `arg:"" help:"The name of an applet."`
}

func (c *sourceCommand) Help() string {
	return "The very source that this binary was built from: highlighted on a terminal, else the file " +
		"as it is.\n\nExamples:\n\n    mpbox source process_pool\n    mpbox source process_pool > process_pool.go"
}

func (c *sourceCommand) run(*Box) error {
	if c.Applet == "" {
		return usageError("the name of the applet is empty")
	}
	a, ok := applets.Lookup(fold(c.Applet))
	if !ok {
		return noApplet(c.Applet)
	}
	source, err := applets.Source(a.Name)
	if err != nil {
		return err
	}
	if !colour() {
		if isTerminal(os.Stdout) {
			return show(source)
		}
		return write(os.Stdout, source)
	}
	text, err := renderSource(source)
	if err != nil {
		return err
	}
	return show(text)
}
