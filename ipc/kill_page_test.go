package ipc_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPageHasTheKillTable: docs/death.md publishes the rows of the table.
func TestPageHasTheKillTable(t *testing.T) {
	page := string(ok(os.ReadFile("../docs/death.md"))(t))
	var rows []string
	for _, p := range places {
		rows = append(rows, "| "+p.object+" | "+p.moment+" | "+p.seen+" |")
	}
	var published []string
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| --") &&
			line != "| what | the process dies | what the others see |" {
			published = append(published, line)
		}
	}
	if !slices.Equal(rows, published) {
		t.Errorf("the table of docs/death.md is\n%s\nwant\n%s", strings.Join(published, "\n"), strings.Join(rows, "\n"))
	}
}
