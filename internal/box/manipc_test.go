package box

import (
	"flag"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write ipc.md anew, from the package comment of ipc")

// The package comment is not in a binary, and its source is not where the binary
// runs: so the page is a file that is embedded.
//
//	go generate ./internal/box
func TestIPCPageIsFresh(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../ipc/doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	p := comment.Parser{LookupSym: func(string, string) bool { return true }} // it knows no names by itself
	want := "# ipc\n" + blocksAsMarkdown(p.Parse(file.Doc.Text()).Content)
	if *update {
		if err := os.WriteFile("ipc.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if ipcPage != want {
		t.Error("ipc.md is not the package comment of ipc: run go generate ./internal/box")
	}
}

func blocksAsMarkdown(blocks []comment.Block) string {
	var out strings.Builder
	for _, block := range blocks {
		out.WriteString("\n")
		switch b := block.(type) {
		case *comment.Heading:
			out.WriteString("## " + asMarkdown(b.Text) + "\n")
		case *comment.Code:
			out.WriteString("```text\n" + b.Text + "```\n")
		case *comment.List:
			for _, item := range b.Items {
				text := strings.TrimSpace(blocksAsMarkdown(item.Content))
				out.WriteString("- " + strings.ReplaceAll(text, "\n", " ") + "\n")
			}
		case *comment.Paragraph:
			out.WriteString(asMarkdown(b.Text) + "\n")
		}
	}
	return out.String()
}

// asMarkdown makes code of what the comment links to.
func asMarkdown(text []comment.Text) string {
	var out strings.Builder
	for _, part := range text {
		switch p := part.(type) {
		case comment.Plain:
			out.WriteString(string(p))
		case comment.Italic:
			out.WriteString("*" + string(p) + "*")
		case *comment.DocLink:
			out.WriteString("`" + asMarkdown(p.Text) + "`")
		case *comment.Link:
			out.WriteString(asMarkdown(p.Text))
		}
	}
	return out.String()
}
