package box

import (
	"errors"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mpbox/mpbox/applets"
)

// rootFlags are understood wherever they stand on the command line.
type rootFlags struct {
	Version bool `help:"Print the version, the commit, its date, and the versions of Go and of all modules."`
}

// resolve turns the first word into the exact name of an applet or a command.
func (b *Box) resolve(words []string) ([]string, error) {
	first := words[0]
	if first == "" {
		return nil, &refusal{exitUsage, "the name of the applet is empty", "`mpbox list` shows all names."}
	}
	if first == "--list" {
		first = "list"
	}
	if strings.HasPrefix(first, "-") {
		return words, nil
	}
	name := fold(first)
	if _, ok := lookupCommand(name); ok {
		return slices.Concat([]string{name}, words[1:]), nil
	}
	if _, ok := applets.Lookup(name); ok {
		return slices.Concat([]string{name}, words[1:]), nil
	}
	return nil, noApplet(first)
}

// asksForHelp finds -h and --help wherever they stand.
func asksForHelp(words []string) bool {
	for _, w := range words {
		switch w {
		case "-h", "--help":
			return true
		case "--":
			return false
		}
	}
	return false
}

// parser builds the command line: the applets by group, then the box's own
// commands. The second result has the struct that each name is parsed into.
func (b *Box) parser() (*kong.Kong, map[string]any, error) {
	targets := map[string]any{}
	options := []kong.Option{
		kong.Name("mpbox"),
		kong.Description(purpose),
		kong.WithHyphenPrefixedParameters(true), // so that --processes -1 is refused by what it is
		kong.Exit(func(int) {}),
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: maxWidth}),
	}
	for _, a := range applets.All {
		targets[a.Name] = &appletCall{Command: a.New()}
		options = append(options, kong.DynamicCommand(a.Name, a.Short, a.Group, targets[a.Name]))
	}
	for _, c := range boxCommands() {
		targets[c.name] = c.new()
		options = append(options, kong.DynamicCommand(c.name, c.short, "The box itself", targets[c.name]))
	}
	flags := &rootFlags{}
	targets[""] = flags
	k, err := kong.New(flags, options...)
	return k, targets, err
}

// parse fills in the struct of the command that words name and returns it.
func (b *Box) parse(words []string) (any, error) {
	k, targets, err := b.parser()
	if err != nil {
		return nil, &refusal{code: exitBroken, text: oneLine(err)}
	}
	ctx, err := k.Parse(words)
	if err != nil {
		return nil, refuse(err)
	}
	if targets[""].(*rootFlags).Version {
		return versionCommand{}, nil
	}
	return targets[ctx.Selected().Name], nil
}

// refuse makes one line of what kong found wrong, with the nearest flag or the
// way to the help as a hint.
func refuse(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context == nil || parse.Context.Selected() == nil {
		return flagRefusal("", oneLine(err), nil)
	}
	node := parse.Context.Selected()
	text := strings.TrimPrefix(oneLine(err), node.Name+": ")
	text = strings.Replace(text, "but got %!q(<nil>)", "but got nothing", 1) // kong's slip
	var flags []string
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			flags = append(flags, "--"+flag.Name)
		}
	}
	return flagRefusal(node.Name, text, flags)
}

// flagRefusal words a refusal. kong's own guess at what was meant makes room
// for ours, which sees swapped letters too.
func flagRefusal(name, text string, flags []string) *refusal {
	r := usageError("%s", text)
	command := strings.TrimSpace("mpbox " + name)
	r.hint = "`" + command + " --help` shows how it is used."
	if rest, ok := strings.CutPrefix(text, "unknown flag "); ok {
		flag, _, _ := strings.Cut(rest, ",")
		r.text = "unknown flag " + flag
		if near := nearest(flag, flags); len(near) > 0 {
			r.hint = "Did you mean " + strings.Join(near, ", or ") + "?"
		}
	}
	if name != "" {
		r.text = name + ": " + r.text
	}
	return r
}
