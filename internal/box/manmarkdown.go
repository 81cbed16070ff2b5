package box

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mpbox/mpbox/docs"
)

// markdown writes a page of explain: the title is left out, what follows it is
// the section DESCRIPTION unless the page has a heading there.
func (r *roff) markdown(text string) {
	for _, p := range partsOf(picture.ReplaceAllString(text, "")) {
		switch p.kind {
		case code:
			r.verbatim(inside(p.text))
		case table:
			r.table(p.text)
		default:
			for _, block := range blocksOf(p.text) {
				r.block(block)
			}
		}
	}
}

// inside is what stands between two fences.
func inside(fenced string) string {
	_, rest, _ := strings.Cut(fenced, "\n")
	return strings.TrimSuffix(strings.TrimRight(rest, "\n"), "```")
}

// blocksOf cuts prose into headings, items of lists and paragraphs, each of
// them on one line.
func blocksOf(prose string) []string {
	var blocks []string
	open := false // the last block goes on
	for line := range strings.Lines(prose) {
		text := strings.TrimSpace(line)
		mark, _ := listMark(text)
		heading := strings.HasPrefix(text, "#")
		switch {
		case text == "":
			open = false
		case open && mark == "" && !heading:
			blocks[len(blocks)-1] += " " + text
		default:
			blocks = append(blocks, text)
			open = !heading
		}
	}
	return blocks
}

// listMark cuts off what an item of a list begins with, as man has it.
func listMark(line string) (mark, rest string) {
	if rest, ok := strings.CutPrefix(line, "- "); ok {
		return `\(bu`, rest
	}
	number, rest, ok := strings.Cut(line, ". ")
	if ok && number != "" && strings.Trim(number, "0123456789") == "" {
		return number + ".", rest
	}
	return "", line
}

// block writes a heading, an item or a paragraph.
func (r *roff) block(text string) {
	title := strings.TrimLeft(text, "#")
	switch level := len(text) - len(title); {
	case level == 1:
		r.heading(".SH", "DESCRIPTION")
	case level == 2:
		r.heading(".SH", strings.ToUpper(strings.TrimSpace(title)))
	case level > 2:
		r.heading(".SS", strings.TrimSpace(title))
	default:
		if mark, rest := listMark(text); mark != "" {
			r.item(".IP "+mark+" 4", inline(rest))
		} else {
			r.paragraph(inline(text))
		}
	}
}

// table writes a table as it is, if it is narrow, else as definitions: of what
// is in its first column, or its first two if there are more.
func (r *roff) table(text string) {
	rows := cellsOf(text)
	if lines := columnsOf(rows); lines != "" {
		r.verbatim(lines)
		return
	}
	head := rows[0]
	for _, row := range rows[1:] {
		term, rest := inline(row[0]), 1
		if !strings.Contains(row[0], "`") {
			term = roffBold(term)
		}
		if len(row) > 2 {
			term, rest = term+" "+inline(row[1]), 2
		}
		var about []string
		for i := rest; i < len(row); i++ {
			if len(row) > rest+1 {
				about = append(about, head[i]+": "+row[i])
			} else {
				about = append(about, row[i])
			}
		}
		r.define(term, inline(strings.Join(about, "; ")))
	}
}

// cellsOf are the cells of a table, without the line below its head.
func cellsOf(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.Trim(strings.TrimSpace(line), "|")
		if strings.Trim(line, "|-: ") == "" {
			continue
		}
		var row []string
		for cell := range strings.SplitSeq(line, "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	return rows
}

// columnsOf lays a table out in columns, and returns "" if they do not fit.
func columnsOf(rows [][]string) string {
	const fits = 70
	widths, all := make([]int, len(rows[0])), -2
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(bare(row[i])))
		}
		all += widths[i] + 2
	}
	if all > fits {
		return ""
	}
	var out strings.Builder
	for _, row := range rows {
		var cells []string
		for i, cell := range row {
			cells = append(cells, fmt.Sprintf("%-*s", widths[i], bare(cell)))
		}
		out.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
	return out.String()
}

// bare is a text without its markup.
func bare(markdown string) string {
	return strings.NewReplacer("`", "", "**", "").Replace(link.ReplaceAllString(markdown, "$1"))
}

// inline makes the markup inside a paragraph into man's: code, strong and
// emphasised text, and links.
func inline(text string) string {
	var out strings.Builder
	for i, piece := range strings.Split(text, "`") {
		if i%2 == 1 {
			out.WriteString(roffBold(roffCode(piece)))
			continue
		}
		done := 0
		for _, at := range link.FindAllStringSubmatchIndex(piece, -1) {
			out.WriteString(emphasis(piece[done:at[0]]) + reference(piece[at[2]:at[3]], piece[at[4]:at[5]]))
			done = at[1]
		}
		out.WriteString(emphasis(piece[done:]))
	}
	return out.String()
}

// emphasis is prose with its strong and its emphasised words.
func emphasis(text string) string {
	return paired(paired(roffText(text), "**", roffBold), "*", roffItalic)
}

// paired puts what stands between two marks into another form. A mark that is
// alone, or beside a space, is none.
func paired(text, mark string, form func(string) string) string {
	before, rest, ok := strings.Cut(text, mark)
	between, after, closed := strings.Cut(rest, mark)
	if !ok || !closed || between == "" || strings.TrimSpace(between) != between {
		return text
	}
	return before + form(between) + paired(after, mark, form)
}

// reference is a link as the manual has it: the name of another page with its
// section, or the address behind the text.
func reference(text, target string) string {
	file, _, _ := strings.Cut(target, "#")
	topic, isPage := strings.CutSuffix(file, ".md")
	page, known := manPageOf(topic)
	switch {
	case strings.Contains(target, "://"):
		return roffText(text) + " <" + roffCode(target) + ">"
	case !isPage || !known:
		return roffText(text)
	case text == topic || text == page.name || topic == docs.Index:
		return manReference(page)
	}
	return roffText(text) + " (" + manReference(page) + ")"
}

// manReference names a page in the text of another.
func manReference(p manPage) string {
	return fmt.Sprintf("%s(%d)", roffBold(roffCode(p.name)), p.section)
}
