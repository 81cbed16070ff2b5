package timeline_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc/timeline"
)

// A text of a diagram has none of what means something to Mermaid, but for
// entities.
const mermaidWords = "(?:[^#;<>\"&%$`\\\\{}\\n\\r]|#[a-z0-9]+;)+"

// mermaidLine is the part of the grammar of sequence diagrams that is used.
var mermaidLine = regexp.MustCompile(`^    (?:` +
	`participant P[0-9]+ as ` + mermaidWords +
	`|(?:activate|deactivate) P[0-9]+` +
	`|Note over P[0-9]+(?:,P[0-9]+)?: ` + mermaidWords +
	`|P[0-9]+(?:->>\+?|-->>-?|--x|-\))P[0-9]+: ` + mermaidWords + `)$`)

// checkMermaid checks what holds for the diagram of any log.
func checkMermaid(t *testing.T, l *timeline.Log) string {
	t.Helper()
	var b strings.Builder
	if err := l.WriteMermaid(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if lines[0] != "sequenceDiagram" || len(lines) < 2 {
		t.Errorf("no sequence diagram: %q", b.String())
	}
	if len(lines) > 160 {
		t.Errorf("%d lines", len(lines))
	}
	participants, active := map[string]bool{}, map[string]int{}
	for _, line := range lines[1:] {
		if !mermaidLine.MatchString(line) {
			t.Errorf("not in the grammar: %q", line)
		}
		ids := regexp.MustCompile(`\bP[0-9]+`).FindAllString(strings.SplitN(line, ":", 2)[0], 2)
		switch words := strings.Fields(line); {
		case len(ids) == 0:
			t.Errorf("nobody takes part in %q", line)
			continue
		case words[0] == "participant":
			participants[ids[0]] = true
			continue
		case words[0] == "activate":
			active[ids[0]]++
		case words[0] == "deactivate":
			active[ids[0]]--
		case strings.Contains(line, "->>+"):
			active[ids[1]]++
		case strings.Contains(line, "-->>-"):
			active[ids[0]]--
		}
		for _, id := range ids {
			if !participants[id] || active[id] < 0 {
				t.Errorf("%s takes part before it was declared, or ends twice: %q", id, line)
			}
		}
	}
	return b.String()
}

func TestMermaidKeepsToTheGrammar(t *testing.T) {
	eachStory(t, func(t *testing.T, l *timeline.Log) { checkMermaid(t, l) })
}

func TestMermaidTellsWhatHappenedInOrder(t *testing.T) {
	for name, want := range map[string][]string{
		"killed": {"participant P1 as holder", "P0->>+P1: starts", "Note over P1: holds lock", "Note over P2: waits for lock",
			"P0-)P1: SIGKILL", "P1--xP0: ended by SIGKILL", "deactivate P1", "whose holder had died", "P2-->>-P0: exit 1"},
		"barrier":  {"Note over P1: waits for the others at barrier", "Note over P2: is the last one at barrier", "Note over P1,P2: p1, p2: all pass barrier", "P1->>P0: queue"},
		"pipeline": {"P1->>P2: pipe 1", "P2->>P0: pipe 2", "P1-->>-P0: exit 0"},
		"wakes":    {"Note over P1: sets event", "Note over P1: notifies condition", "P1->>P2: queue (3 values)"},
		"deadlock": {"waits for lock 2, to its end"},
		"daemon":   {"as background (daemon)", "never began its target", "was not seen to end"},
		"lost":     {"1234 older events are missing"},
		"crowd":    {"Left out: 49 processes."},
		"flood":    {"Left out: "},
		"empty":    {"The log is empty."},
	} {
		rest := checkMermaid(t, stories[name]())
		for _, s := range want {
			_, after, ok := strings.Cut(rest, s)
			if !ok {
				t.Errorf("%s: no %q, or not in order, in\n%s", name, s, rest)
				break
			}
			rest = after
		}
	}
}
