package applets

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func TestMain(m *testing.M) { os.Exit(ipc.Main(m.Run)) }

func TestTableIsComplete(t *testing.T) {
	want := []string{
		"spawning_process", "spawning_process_namespace", "myfunc", "naming_processes", "derom",
		"no_bg_process", "run_bgprocess_no_dermon", "killing_processes", "process_in_subclass",
		"communicating_with_queue", "communicating_with_pipe", "process_barrier", "process_pool",
	}
	var names, topics []string
	for _, a := range All {
		names = append(names, a.Name)
		topics = append(topics, a.Topics...)
	}
	if !slices.Equal(names, want) {
		t.Errorf("names = %v; want %v", names, want)
	}
	scripts, _ := filepath.Glob("../testdata/script/*.txtar")
	for _, a := range All {
		if !slices.Contains(scripts, "../testdata/script/"+a.Name+".txtar") {
			t.Errorf("%s has no script", a.Name)
		}
		if !slices.Contains([]string{"Processes", "Talking", "Meeting", "Pool"}, a.Group) {
			t.Errorf("%s: group = %q", a.Name, a.Group)
		}
		if len(a.Short) > 70 || !strings.HasSuffix(a.Short, ".") || strings.Contains(a.Short, "\n") {
			t.Errorf("%s: short = %q; want one sentence of at most 70 bytes", a.Name, a.Short)
		}
	}
	slices.Sort(topics)
	if len(slices.Compact(slices.Clone(topics))) != len(topics) {
		t.Errorf("topics = %v; want each once", topics)
	}
}

func TestLookupWantsTheExactName(t *testing.T) {
	for _, a := range All {
		if got, ok := Lookup(a.Name); !ok || got.Name != a.Name {
			t.Errorf("Lookup(%q) = %v, %v", a.Name, got.Name, ok)
		}
	}
	for _, name := range []string{"", "Derom", "derom.py", "barrier"} {
		if got, ok := Lookup(name); ok {
			t.Errorf("Lookup(%q) = %v; want none", name, got.Name)
		}
	}
}

func TestNewGivesFreshCommands(t *testing.T) {
	for _, a := range All {
		one, two := a.New(), a.New()
		if one == two {
			t.Errorf("%s: New gives the same value twice", a.Name)
		}
		if !reflect.ValueOf(one).Elem().IsZero() {
			t.Errorf("%s: New() = %+v; want flags at zero", a.Name, one)
		}
	}
}

func TestHelpHasTwoExamples(t *testing.T) {
	for _, a := range All {
		help := a.New().Help()
		examples := regexp.MustCompile(`(?m)^  mpbox `+a.Name+`( |$)`).FindAllString(help, -1)
		if len(examples) != 2 {
			t.Errorf("%s: help has %d examples; want 2:\n%s", a.Name, len(examples), help)
		}
		for line := range strings.Lines(help) {
			if len(line) > 81 {
				t.Errorf("%s: help has a line of %d bytes: %s", a.Name, len(line), line)
			}
		}
	}
}

func TestSourceIsTheFile(t *testing.T) {
	for _, a := range All {
		want, err := os.ReadFile(a.Name + ".go")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Source(a.Name); err != nil || got != string(want) {
			t.Errorf("Source(%q) = %d bytes, %v; want the file", a.Name, len(got), err)
		}
	}
	for _, name := range []string{"", "applets", "../go.mod"} {
		if got, err := Source(name); err == nil {
			t.Errorf("Source(%q) = %d bytes; want an error", name, len(got))
		}
	}
}

