package box

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMarkdownAsRoff(t *testing.T) {
	tests := []struct{ name, markdown, want string }{
		{"title", "# derom\n\nOne line\nand another.\n", ".SH \"DESCRIPTION\"\nOne line and another.\n"},
		{"section", "a\n\n## In Python\n\nb\n\nc\n", ".PP\na\n.SH \"IN PYTHON\"\nb\n.PP\nc\n"},
		{"part", "### As it is\nb\n", ".SS \"As it is\"\nb\n"},
		{"items", "- one\n- two\n\n1. first\n2. second\n", ".IP \\(bu 4\none\n.IP \\(bu 4\ntwo\n.IP 1. 4\nfirst\n.IP 2. 4\nsecond\n"},
		{"item of two lines", "- one\n  goes on\n", ".IP \\(bu 4\none goes on\n"},
		{"no item", "It was 2026. Then -1\n", ".PP\nIt was 2026. Then \\-1\n"},
		{"code", "Use `a -b *c* 'd'`.\n", ".PP\nUse \\fBa \\-b *c* \\(aqd\\(aq\\fP.\n"},
		{"emphasis", "**never** or *met, adapted*, 2 * 3 * 4\n", ".PP\n\\fBnever\\fP or \\fImet, adapted\\fP, 2 * 3 * 4\n"},
		{"macro", "`.x` a\n\n'tis\n\n.SH b\n", ".PP\n\\fB.x\\fP a\n.PP\n\\&'tis\n.PP\n\\&.SH b\n"},
		{"escapes", "a\\b ~/.x ^ --all µs\n", ".PP\na\\eb \\(ti/.x \\(ha \\-\\-all \\[u00B5]s\n"},
		{"fence", "a\n\n```console sorted\n$ x -y\n.z\n\n\t'q' ~ `w`\n```\n",
			".PP\na\n.PP\n.RS 4\n.nf\n$ x \\-y\n\\&.z\n\n    \\(aqq\\(aq \\(ti \\(gaw\\(ga\n.fi\n.RE\n"},
		{"picture", "![a](b.svg)\n\nc\n", ".PP\nc\n"},
		{"applet", "[derom](derom.md) and [its page](derom.md#try-it)\n", ".PP\n\\fBderom\\fP(1) and its page (\\fBderom\\fP(1))\n"},
		{"concept", "[daemons](daemons.md), [all](index.md)\n", ".PP\n\\fBmpbox\\-daemons\\fP(7), \\fBmpbox\\fP(1)\n"},
		{"address", "[Go](https://go.dev/a-b), [there](#try-it)\n", ".PP\nGo <https://go.dev/a\\-b>, there\n"},
		{"narrow table", "| a | `b` |\n| --- | ---: |\n| one | 2 |\n", ".PP\n.RS 4\n.nf\na    b\none  2\n.fi\n.RE\n"},
		{"wide table", "| a | what |\n| --- | --- |\n| one | " + strings.Repeat("x", 70) + " |\n",
			".TP\n\\fBone\\fP\n" + strings.Repeat("x", 70) + "\n"},
		{"wide table of four", "| a | b | c | d |\n| - | - | - | - |\n| 1 | 2 | " + strings.Repeat("x", 65) + " | y |\n",
			".TP\n\\fB1\\fP 2\nc: " + strings.Repeat("x", 65) + "; d: y\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &roff{}
			r.markdown(test.markdown)
			if got := r.String(); got != test.want {
				t.Errorf("%q\nbecomes %q\nwant    %q", test.markdown, got, test.want)
			}
		})
	}
}

// Nothing of Markdown is left in a page.
func TestManHasNoMarkdown(t *testing.T) {
	left := regexp.MustCompile("(?m)^(#|```|\\| )|\\*\\*|\\]\\([a-z_/]+\\.md")
	for _, p := range manPages() {
		text, err := newTestBox().manText(p)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(withoutVerbatim(text)) {
			if left.MatchString(line) {
				t.Errorf("%s(%d): %s", p.name, p.section, line)
			}
		}
	}
}

var verbatimRE = regexp.MustCompile(`(?ms)^\.nf$.*?^\.fi$`)

func withoutVerbatim(text string) string { return verbatimRE.ReplaceAllString(text, "") }

func TestManHasAllOptions(t *testing.T) {
	b := newTestBox()
	line, err := b.commandLine()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range line.programs {
		page, ok := manPageOf(p.name)
		if _, isCommand := lookupCommand(p.name); isCommand {
			page, ok = manPages()[0], true
		}
		text, err := b.manText(page)
		if !ok || err != nil {
			t.Fatalf("%s: %v, %v", p.name, ok, err)
		}
		for _, o := range p.options {
			if o.long != "--help" && !strings.Contains(text, roffBold(roffCode(o.long))) {
				t.Errorf("%s(%d) does not have %s of %s", page.name, page.section, o.long, p.name)
			}
		}
	}
}

// The date is that of what was built, or none: the same build makes the same
// pages.
func TestManDate(t *testing.T) {
	for date, want := range map[string]string{
		"2026-01-02T03:04:05Z": `.TH DEROM 1 "2026-01-02" "mpbox 1.2.3" "mpbox manual"`,
		"2026-01-02":           `.TH DEROM 1 "2026-01-02" "mpbox 1.2.3" "mpbox manual"`,
		"":                     `.TH DEROM 1 "" "mpbox 1.2.3" "mpbox manual"`,
	} {
		b := &Box{Build: Build{Version: "1.2.3", Date: date}}
		text := output(t, b, "man", "derom")
		if got, _, _ := strings.Cut(text, "\n"); got != want {
			t.Errorf("a build of %q: %s; want %s", date, got, want)
		}
	}
}

func TestManPageOf(t *testing.T) {
	for name, want := range map[string]string{
		"mpbox": "mpbox", "ipc": "ipc", "derom": "derom", "DEROM.PY": "derom", "barrier": "process_barrier", "mpbox-daemons": "mpbox-daemons",
		"daemons": "mpbox-daemons", "install": "mpbox", "index": "mpbox", "quiz": "mpbox-quiz", "drom": "", "": "",
	} {
		if page, _ := manPageOf(name); page.name != want {
			t.Errorf("manPageOf(%q) = %q; want %q", name, page.name, want)
		}
	}
}

// The programs that show manual pages have nothing to say against ours.
func TestManIsClean(t *testing.T) {
	dir := t.TempDir()
	output(t, newTestBox(), "man", "--dir", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "man?", "*"))
	if err != nil || len(pages) == 0 {
		t.Fatal(err)
	}
	t.Run("mandoc", func(t *testing.T) {
		if out := ran(t, "mandoc", append([]string{"-Tlint"}, pages...)...); out != "" {
			t.Error(out)
		}
	})
	t.Run("groff", func(t *testing.T) {
		if out := ran(t, "groff", append([]string{"-ww", "-man", "-Tutf8", "-z"}, pages...)...); out != "" {
			t.Error(out)
		}
	})
	t.Run("man", func(t *testing.T) { // some: it starts a dozen processes for each
		for _, page := range []string{"man1/mpbox.1", "man1/mp-process_pool.1", "man7/ipc.7"} {
			out := ran(t, "man", "--warnings", "-E", "UTF-8", "-l", filepath.Join(dir, page))
			if !strings.Contains(out, "\nNAME\n") || strings.Contains(out, "warning:") {
				t.Errorf("%s:\n%s", page, out)
			}
		}
	})
}

// ran is what a program prints, to stderr too.
func ran(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "MANPAGER=cat", "MANWIDTH=80", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
