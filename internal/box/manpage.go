package box

import (
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/docs"
)

// manText is a page as man reads it.
func (b *Box) manText(p manPage) (string, error) {
	k, _, err := b.parser()
	if err != nil {
		return "", err
	}
	r := &roff{}
	r.head(p, b.Build)
	r.heading(".SH", "NAME")
	a, isApplet := applets.Lookup(p.topic)
	switch {
	case isApplet:
		r.fill(fmt.Sprintf(`%s, %s \- %s`, roffCode(p.name), roffCode(manLinks+p.name), roffText(p.about)))
		r.applet(nodeOf(k, a.Name))
	case p.name == "mpbox":
		r.fill(`mpbox \- ` + roffText(p.about))
		r.box(k)
	default:
		r.fill(fmt.Sprintf(`%s \- %s`, roffCode(p.name), roffText(p.about)))
		r.concept(p)
	}
	return r.String(), nil
}

// nodeOf is what the model has on an applet or a command.
func nodeOf(k *kong.Kong, name string) *kong.Node {
	for _, node := range k.Model.Leaves(true) {
		if node.Name == name {
			return node
		}
	}
	return nil
}

// concept is a page of section 7.
func (r *roff) concept(p manPage) {
	text := ipcPage
	if p.topic != "" {
		text, _ = docs.Page(p.topic)
	}
	r.markdown(text)
	r.seeAlso(text)
}

// applet is the page of an applet: its help, and then its page.
func (r *roff) applet(node *kong.Node) {
	r.heading(".SH", "SYNOPSIS")
	r.fill(synopsis("mpbox "+node.Name, node))
	r.WriteString(".br\n")
	r.fill(synopsis(node.Name, node))
	about, examples := cutExamples(node.Detail)
	page, _ := docs.Page(node.Name)
	_, page, _ = strings.Cut(page, "\n") // its title
	intro, sections, _ := strings.Cut(page, "\n## ")
	r.heading(".SH", "DESCRIPTION")
	r.markdown(intro + "\n" + about)
	r.heading(".SH", "OPTIONS")
	r.options(node)
	r.exitStatus()
	r.heading(".SH", "EXAMPLES")
	r.verbatim(examples)
	r.markdown("## " + sections)
	r.seeAlso(page)
}

// box is the page of mpbox itself.
func (r *roff) box(k *kong.Kong) {
	r.heading(".SH", "SYNOPSIS")
	r.fill(roffBold("mpbox") + " [" + roffItalic("NAME") + " [" + roffItalic("OPTION") + "]...]")
	r.heading(".SH", "DESCRIPTION")
	r.fill(roffText(purpose))
	r.paragraph(roffText("A NAME is that of an applet or of a command. An applet also runs through a link of its own " +
		"name, with mp- or mpbox- before it or without. Without a NAME, mpbox says what to try first."))
	group := ""
	r.heading(".SH", "APPLETS")
	for _, a := range applets.All {
		if a.Group != group {
			group = a.Group
			r.heading(".SS", group)
		}
		r.define(manReference(manPage{name: a.Name, section: 1}), roffText(a.Short))
	}
	r.heading(".SH", "COMMANDS")
	for _, c := range boxCommands() {
		r.command(nodeOf(k, c.name))
	}
	r.heading(".SH", "OPTIONS")
	for _, f := range k.Model.Flags {
		r.define(optionTerm(f), optionAbout(f))
	}
	r.exitStatus()
	r.environment(k)
	r.heading(".SH", "SEE ALSO")
	r.fill(manReferences(manPages()[1:]))
}

// command is the part about a command of the box.
func (r *roff) command(node *kong.Node) {
	r.heading(".SS", "mpbox "+node.Name)
	r.fill(synopsis("mpbox "+node.Name, node))
	about, examples := cutExamples(node.Detail)
	r.paragraph(inline(node.Help + " " + about))
	for _, v := range node.Positional {
		r.define(roffItalic(strings.ToUpper(v.Name)), inline(v.Help))
	}
	r.options(node)
	r.verbatim(examples)
}

