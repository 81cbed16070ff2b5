package box

import (
	"os"

	"github.com/mpbox/mpbox/applets"
	programs "github.com/mpbox/mpbox/applets/python"
)

// A sourceCommand is mpbox source APPLET.
type sourceCommand struct {
	Python bool   `xor:"language" help:"The same program in Python, instead."`
	Both   bool   `xor:"language" help:"Python and Go, side by side where there are 160 columns."`
	Applet string `arg:"" help:"The name of an applet."`
}

func (c *sourceCommand) Help() string {
	return "The very source that this binary was built from, or a Python program of ours that prints the same " +
		"lines: highlighted on a terminal, else the file as it is.\n\nExamples:\n\n" +
		"    mpbox source --both process_pool\n    mpbox source --python process_pool > process_pool.py"
}

func (c *sourceCommand) run(*Box) error {
	if c.Applet == "" {
		return usageError("the name of the applet is empty")
	}
	a, ok := applets.Lookup(fold(c.Applet))
	if !ok {
		return noApplet(c.Applet)
	}
	text, err := c.text(a.Name)
	switch {
	case err != nil:
		return err
	case isTerminal(os.Stdout):
		return show(text)
	}
	return write(os.Stdout, text)
}

// text is what is to be shown of an applet.
func (c *sourceCommand) text(name string) (string, error) {
	inGo, err := listingOf(applets.Source, name, ".go")
	if err != nil {
		return "", err
	}
	inPython, err := listingOf(programs.Source, name, ".py")
	switch {
	case err != nil:
		return "", err
	case c.Both && allColumns() >= sideBySide:
		return beside(inPython, inGo, allColumns()), nil
	case c.Both:
		return inPython.titled() + "\n" + inGo.titled(), nil
	case c.Python:
		return inPython.text, nil
	}
	return inGo.text, nil
}
