package box

import (
	"fmt"
	"strings"

	"github.com/mpbox/mpbox/applets"
)

const fishHead = `# Completion of mpbox and its applets in fish: mpbox completion fish

# Whether the line is for the applet or command NAME, with fewer than COUNT
# arguments so far. The flags behind these take a value, which is no argument.
function __mpbox_at --argument-names name count
    set -l valued $argv[3..]
    set -l words (commandline -opc)
    set -l self (string replace -r '^.*/' '' -- $words[1])
    set -e words[1]
    if test "$self" != mpbox
        set -p words (string replace -r '^(mpbox|mp)-' '' -- $self)
    end
    while string match -q -- '-*' $words[1]
        set -e words[1]
    end
    test (string replace -a - _ -- "$words[1]") = "$name"; or return
    set -l given 0
    set -l skip no
    for word in $words[2..]
        if test $skip = yes
            set skip no
        else if contains -- $word $valued
            set skip yes
        else if not string match -q -- '-*' $word
            set given (math $given + 1)
        end
    end
    test $given -lt $count
end

# A list, a line for each word: the word, a tab, and what it is.
function __mpbox_words --argument-names list
    switch $list
`

// unbounded is more arguments than a command line has.
const unbounded = 9999

// fishScript is the completion for fish.
func fishScript(line *commandLine) string {
	var out strings.Builder
	out.WriteString(fishHead)
	for _, l := range line.lists {
		fmt.Fprintf(&out, "        case %s\n            printf '%%s\\n'", l.name)
		for _, w := range l.words {
			out.WriteString(" \\\n                " + fishQuoted(strings.TrimSuffix(w.text+"\t"+w.help, "\t")))
		}
		out.WriteString("\n")
	}
	out.WriteString("    end\nend\n\ncomplete -c mpbox -f\n")
	fmt.Fprintf(&out, "complete -c mpbox -n \"__mpbox_at '' 1\" -a '(__mpbox_words names)'\n")
	for _, o := range line.options {
		out.WriteString("complete -c mpbox -n \"__mpbox_at '' 1\"" + fishOption(o) + "\n")
	}
	for _, p := range line.programs {
		fishProgram(&out, p)
	}
	return out.String()
}

// fishProgram writes what there is to know of one name, for mpbox and, if it is
// an applet, for its links.
func fishProgram(out *strings.Builder, p program) {
	names := "mpbox"
	if a, ok := applets.Lookup(p.name); ok {
		names += " " + strings.Join(linkNames(a), " ")
		fmt.Fprintf(out, "\nfor name in %s\n    complete -c $name -f\nend", strings.Join(linkNames(a), " "))
	}
	fmt.Fprintf(out, "\nfor name in %s\n", names)
	for _, o := range p.options {
		fmt.Fprintf(out, "    complete -c $name -n '__mpbox_at %s %d'%s\n", p.name, unbounded, fishOption(o))
	}
	for i, a := range p.args {
		count := i + 1
		if a.many {
			count = unbounded
		}
		if a.list != "" {
			fmt.Fprintf(out, "    complete -c $name -n '__mpbox_at %s %d%s'%s\n", p.name, count, valuedNames(p.options), fishValue(a))
		}
	}
	out.WriteString("end\n")
}

// valuedNames are the names of the options that take a value, each after a
// space.
func valuedNames(options []option) string {
	names := []string{""}
	for _, o := range options {
		if o.takesValue {
			names = append(names, o.all()...)
		}
	}
	return strings.Join(names, " ")
}

// fishOption is an option in the words of complete.
func fishOption(o option) string {
	words := ""
	if o.short != "" {
		words += " -s " + o.short[1:]
	}
	words += " -l " + o.long[2:]
	if o.takesValue {
		words += " -r" + fishValue(o.value)
	}
	return words + " -d " + fishQuoted(o.help)
}

// fishValue says where the words of a value come from.
func fishValue(a argument) string {
	switch a.list {
	case "":
		return " -f"
	case files:
		return " -F"
	case folders:
		return " -f -a '(__fish_complete_directories)'"
	}
	return " -f -a '(__mpbox_words " + a.list + ")'"
}

func fishQuoted(text string) string { return inQuotes(strings.ReplaceAll(text, `\`, `\\`), `\'`) }
