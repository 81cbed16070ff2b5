package box

import (
	"fmt"
	"strings"
)

// roffLine is how long a line of the source may be; how long one is on the
// screen, man decides.
const roffLine = 76

// A roff is a manual page in the macros man(7), as it is written.
type roff struct {
	strings.Builder
	headed bool // the last line is a heading, which needs no macro after it
}

// head begins the page. Without a date there is none: never that of today, so
// that the same source makes the same page.
func (r *roff) head(p manPage, build Build) {
	version := "mpbox"
	if build.Version != "" {
		version += " " + build.Version
	}
	date := build.Date
	if len(date) > len("2006-01-02") {
		date = date[:len("2006-01-02")]
	}
	// Names are not to be hyphenated, and without that full lines have gaps.
	const ragged = ".nh\n.ad l\n"
	fmt.Fprintf(r, ".TH %s %d \"%s\" \"%s\" \"mpbox manual\"\n"+ragged, strings.ToUpper(p.name), p.section, date, roffText(version))
}

// heading begins a section, or with .SS a part of one.
func (r *roff) heading(macro, text string) {
	fmt.Fprintf(r, "%s \"%s\"\n", macro, strings.ReplaceAll(roffText(text), `"`, `\(dq`))
	r.headed = true
}

// paragraph writes prose that has its markup as man's.
func (r *roff) paragraph(text string) {
	if !r.headed {
		r.WriteString(".PP\n")
	}
	r.fill(text)
}

// item is one of a list, or with .TP of a list of definitions.
func (r *roff) item(macro, text string) {
	r.WriteString(macro + "\n")
	r.fill(text)
}

// define is a term and what it is.
func (r *roff) define(term, text string) {
	r.item(".TP\n"+guarded(term), text)
}

// fill writes prose that man breaks into lines as it likes.
func (r *roff) fill(text string) {
	for line := range strings.Lines(wrap(text, roffLine)) {
		r.WriteString(guarded(line))
	}
	r.headed = false
}

// verbatim writes lines that stay as they are.
func (r *roff) verbatim(text string) {
	if !r.headed {
		r.WriteString(".PP\n")
	}
	r.WriteString(".RS 4\n.nf\n") // not .EX, whose end turns hyphenation on again
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		r.WriteString(guarded(roffCode(strings.TrimSuffix(line, "\n"))) + "\n")
	}
	r.WriteString(".fi\n.RE\n")
	r.headed = false
}

// guarded keeps a line of text from being taken for a macro.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

// roffText escapes prose. A hyphen that begins a word is that of a flag.
func roffText(text string) string {
	return beyondASCII(strings.NewReplacer(
		`\`, `\e`, "^", `\(ha`, "~", `\(ti`, " --", ` \-\-`, "--", `\-\-`, " -", ` \-`,
	).Replace(text))
}

// roffCode escapes what is to be typed or copied: man would make typographical
// signs of some characters.
func roffCode(text string) string {
	return beyondASCII(strings.NewReplacer(
		`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "\t", "    ",
	).Replace(text))
}

// beyondASCII writes such characters by their numbers, which all formatters
// read, whatever the locale.
func beyondASCII(text string) string {
	var out strings.Builder
	for _, c := range text {
		if c < 0x80 {
			out.WriteRune(c)
		} else {
			fmt.Fprintf(&out, `\[u%04X]`, c)
		}
	}
	return out.String()
}

func roffBold(text string) string { return `\fB` + text + `\fP` }

func roffItalic(text string) string { return `\fI` + text + `\fP` }
