package box

import (
	"strings"

	"github.com/charmbracelet/glamour"
	"github.com/charmbracelet/glamour/ansi"
	"github.com/charmbracelet/glamour/styles"
)

// longLine is more room than any paragraph needs.
const longLine = 4000

// renderPage lays out Markdown for a terminal of so many columns. Without
// colour the result has no escape sequences, and no characters beyond ASCII
// but those of the page.
func renderPage(markdown string, columns int, inColour bool) (string, error) {
	margin := ""
	if columns >= 60 {
		margin = "  "
	}
	var out strings.Builder
	for _, p := range partsOf(plainLinks(markdown)) {
		text, err := renderPart(p, columns-len(margin), inColour)
		if err != nil {
			return "", err
		}
		if text != "" && out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(indentLines(text, margin))
	}
	return out.String(), nil
}

// renderPart lays out one part of a page. Prose is wrapped here: glamour would
// wrap it twice, at punctuation too, and not indent what belongs to a list
// item. Lines of code stay whole.
func renderPart(p part, columns int, inColour bool) (string, error) {
	style := plainStyle()
	if inColour {
		style = colourStyle()
	}
	switch p.kind {
	case code:
		return render(spaced(p.text), style, 0)
	case table:
		return render(p.text, style, columns)
	}
	text, err := render(p.text, style, longLine)
	return wrapProse(text, columns), err
}

// renderSource highlights source in a language.
func renderSource(source, language string) (string, error) {
	style := colourStyle()
	style.CodeBlock.Margin = new(uint)
	const fence = "~~~~~~~~" // longer than any inside the source
	return render(fence+language+"\n"+spaced(source)+fence+"\n", style, 0)
}

// spaced makes tabs into spaces: in an indented block they would reach to
// columns of their own.
func spaced(code string) string { return strings.ReplaceAll(code, "\t", "    ") }

// render runs glamour, and takes away the empty lines around its result and
// the spaces behind its lines.
func render(markdown string, style ansi.StyleConfig, columns int) (string, error) {
	r, err := glamour.NewTermRenderer(glamour.WithStyles(style), glamour.WithWordWrap(columns))
	if err != nil {
		return "", err
	}
	text, err := r.Render(markdown)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	body := strings.Trim(out.String(), "\n")
	if body == "" {
		return "", nil
	}
	return body + "\n", nil
}

// plainStyle is glamour's ASCII style without the two characters in it that
// are none, and with the marks of code that it leaves out.
func plainStyle() ansi.StyleConfig {
	style := styles.ASCIIStyleConfig
	style.Document.Margin = new(uint)
	style.Item.BlockPrefix = "- "
	style.ImageText.Format = "Image: {{.text}}"
	style.Code.Prefix, style.Code.Suffix = "`", "`"
	return style
}

// colourStyle is glamour's dark style without the colours that only a dark
// background bears: the terminal is not asked for its own.
func colourStyle() ansi.StyleConfig {
	style := styles.DarkStyleConfig
	style.Document.Margin, style.Document.Color = new(uint), nil
	code := *style.CodeBlock.Chroma
	code.Text, code.Name, code.Punctuation = ansi.StylePrimitive{}, ansi.StylePrimitive{}, ansi.StylePrimitive{}
	code.NameClass, code.Background = ansi.StylePrimitive{}, ansi.StylePrimitive{}
	code.Comment = inColourOf("#8A8A8A")
	code.LiteralNumber, code.LiteralStringEscape = inColourOf("#00AF87"), inColourOf("#00AF87")
	style.CodeBlock.Chroma = &code
	return style
}

func inColourOf(hex string) ansi.StylePrimitive { return ansi.StylePrimitive{Color: &hex} }
