package box

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/docs"
	"github.com/mpbox/mpbox/internal/bench"
)

// choices is what a value of the model may be: the name of a list, and the
// words of it unless the shell has them.
func (b *Box) choices(program string, v *kong.Value) (list string, words []word) {
	own := program + "_" + strings.ReplaceAll(v.Name, "-", "_")
	if v.Enum != "" {
		return own, enumWords(v.EnumSlice(), v.Help)
	}
	if c, ok := v.Target.Interface().(interface{ Choices() []string }); ok {
		return own, enumWords(c.Choices(), v.Help)
	}
	if v.Flag != nil && v.Flag.PlaceHolder != "" {
		switch v.Flag.PlaceHolder {
		case "FILE":
			return files, nil
		case "DIR":
			return folders, nil
		}
	}
	switch own {
	case "test_pattern":
		return "scripts", b.scriptWords()
	case "bench_pattern":
		return "measurements", measurementWords()
	case "install_prefix", "uninstall_prefix":
		return "prefixes", plainWords(installPrefixes())
	case "man_name":
		return "pages", manWords()
	}
	switch v.Name {
	case "applet":
		return "applets", appletWords()
	case "name":
		return "names", programNames()
	case "topic":
		return "topics", topicWords()
	case "shell":
		return "shells", shellWords()
	case "dir":
		return folders, nil
	case "file":
		return files, nil
	}
	return "", nil
}

// installPrefixes are the prefixes that mpbox install is told about.
func installPrefixes() []string {
	return slices.DeleteFunc(slices.Sorted(slices.Values(prefixes)), func(p string) bool { return !strings.HasSuffix(p, "-") })
}

// enumWords finds what the values are in the help of their flag, if it has
// "VALUE, what it is" for each of them, between semicolons.
func enumWords(values []string, help string) []word {
	_, all, _ := strings.Cut(help, ": ")
	about := strings.Split(strings.TrimSuffix(all, "."), "; ")
	words := plainWords(values)
	if len(about) < len(values) {
		return words
	}
	for i := range words {
		for _, text := range about {
			if rest, ok := strings.CutPrefix(text, words[i].text+", "); ok {
				words[i].help = rest
			}
		}
	}
	return words
}

// plainWords need no explanation.
func plainWords(texts []string) []word {
	var words []word
	for _, text := range texts {
		words = append(words, word{text: text})
	}
	return words
}

func appletWords() []word {
	var words []word
	for _, a := range applets.All {
		words = append(words, word{a.Name, brief(a.Short)})
	}
	return words
}

// programNames are the applets and the commands of the box.
func programNames() []word {
	words := appletWords()
	for _, c := range boxCommands() {
		words = append(words, word{c.name, brief(c.short)})
	}
	return words
}

func topicWords() []word {
	var words []word
	for _, topic := range topicNames() {
		words = append(words, word{topic, topicShort(topic)})
	}
	return words
}

func shellWords() []word {
	var names []string
	for _, s := range shells() {
		names = append(names, s.name)
	}
	return plainWords(names)
}

func (b *Box) scriptWords() []word {
	var words []word
	names, _ := fs.Glob(b.Scripts, "*.txtar") // a good pattern
	for _, name := range names {
		words = append(words, word{text: strings.TrimSuffix(name, ".txtar")})
	}
	return words
}

func measurementWords() []word {
	var names []string
	for _, m := range bench.All() {
		names = append(names, m.Name)
	}
	return plainWords(names)
}

// topicShort says in one line what the page of a topic is about: what the index
// says of it.
func topicShort(topic string) string {
	page, _ := pageOf(topic)
	if page == docs.Index {
		return "the list of all pages"
	}
	index, _ := docs.Page(docs.Index)
	for line := range strings.Lines(index) {
		if rest, ok := strings.CutPrefix(line, "- ["+page+"]("+page+".md): "); ok {
			return strings.TrimSuffix(strings.TrimSpace(rest), ".")
		}
	}
	return ""
}
