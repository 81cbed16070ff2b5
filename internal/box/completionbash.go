package box

import (
	"fmt"
	"strings"
)

// bashHead is for bash 3.2 and later, which macOS has: no associative arrays,
// and compopt only if it is there.
const bashHead = `# Completion of mpbox and its applets in bash: mpbox completion bash

# _mpbox_words LIST: words, a line each, of a word, a tab, and what it is.
_mpbox_words() {
  words=''
  case $1 in
`

const bashTail = `
# _mpbox_add NEXT: what may come next, as it is in the tables above.
_mpbox_add() {
  local IFS=$'\n' word
  case $1 in
  files) compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "$cur")); return ;;
  folders) compopt -o dirnames 2>/dev/null || COMPREPLY=($(compgen -d -- "$cur")); return ;;
  options) words=$options ;;
  *) _mpbox_words "$1" ;;
  esac
  while IFS= read -r word; do
    [[ -n $word && $word == "$cur"* ]] && COMPREPLY+=("$before${word#"$cut"}")
  done <<<"$words"
}

# _mpbox_explain: what the words are goes to the screen, never onto the line.
_mpbox_explain() {
  local tab=$'\t' i word line longest=0
  for word in "${COMPREPLY[@]}"; do
    word=${word%%"$tab"*}
    ((${#word} > longest)) && longest=${#word}
  done
  for i in "${!COMPREPLY[@]}"; do
    word=${COMPREPLY[i]%%"$tab"*} line=$word
    case ${#COMPREPLY[@]}:$COMP_TYPE in
    1:*) ;;
    *:63 | *:33 | *:64) printf -v line '%-*s  %s' "$longest" "$word" "${COMPREPLY[i]#*"$tab"}" ;;
    esac
    [[ $line != "$word" && $line == *[![:space:]]* ]] && line=${line:0:${COLUMNS:-80}-2}
    [[ ${COMPREPLY[i]} == *"$tab" ]] && line=$word
    COMPREPLY[i]=$line
  done
}

_mpbox() {
  local IFS=$' \t\n' words='' options='' valued='' arguments='' before='' cut=''
  local name=${COMP_WORDS[0]##*/} last=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} flag='' ended='' i word n=0
  COMPREPLY=()
  # bash has cut a word that has a colon, and goes on behind the colon.
  if [[ $cur == : ]]; then
    last=$((last - 1)) cur=''
    cut=${COMP_WORDS[last]}:
  elif [[ ${COMP_WORDS[last - 1]} == : ]]; then
    last=$((last - 2))
    cut=${COMP_WORDS[last]}:
  fi
  cur=$cut$cur
  case $name in mpbox) name='' ;; mpbox-*) name=${name#mpbox-} ;; mp-*) name=${name#mp-} ;; esac
  _mpbox_program "$name"
  for ((i = 1; i < last; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == '=' ]]; then
      continue # bash has cut --flag=value into three
    elif [[ -n $flag ]]; then
      flag=''
    elif [[ -z $ended && $word == -- ]]; then
      ended=yes
    elif [[ -z $ended && $word == -* ]]; then
      [[ $valued == *" $word="* ]] && flag=$word
    elif [[ -z $name ]]; then
      name=${word//-/_}
      _mpbox_program "$name"
    else
      ((n += 1))
    fi
  done
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ -z $flag && $cur == --*=* ]]; then
    flag=${cur%%=*} before=${cur%%=*}= cur=${cur#*=}
  fi
  if [[ -n $flag ]]; then
    word=${valued#*" $flag="}
    _mpbox_add "${word%% *}"
  elif [[ -z $ended && $cur == -* ]]; then
    _mpbox_add options
  elif [[ -z $name ]]; then
    _mpbox_add names
  else
    local -a next=($arguments)
    ((n >= ${#next[@]})) && [[ $arguments == *... ]] && n=$((${#next[@]} - 1))
    ((n < ${#next[@]})) && _mpbox_add "${next[n]%...}"
  fi
  _mpbox_explain
}

complete -F _mpbox`

// bashScript is the completion for bash.
func bashScript(line *commandLine) string {
	var out strings.Builder
	out.WriteString(bashHead)
	for _, l := range line.lists {
		fmt.Fprintf(&out, "  %s) words=%s ;;\n", l.name, bashWords(l.words))
	}
	out.WriteString("  esac\n}\n\n# _mpbox_program NAME: its options, which of them take what, and its arguments.\n" +
		"_mpbox_program() {\n  options='' valued='' arguments=''\n  case $1 in\n")
	bashProgram(&out, program{name: "''", options: line.options})
	for _, p := range line.programs {
		bashProgram(&out, p)
	}
	out.WriteString("  esac\n}\n" + bashTail)
	for _, name := range allNames() {
		out.WriteString(" " + name)
	}
	return out.String() + "\n"
}

// bashProgram writes what there is to know of one name.
func bashProgram(out *strings.Builder, p program) {
	var words []word
	valued, arguments := " ", ""
	for _, o := range p.options {
		for _, name := range o.all() {
			words = append(words, word{name, o.help})
			if o.takesValue {
				valued += name + "=" + o.value.list + " "
			}
		}
	}
	for i, a := range p.args {
		if i > 0 {
			arguments += " "
		}
		if arguments += a.list; a.list == "" {
			arguments += "-"
		}
		if a.many {
			arguments += "..."
		}
	}
	fmt.Fprintf(out, "  %s)\n    valued='%s' arguments='%s'\n    options=%s ;;\n", p.name, valued, arguments, bashWords(words))
}

// bashWords is a list as a quoted text of lines.
func bashWords(words []word) string {
	var lines []string
	for _, w := range words {
		lines = append(lines, w.text+"\t"+w.help)
	}
	return inQuotes(strings.Join(lines, "\n"), `'\''`)
}
