package box

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// A helpCommand is mpbox help [NAME].
type helpCommand struct {
	Name *string `arg:"" optional:"" help:"An applet or a command."`
}

func (c *helpCommand) Help() string {
	return "The same as --help after the name. For what an applet shows and why, see explain.\n\nExamples:\n\n" +
		"    mpbox help process_pool\n    mpbox help install"
}

func (c *helpCommand) run(b *Box) error {
	if c.Name == nil {
		return b.help("")
	}
	words, err := b.resolve([]string{*c.Name})
	if err != nil {
		return err
	}
	return b.help(words[0])
}

// help prints how to use an applet or a command; without a name, or with a
// flag in place of one, how to use the box.
func (b *Box) help(name string) error {
	k, _, err := b.parser()
	if err != nil {
		return err
	}
	var words []string
	if name != "" && !strings.HasPrefix(name, "-") {
		words = []string{name}
	}
	// kong measures the terminal itself; this keeps it within our bounds.
	if err := os.Setenv("COLUMNS", strconv.Itoa(width())); err != nil {
		return err
	}
	var text bytes.Buffer
	k.Stdout = &text
	ctx, err := kong.Trace(k, words)
	if err != nil {
		return err
	}
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return write(os.Stdout, text.String())
}

// printHelp is kong's help for one command; the flags of the box would only be
// in the way there.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if ctx.Selected() == nil {
		return printRootHelp(ctx)
	}
	for _, flag := range ctx.Model.Flags {
		flag.Hidden = true
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// printRootHelp lists all applets and commands, which kong can't do in forty
// columns.
func printRootHelp(ctx *kong.Context) error {
	var out strings.Builder
	columns, group := width(), ""
	out.WriteString("Usage: mpbox NAME [flags]\n\n" + wrap(ctx.Model.Help, columns))
	for _, node := range ctx.Model.Leaves(true) {
		if node.Group.Title != group {
			group = node.Group.Title
			out.WriteString("\n" + group + "\n")
		}
		out.WriteString(entry(node.Name, node.Help, nameColumn(), columns))
	}
	out.WriteString("\nFlags\n")
	for _, flag := range ctx.Model.Flags {
		name := "--" + flag.Name
		if flag.Short != 0 {
			name = "-" + string(flag.Short) + ", " + name
		}
		out.WriteString(entry(name, flag.Help, nameColumn(), columns))
	}
	out.WriteString("\n" + wrap("`mpbox NAME --help` shows the flags of one of them.", columns))
	return write(ctx.Stdout, out.String())
}