func TestNumber(t *testing.T) {
	tests := []struct {
		text string
		want Number
		err  string
	}{
		{"0", 0, ""},
		{"10", 10, ""},
		{"-10", -10, ""},
		{"010", 10, ""},
		{"1_000", 1000, ""},
		{"1e3", 1000, ""},
		{"12E+2", 1200, ""},
		{"9223372036854775807", 9223372036854775807, ""},
		{"9223372036854775808", 0, "beyond the largest number"},
		{"-9223372036854775809", 0, "beyond the largest number"},
		{"1e19", 0, "beyond the largest number"},
		{"1e300", 0, "beyond the largest number"},
		{"", 0, "not a whole number"},
		{"1.5", 0, "not a whole number"},
		{"1e-3", 0, "not a whole number"},
		{"1e", 0, "not a whole number"},
		{"e3", 0, "not a whole number"},
		{"0x10", 0, "not a whole number"},
		{"inf", 0, "not a whole number"},
		{"ten", 0, "not a whole number"},
		{"_1", 0, "not a whole number"},
		{"1_", 0, "not a whole number"},
		{"1__0", 0, "not a whole number"},
		{"1_e3", 0, "not a whole number"},
		{"-_1", 0, "not a whole number"},
		{" 1", 0, "not a whole number"},
	}
	for _, test := range tests {
		var n Number
		err := n.UnmarshalText([]byte(test.text))
		if !matches(err, test.err) || err == nil && n != test.want {
			t.Errorf("Number %q = %d, %v; want %d, %q", test.text, n, err, test.want, test.err)
		}
	}
}

func TestBoundsAreRefused(t *testing.T) {
	tests := []struct {
		command interface{ Validate() error }
		want    string
	}{
		{Common{Step: 10 * time.Second}, ""},
		{Common{Step: 11 * time.Second}, "--step (or MPBOX_STEP) must be 0s to 10s, not 11s"},
		{Common{Step: -1}, "--step (or MPBOX_STEP) must be 0s to 10s, not -1ns"},
		{&spawningCommand{Processes: 1000}, ""},
		{&spawningCommand{Processes: 0}, "--processes must be 1 to 1000, not 0"},
		{&namespaceCommand{Processes: 1001}, "--processes must be 1 to 1000, not 1001"},
		{&myfuncCommand{I: -1}, "I must be 0 to 100000, not -1"},
		{&namingCommand{}, "--name must be 1 to 200 bytes without control characters, not \"\""},
		{&namingCommand{Name: "two\nlines"}, "--name must be 1 to 200 bytes without control characters, not \"two\\nlines\""},
		{&pipeCommand{Count: 1e9}, "--count must be 0 to 100000, not 1000000000"},
		{&queueCommand{Producers: 1, Consumers: 1}, ""},
		{&queueCommand{Producers: 0, Consumers: 1}, "--producers must be 1 to 100, not 0"},
		{&queueCommand{Producers: 1, Consumers: 101}, "--consumers must be 1 to 100, not 101"},
		{&queueCommand{Producers: 1, Consumers: 1, Capacity: -1}, "--capacity must be 0 to 100000, not -1"},
		{&poolCommand{Workers: 0}, "--workers must be 1 to 256, not 0"},
		{&poolCommand{Workers: 1, Inputs: 1e9}, "--inputs must be 0 to 100000, not 1000000000"},
		{&poolCommand{Workers: 1, Chunk: -1}, "--chunk must be 0 to 100000, not -1"},
	}
	for _, test := range tests {
		err := test.command.Validate()
		if !matches(err, test.want) || err != nil && err.Error() != test.want {
			t.Errorf("Validate of %+v = %v; want %q", test.command, err, test.want)
		}
	}
}

// matches reports whether err is nil if nothing is wanted, else whether it says
// what is wanted.
func matches(err error, want string) bool {
	if err == nil || want == "" {
		return err == nil && want == ""
	}
	return strings.Contains(err.Error(), want)
}

func TestRanges(t *testing.T) {
	tests := []struct {
		numbers []int
		want    string
	}{
		{nil, "none"},
		{[]int{3}, "3"},
		{[]int{0, 1, 2}, "0-2"},
		{[]int{0, 1, 3, 5, 6}, "0-1, 3, 5-6"},
	}
	for _, test := range tests {
		if got := ranges(test.numbers); got != test.want {
			t.Errorf("ranges(%v) = %q; want %q", test.numbers, got, test.want)
		}
	}
}
