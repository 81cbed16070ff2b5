package box

import (
	"fmt"
	"strings"
)

const zshTail = `
_mpbox() {
  local curcontext=$curcontext state line name=${service:t}
  typeset -A opt_args
  if [[ $name != mpbox ]]; then
    name=${${name#mpbox-}#mp-}
    _mpbox_program ${name//-/_}
    return
  fi
  _arguments -C -S : \
%s    '1:name: _mpbox_words names' '*:: :->program'
  [[ $state == program ]] && _mpbox_program ${words[1]//-/_}
}

# From a folder in $fpath this file is the function itself; else it is sourced.
if [[ $funcstack[1] == _mpbox ]]; then
  _mpbox "$@"
else
  compdef _mpbox %s
fi
`

// zshScript is the completion for zsh.
func zshScript(line *commandLine) string {
	var out strings.Builder
	names := strings.Join(allNames(), " ")
	fmt.Fprintf(&out, "#compdef %s\n\n# Completion of mpbox and its applets in zsh: mpbox completion zsh\n\n"+
		"_mpbox_words() {\n  local -a offered\n  case $1 in\n", names)
	for _, l := range line.lists {
		fmt.Fprintf(&out, "  %s) offered=(\n%s  ) ;;\n", l.name, zshWords(l.words))
	}
	out.WriteString("  esac\n  _describe -t $1 ${1//_/ } offered\n}\n\n_mpbox_program() {\n  case $1 in\n")
	for _, p := range line.programs {
		fmt.Fprintf(&out, "  %s) _arguments -s -S : \\\n%s    ;;\n", p.name, zshOptions(p.options)+zshArguments(p.args))
	}
	out.WriteString("  esac\n}\n")
	fmt.Fprintf(&out, zshTail, zshOptions(line.options), names)
	return out.String()
}

// zshWords are the words of a list for _describe, a line each.
func zshWords(words []word) string {
	var out strings.Builder
	for _, w := range words {
		text := strings.ReplaceAll(w.text, ":", `\:`)
		if w.help != "" {
			text += ":" + w.help
		}
		out.WriteString("    " + zshQuoted(text) + "\n")
	}
	return out.String()
}

// zshOptions are specifications for _arguments, a line each. One name of an
// option rules the other out.
func zshOptions(options []option) string {
	var out strings.Builder
	for _, o := range options {
		for _, name := range o.all() {
			spec := name
			switch {
			case o.takesValue && name == o.long:
				spec += "="
			case o.takesValue:
				spec += "+"
			}
			if o.short != "" {
				spec = "(" + strings.Join(o.all(), " ") + ")" + spec
			}
			spec += "[" + strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(o.help) + "]"
			if o.takesValue {
				spec += ":" + zshAction(o.value)
			}
			out.WriteString("    " + zshQuoted(spec) + " \\\n")
		}
	}
	return out.String()
}

// zshArguments are the specifications of the other words, on a line.
func zshArguments(args []argument) string {
	var out strings.Builder
	for i, a := range args {
		place := fmt.Sprint(i + 1)
		if a.many {
			place = "*"
		}
		out.WriteString("    " + zshQuoted(place+":"+zshAction(a)) + " \\\n")
	}
	return out.String()
}

// zshAction says what a value is called and where its words come from.
func zshAction(a argument) string {
	name := strings.ReplaceAll(a.name, ":", `\:`)
	switch a.list {
	case "":
		return name + ": "
	case files:
		return name + ":_files"
	case folders:
		return name + ":_files -/"
	}
	return name + ": _mpbox_words " + a.list
}

func zshQuoted(text string) string { return inQuotes(text, `'\''`) }
