package python_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A program is an applet in both languages, and how its lines are compared.
type program struct {
	applet string
	args   []string
	step   string
	// lanes match the lines of one process each. Those come in order; the lines
	// that none of them matches do so too.
	lanes []string
	// anyOrder is for lines that don't tell whose they are.
	anyOrder bool
	// timing matches lines that come more often on a slower machine.
	timing string
	// items are two groups of lines, with a number each, which come in the same
	// order in both.
	items [2]string
}

// Each line of an applet has its counterpart in Python.
var programs = []program{
	{applet: "spawning_process", step: "20ms"},
	{applet: "spawning_process_namespace", step: "20ms", anyOrder: true},
	{applet: "myfunc", args: []string{"3"}, step: "20ms"},
	{applet: "naming_processes", step: "20ms", lanes: []string{`Process-2$`, `myFunc process$`}},
	{applet: "derom", step: "20ms", lanes: []string{`\bnon-daemon\b`, `\bdaemon\b`},
		timing: `^daemon: heartbeat ([2-9]|\d\d+)$`},
	// The daemon must not get to its end, so its steps are longer.
	{applet: "no_bg_process", step: "600ms", lanes: []string{`\bNO_background_process\b|---> [5-9]$`,
		`\bbackground_process\b|---> [0-4]$`}, timing: `^---> [2-4]$`},
	{applet: "run_bgprocess_no_dermon", step: "20ms", lanes: []string{`\bNO_background_process\b|---> [5-9]$`,
		`\bbackground_process\b|---> [0-4]$`}},
	{applet: "killing_processes", step: "20ms"},
	{applet: "process_in_subclass", step: "20ms"},
	{applet: "communicating_with_queue", step: "20ms", lanes: []string{`^Process Producer |^The size `},
		items: [2]string{`^Process Producer : item (\d+) `, `^Process Consumer : item (\d+) `}},
	{applet: "communicating_with_pipe", step: "20ms"},
	{applet: "process_barrier", step: "20ms", lanes: []string{`^process p1 `, `^process p2 `, `^process p3 `, `^process p4 `}},
	{applet: "process_pool", step: "20ms"},
}

// varying holds what differs from run to run, and what it is compared as.
var varying = []struct {
	re *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`\b(pid|parent)=\d+`), "$1=PID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$`), "TIME"},
	{regexp.MustCompile(` (\d+m)?\d+(\.\d+)?(ns|µs|ms|s) apart$`), " DURATION apart"},
	{regexp.MustCompile(`^(Process \w+ : item) \d+ `), "$1 NUMBER "},
	{regexp.MustCompile(`^(The size of queue is) (\d+|unknown)$`), "$1 NUMBER"},
	// SIGTERM may have ended the process by then, or not; in Python also after
	// is_alive() was called and before the state is printed.
	{regexp.MustCompile(`^(Process terminated: .*) (started> True|stopped exitcode=-SIGTERM> (True|False))$`), "$1 ANY"},
}

// byLane puts the lines of each process together: the order in which two
// processes print is theirs.
func (p program) byLane(text string) [][]string {
	lanes := make([][]string, len(p.lanes)+1)
	for line := range strings.Lines(text) {
		if p.timing != "" && regexp.MustCompile(p.timing).MatchString(strings.TrimSuffix(line, "\n")) {
			continue
		}
		for _, v := range varying {
			line = v.re.ReplaceAllString(strings.TrimSuffix(line, "\n"), v.as)
		}
		i := slices.IndexFunc(p.lanes, func(lane string) bool { return regexp.MustCompile(lane).MatchString(line) })
		lanes[i+1] = append(lanes[i+1], line)
	}
	if p.anyOrder {
		slices.Sort(lanes[0])
	}
	return lanes
}

// differences says what is not the same in what the two have printed.
func (p program) differences(want, got string) string {
	theirs := p.byLane(got)
	for i, ours := range p.byLane(want) {
		if !slices.Equal(ours, theirs[i]) {
			return fmt.Sprintf("%q, not %q", theirs[i], ours)
		}
	}
	for _, text := range []string{want, got} {
		if in, out := numbers(p.items[0], text), numbers(p.items[1], text); !slices.Equal(in, out) {
			return fmt.Sprintf("items %q go in, and %q come out", in, out)
		}
	}
	return ""
}

// numbers are those in the lines that a pattern matches.
func numbers(pattern, text string) (found []string) {
	if pattern == "" {
		return nil
	}
	for _, match := range regexp.MustCompile("(?m)"+pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func TestDifferencesAreSeen(t *testing.T) {
	lanes := program{lanes: []string{"^a", "^b"}}
	items := program{items: [2]string{`^Process Producer : item (\d+) `, `^Process Consumer : item (\d+) `}}
	for _, test := range []struct {
		name      string
		program   program
		want, got string
		same      bool
	}{
		{"equal", program{}, "x\ny\n", "x\ny\n", true},
		{"another word", program{}, "x\ny\n", "x\nz\n", false},
		{"another order", program{}, "x\ny\n", "y\nx\n", false},
		{"one less", program{}, "x\ny\n", "x\n", false},
		{"one more", program{}, "x\n", "x\ny\n", false},
		{"any order", program{anyOrder: true}, "x\ny\n", "y\nx\n", true},
		{"any order, once and twice", program{anyOrder: true}, "x\ny\n", "y\nx\nx\n", false},
		{"two processes", lanes, "a1\nb1\na2\nc\n", "c\nb1\na1\na2\n", true},
		{"two processes, one out of order", lanes, "a1\nb1\na2\n", "a2\na1\nb1\n", false},
		{"two processes, a word", lanes, "a1\nb1\n", "a1\nb2\n", false},
		{"timing", program{timing: "^x2$"}, "x1\nx2\n", "x1\n", true},
		{"timing, a word", program{timing: "^x2$"}, "x1\nx2\n", "x1\nx3\n", false},
		{"pids", program{}, "<p pid=1 parent=23>\n", "<p pid=12 parent=3>\n", true},
		{"a name", program{}, "<p pid=1 parent=23>\n", "<q pid=1 parent=23>\n", false},
		{"gaps", program{}, "p1 and p2 passed 460µs apart\n", "p1 and p2 passed 1.234ms apart\n", true},
		{"no gap", program{}, "p1 and p2 passed 460µs apart\n", "p1 and p2 passed apart\n", false},
		{"items", items, "Process Producer : item 1 appended\nProcess Consumer : item 1 popped\n",
			"Process Producer : item 2 appended\nProcess Consumer : item 2 popped\n", true},
		{"items that were not put in", items, "Process Producer : item 1 appended\nProcess Consumer : item 1 popped\n",
			"Process Producer : item 2 appended\nProcess Consumer : item 3 popped\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := test.program.differences(test.want, test.got); (d == "") != test.same {
				t.Errorf("%q and %q: differences %q", test.want, test.got, d)
			}
		})
	}
}