// synopsis is one line of that section.
func synopsis(name string, node *kong.Node) string {
	words := []string{roffBold(roffCode(name)), "[" + roffItalic("OPTION") + "]..."}
	for _, v := range node.Positional {
		arg := roffItalic(strings.ToUpper(v.Name))
		if !v.Required {
			arg = "[" + arg + "]"
		}
		if v.IsCumulative() {
			arg += "..."
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// cutExamples cuts the help of a command at its examples.
func cutExamples(help string) (about, examples string) {
	about, examples, _ = strings.Cut(help, "Examples:")
	lines := strings.FieldsFunc(examples, func(c rune) bool { return c == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.TrimSpace(about), strings.Join(lines, "\n")
}

// options are the flags of an applet or a command.
func (r *roff) options(node *kong.Node) {
	for _, f := range node.Flags {
		if !f.Hidden {
			r.define(optionTerm(f), optionAbout(f))
		}
	}
}

// optionTerm is a flag with its value.
func optionTerm(f *kong.Flag) string {
	term := roffBold(roffCode("--" + f.Name))
	if f.Short != 0 {
		term = roffBold(roffCode("-"+string(f.Short))) + ", " + term
	}
	if f.IsBool() {
		return term
	}
	value := f.PlaceHolder
	if _, ok := f.Target.Interface().(time.Duration); ok {
		value = "DURATION"
	} else if value == "" {
		value = "N"
	}
	return term + "=" + roffItalic(roffText(value))
}

// optionAbout says what a flag is for, what it is without being given, and where
// else it is taken from.
func optionAbout(f *kong.Flag) string {
	about := []string{inline(f.Help)}
	if f.HasDefault {
		about = append(about, "The default is "+roffCode(f.Default)+".")
	}
	for _, name := range f.Envs {
		about = append(about, "The environment variable "+roffBold(name)+" sets it too.")
	}
	return strings.Join(about, " ")
}

// exitStatus is the section of that name.
func (r *roff) exitStatus() {
	r.heading(".SH", "EXIT STATUS")
	for _, e := range []struct{ code, about string }{
		{"0", "All went well."},
		{fmt.Sprint(exitFailed), "It failed."},
		{fmt.Sprint(exitUsage), "The command line was wrong."},
		{fmt.Sprint(exitTimeout), "Time ran out."},
		{fmt.Sprint(exitBroken), "mpbox itself failed."},
		{fmt.Sprint(exitNotFound), "There is no applet, command or topic of that name."},
		{fmt.Sprint(exitSignal) + "+" + roffItalic("n"), "Signal n ended it."},
	} {
		r.define(e.code, e.about)
	}
}

// environment is the section of that name: the variables of the flags, and
// those that no flag has.
func (r *roff) environment(k *kong.Kong) {
	r.heading(".SH", "ENVIRONMENT")
	seen := map[string]bool{}
	for _, node := range k.Model.Leaves(true) {
		for _, f := range node.Flags {
			for _, name := range f.Envs {
				if !seen[name] {
					r.define(roffBold(name), "As "+roffBold(roffCode("--"+f.Name))+": "+inline(f.Help))
				}
				seen[name] = true
			}
		}
	}
	for _, e := range []struct{ name, about string }{
		{"IPC_LOG", "The file to record what all processes do; mpbox timeline draws it."},
		{"COLUMNS", "The width to lay text out for, instead of the terminal's."},
		{"NO_COLOR", "If set, there are no colours."},
		{"PAGER", "What shows a page that is longer than the terminal, instead of less."},
	} {
		r.define(roffBold(e.name), e.about)
	}
}

// seeAlso ends a page that does not say itself where to read on.
func (r *roff) seeAlso(markdown string) {
	own := []manPage{manPages()[0], {name: "ipc", section: 7}}
	if strings.Contains(markdown, "\n## See also\n") {
		r.item(`.IP \(bu 4`, manReferences(own))
		return
	}
	r.heading(".SH", "SEE ALSO")
	r.fill(manReferences(own))
}

// manReferences names pages, between commas.
func manReferences(pages []manPage) string {
	var names []string
	for _, p := range pages {
		names = append(names, manReference(p))
	}
	return strings.Join(names, ", ")
}
