package box

import (
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSize is the command size.
func cmdSize(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: size COLUMNS FILE")
	}
	columns := number(ts, args[0])
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		line = strings.TrimRight(line, "\r\n")
		if n := utf8.RuneCountInString(line); n > columns {
			ts.Fatalf("%d columns, more than %d: %s", n, columns, line)
		}
	}
}

// cmdPlain is the command plain.
func cmdPlain(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] plain FILE")
	}
	found := strings.IndexFunc(ts.ReadFile(args[0]), func(c rune) bool {
		return c == '\x1b' || (c >= '\u2500' && c <= '\u259f')
	})
	if plain := found < 0; plain == neg {
		ts.Fatalf("plain is %v", plain)
	}
}
