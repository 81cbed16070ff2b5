package box

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mpbox/mpbox/applets"
)

// A completionCommand is mpbox completion SHELL.
type completionCommand struct {
	Shell string `arg:"" help:"bash, zsh or fish."`
}

func (c *completionCommand) Help() string {
	return "Prints a script that has the shell complete the names, flags, values and topics of mpbox and of all " +
		"links to it. The script is text: it runs mpbox never again.\n\nExamples:\n\n" +
		"    mpbox completion bash > ~/.local/share/bash-completion/completions/mpbox\n" +
		"    mpbox completion zsh > ~/.zfunc/_mpbox     # a folder in $fpath\n" +
		"    mpbox completion fish > ~/.config/fish/conf.d/mpbox.fish\n" +
		"    source <(mpbox completion bash)            # also zsh: just for now"
}

// A shell is one that there are completions for.
type shell struct {
	name   string
	script func(*commandLine) string
}

func shells() []shell {
	return []shell{{"bash", bashScript}, {"zsh", zshScript}, {"fish", fishScript}}
}

// run takes the path of a shell for its name, as in mpbox completion $SHELL.
func (c *completionCommand) run(b *Box) error {
	asked := strings.ToLower(filepath.Base(c.Shell))
	var names []string
	for _, s := range shells() {
		names = append(names, s.name)
		if s.name != asked {
			continue
		}
		line, err := b.commandLine()
		if err != nil {
			return err
		}
		return write(os.Stdout, s.script(line))
	}
	r := usageError("there are no completions for the shell %q", c.Shell)
	r.hint = notFound("", "", nearest(asked, names), "The shells are "+strings.Join(names, ", ")+".").hint
	return r
}

// A commandLine is all that can stand behind mpbox or a link to it.
type commandLine struct {
	programs []program
	lists    []wordList
	options  []option // of mpbox itself
}

// A program is an applet or a command of the box.
type program struct {
	name    string
	options []option
	args    []argument
}

// An option is a flag, with a name of more than one letter, and sometimes one
// of one.
type option struct {
	long, short string // with their hyphens
	help        string
	takesValue  bool
	value       argument
}

// all are the names of the option.
func (o *option) all() []string {
	if o.short == "" {
		return []string{o.long}
	}
	return []string{o.short, o.long}
}

// An argument is a word, or many, that is not the name of a flag.
type argument struct {
	name string
	list string // what it may be: files, folders, the name of a list, or "" for anything
	many bool
}

// Lists that the shell has.
const (
	files   = "files"
	folders = "folders"
)

// A wordList is what can stand in some place.
type wordList struct {
	name  string
	words []word
}

// A word and what it is, in a few words or none.
type word struct{ text, help string }

// commandLine reads it off the model that the command line is parsed by.
func (b *Box) commandLine() (*commandLine, error) {
	k, _, err := b.parser()
	if err != nil {
		return nil, err
	}
	line := &commandLine{}
	line.add("names", programNames())
	for _, f := range k.Model.Flags {
		line.options = append(line.options, b.optionOf(line, "mpbox", f))
	}
	for _, node := range k.Model.Leaves(true) {
		p := program{name: node.Name}
		for _, f := range append(node.Flags, k.Model.HelpFlag) {
			if !f.Hidden {
				p.options = append(p.options, b.optionOf(line, node.Name, f))
			}
		}
		for _, v := range node.Positional {
			p.args = append(p.args, b.argumentOf(line, node.Name, v))
		}
		line.programs = append(line.programs, p)
	}
	return line, nil
}

// optionOf is a flag of the model.
func (b *Box) optionOf(line *commandLine, program string, f *kong.Flag) option {
	found := option{long: "--" + f.Name, help: brief(f.Help), takesValue: !f.IsBool()}
	if f.Short != 0 {
		found.short = "-" + string(f.Short)
	}
	if found.takesValue {
		found.value = b.argumentOf(line, program, f.Value)
		found.value.name = f.FormatPlaceHolder()
	}
	return found
}

// argumentOf is a value of the model; it adds the list of what that may be.
func (b *Box) argumentOf(line *commandLine, program string, v *kong.Value) argument {
	list, words := b.choices(program, v)
	if words != nil {
		line.add(list, words)
	}
	return argument{name: v.Name, list: list, many: v.IsCumulative()}
}

// add adds a list once.
func (l *commandLine) add(name string, words []word) {
	for _, have := range l.lists {
		if have.name == name {
			return
		}
	}
	l.lists = append(l.lists, wordList{name, words})
}

// linkNames are the names of an applet that a shell may meet: those of the
// links that mpbox install makes.
func linkNames(a applets.Applet) []string {
	var names []string
	for _, prefix := range append([]string{""}, installPrefixes()...) {
		names = append(names, prefix+a.Name)
	}
	return names
}

// allNames are mpbox, and the names of the links to it.
func allNames() []string {
	names := []string{"mpbox"}
	for _, a := range applets.All {
		names = append(names, linkNames(a)...)
	}
	return names
}

// brief is the beginning of a help text, for a list with a line for each: up
// to where the details begin.
func brief(help string) string {
	for _, end := range []string{"; ", ": "} {
		help, _, _ = strings.Cut(help, end)
	}
	return strings.TrimSuffix(help, ".")
}

// inQuotes puts a text in single quotes; quote is how the shell has one inside.
func inQuotes(text, quote string) string {
	return "'" + strings.ReplaceAll(text, "'", quote) + "'"
}
