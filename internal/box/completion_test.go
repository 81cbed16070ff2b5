package box

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/docs"
)

// output is what a command prints.
func output(t *testing.T, b *Box, args ...string) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout := os.Stdout
	os.Stdout = file
	code := b.Run(append([]string{"mpbox"}, args...))
	os.Stdout = stdout
	text, err := os.ReadFile(file.Name())
	if err != nil || code != 0 {
		t.Fatalf("mpbox %s: exit code %d, %v", strings.Join(args, " "), code, err)
	}
	return string(text)
}

func newTestBox() *Box {
	return &Box{Scripts: fstest.MapFS{"one.txtar": {}}, Build: Build{Version: "1.2.3", Date: "2026-01-02T03:04:05Z"}}
}

// All names come from the table of the applets: those that are listed, those of
// the links, of the pages, of the manual, and those that the shells complete.
func TestNamesComeFromOneTable(t *testing.T) {
	b := newTestBox()
	want := slices.Sorted(slices.Values(strings.Fields(output(t, b, "list"))))
	check := func(what string, got []string) {
		t.Helper()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q\nmpbox list: %q", what, got, want)
		}
	}
	links := t.TempDir()
	output(t, b, "install", links)
	check("links", namesIn(t, links))
	man := t.TempDir()
	output(t, b, "man", "--dir", man)
	var pages, packaged []string
	for _, name := range namesIn(t, filepath.Join(man, "man1")) {
		name = strings.TrimSuffix(name, ".1")
		if rest, ok := strings.CutPrefix(name, manLinks); ok {
			packaged = append(packaged, rest)
		} else if name != "mpbox" {
			pages = append(pages, name)
		}
	}
	check("manual pages", pages)
	check("manual pages of packages", packaged)
	check("pages", slices.DeleteFunc(docs.Topics(), func(topic string) bool {
		_, ok := applets.Lookup(topic)
		return !ok
	}))
	for shell, names := range completedNames(t, b) {
		for _, prefix := range []string{"mp-", "mpbox-"} {
			check(shell+" with "+prefix, withPrefix(names, prefix))
		}
		check(shell, slices.DeleteFunc(names, func(name string) bool { return name == "mpbox" || strings.HasPrefix(name, "mp") }))
	}
}

// namesIn are the names in a folder, sorted.
func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func withPrefix(names []string, prefix string) (rest []string) {
	for _, name := range names {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			rest = append(rest, short)
		}
	}
	return rest
}

// completedNames are the commands that a script has completions for, which each
// shell says in a way of its own.
func completedNames(t *testing.T, b *Box) map[string][]string {
	t.Helper()
	names := map[string][]string{}
	for shell, pattern := range map[string]string{
		"bash": `(?m)^complete -F _mpbox (.*)$`, "zsh": `^#compdef (.*)\n`, "fish": `(?m)^for name in (mpbox .+)$`,
	} {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(output(t, b, "completion", shell), -1) {
			names[shell] = append(names[shell], strings.Fields(m[1])...)
		}
	}
	return names
}

// Section 7 has the package and all pages that are about no applet.
func TestConceptsAreInTheManual(t *testing.T) {
	man := t.TempDir()
	output(t, newTestBox(), "man", "--dir", man)
	want := []string{"ipc.7"}
	for _, topic := range docs.Topics() {
		if _, ok := applets.Lookup(topic); !ok && topic != docs.Index {
			want = append(want, "mpbox-"+topic+".7")
		}
	}
	if got := namesIn(t, filepath.Join(man, "man7")); !slices.Equal(got, want) {
		t.Errorf("man7 has %q; want %q", got, want)
	}
}

// Whoever adds an argument or a flag with a text says what it may be, or here
// that it may be anything.
func TestEveryTextIsCompleted(t *testing.T) {
	b := newTestBox()
	k, _, err := b.parser()
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range k.Model.Leaves(true) {
		values := slices.Clone(node.Positional)
		for _, f := range node.Flags {
			values = append(values, f.Value)
		}
		for _, v := range values {
			kind := v.Target.Type()
			for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
				kind = kind.Elem()
			}
			list, words := b.choices(node.Name, v)
			switch {
			case kind.Kind() == reflect.String && list == "":
				t.Errorf("%s %s: nothing to complete it with", node.Name, v.ShortSummary())
			case list != "" && list != files && list != folders && len(words) == 0:
				t.Errorf("%s %s: the list %s is empty", node.Name, v.ShortSummary(), list)
			}
		}
	}
}

func TestEveryTopicHasADescription(t *testing.T) {
	for _, w := range topicWords() {
		if w.help == "" {
			t.Errorf("topic %s: nothing says what it is about", w.text)
		}
	}
}

func TestEnumWords(t *testing.T) {
	tests := []struct {
		values []string
		help   string
		want   []word
	}{
		{[]string{"kill", "panic"}, "What goes wrong: kill or panic.", []word{{"kill", ""}, {"panic", ""}}},
		{[]string{"late", "kill"}, "What: late, it comes later; kill, it's killed.", []word{{"late", "it comes later"}, {"kill", "it's killed"}}},
		{[]string{"stop"}, "What: stop, one is stopped.", []word{{"stop", "one is stopped"}}},
		{[]string{"kill", "hang", "exit"}, "What: kill, hang or exit; and where.", []word{{"kill", ""}, {"hang", ""}, {"exit", ""}}},
	}
	for _, test := range tests {
		if got := enumWords(test.values, test.help); !slices.Equal(got, test.want) {
			t.Errorf("enumWords(%q) = %q; want %q", test.help, got, test.want)
		}
	}
}

func TestBrief(t *testing.T) {
	for help, want := range map[string]string{
		"One JSON array.":                 "One JSON array",
		"How many, 1 to 9; 0: as it is.":  "How many, 1 to 9",
		"Put this before each name: mp-.": "Put this before each name",
	} {
		if got := brief(help); got != want {
			t.Errorf("brief(%q) = %q; want %q", help, got, want)
		}
	}
}

// A quotation mark, a colon or a bracket in a help text breaks no script.
func TestScriptsQuoteWhatTheyPrint(t *testing.T) {
	nasty := word{"it's", `'; exit 7 #: [a] \ "b" $(exit 7) %s`}
	line := &commandLine{
		lists:    []wordList{{"names", []word{nasty}}},
		programs: []program{{name: "derom", options: []option{{long: "--x", short: "-x", help: nasty.help, takesValue: true}}}},
	}
	for _, s := range shells() {
		t.Run(s.name, func(t *testing.T) {
			if _, err := exec.LookPath(s.name); err != nil {
				t.Skip(err)
			}
			script := filepath.Join(t.TempDir(), "script")
			shows := map[string]string{"bash": "\n_mpbox_words names; printf '%s' \"$words\"", "fish": "\n__mpbox_words names",
				"zsh": "\n_describe() { print -r - $offered }; _mpbox_words names"}
			// Only an interactive zsh has compdef.
			text := strings.Replace(s.script(line), "#compdef", "compdef() { }\n#compdef", 1) + shows[s.name]
			if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"-n", script}, {script}} {
				out, err := exec.Command(s.name, args...).CombinedOutput()
				if err != nil {
					t.Errorf("%s %s: %v\n%s", s.name, args, err, out)
				}
				if args[0] == script && (!strings.Contains(string(out), nasty.text) || !strings.Contains(string(out), nasty.help)) {
					t.Errorf("%s shows %q", s.name, out)
				}
			}
		})
	}
}
