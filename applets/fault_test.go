package applets

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// faultsOf are the values of an applet's --fault, and its help.
func faultsOf(a Applet) (values []string, help string) {
	fault, ok := reflect.TypeOf(a.New()).Elem().FieldByName("Fault")
	if !ok || fault.Tag.Get("enum") == "" {
		return nil, ""
	}
	return strings.Split(fault.Tag.Get("enum"), ","), fault.Tag.Get("help")
}

// Each fault is named in the help and on the page, and run by the script.
func TestFaultsAreExplainedAndRun(t *testing.T) {
	for _, a := range All {
		values, help := faultsOf(a)
		if values == nil {
			if a.Name != "myfunc" && a.Name != "process_pool" {
				t.Errorf("%s has no faults", a.Name)
			}
			continue
		}
		page, err := os.ReadFile("../docs/" + a.Name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		script, err := os.ReadFile("../testdata/script/" + a.Name + "_fault.txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			if !strings.Contains(help, value) {
				t.Errorf("%s: the help of --fault does not say what %s is", a.Name, value)
			}
			if !strings.Contains(string(page), "--fault "+value) && !strings.Contains(string(page), "`"+value+"`") {
				t.Errorf("%s: the page does not say what --fault %s is", a.Name, value)
			}
			if !strings.Contains(string(script), a.Name+" --fault "+value) {
				t.Errorf("%s: the script does not run --fault %s", a.Name, value)
			}
		}
	}
}

// The same seed gives the same numbers, and not all seeds the same victim.
func TestSeedsChooseTheVictim(t *testing.T) {
	victims := map[int]bool{}
	for seed := range Number(20) {
		s := Seeded{seed}
		i, m := s.victim(6, "kill")
		again, mAgain := s.victim(6, "kill")
		if i != again || m != mAgain {
			t.Errorf("seed %d gives %d, %v and then %d, %v", seed, i, m, again, mAgain)
		}
		if i < 0 || i > 4 || m.At < 0 || m.At > i {
			t.Errorf("seed %d gives %d, %v; want 0 to 4, and one of its lines", seed, i, m)
		}
		victims[i] = true
	}
	if len(victims) != 5 {
		t.Errorf("20 seeds choose %d victims; want 5", len(victims))
	}
	if i, m := (Seeded{1}).victim(1, "kill"); i != 0 || m.At != 0 {
		t.Errorf("of one process, %d is hit at %d; want 0 at 0", i, m.At)
	}
}

// What is told fits in 78 columns, loses no word, and breaks at the same places
// whatever a time or a pid in it is.
func TestTellBreaksLines(t *testing.T) {
	text := "It took %s, and ünïcödé words of many a length were told to all of them, with pid=%s, " +
		"and more of them came until it was over at last, " + strings.Repeat("w", 60) + " %s."
	short := captured(t, func() { Common{}.tell("Seen", text, "1s", "7", "2ms") })
	long := captured(t, func() { Common{}.tell("Seen", text, "10.123s", "4194304", "123.4µs") })
	a, b := strings.Split(short, "\n"), strings.Split(long, "\n")
	if len(a) != len(b) || len(a) < 5 {
		t.Fatalf("%d lines and %d; want as many, and some:\n%s%s", len(a), len(b), short, long)
	}
	for i := range a {
		if first, again := strings.Fields(a[i]), strings.Fields(b[i]); len(first) != len(again) {
			t.Errorf("line %d is %q and %q", i, a[i], b[i])
		}
		if n := utf8.RuneCountInString(b[i]); n > 78 {
			t.Errorf("%d columns: %s", n, b[i])
		}
		begin := "          "
		if i == 0 {
			begin = "Seen    : "
		}
		if a[i] != "" && !strings.HasPrefix(a[i], begin) {
			t.Errorf("line %d begins %.10q; want %q", i, a[i], begin)
		}
	}
	want := "Seen : It took 1s, and ünïcödé words of many"
	if got := strings.Join(strings.Fields(short), " "); !strings.HasPrefix(got, want) {
		t.Errorf("told %q; want %q...", got, want)
	}
}

// captured returns what f prints.
func captured(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	f()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWholeLines(t *testing.T) {
	const time = " ----> 2026-11-22 23:11:08.000001"
	tests := []struct {
		line string
		want bool
	}{
		{"process p1 - test_with_barrier" + time, true},
		{"process p4 - test_without_barrier" + time, true},
		{"[4711] process p2 - test_with_barrier" + time, true},
		{"process p1 - test_without_barrier" + time, false}, // of p3 or p4
		{"process p1process p2 - test_with_barrier" + time, false},
		{"process p3 - test_without_barrier" + time + time, false},
		{"process p3 - test_without_barrier - test_without_barrier" + time, false},
		{"process p1" + time, false},
		{time, false},
		{"process p1 - test_with_barrier", false},
		{"[4711] ", false},
		{"[", false},
	}
	for _, test := range tests {
		if got := whole(test.line); got != test.want {
			t.Errorf("whole(%q) = %t; want %t", test.line, got, test.want)
		}
	}
}

func TestStateInStat(t *testing.T) {
	tests := []struct {
		stat string
		want byte
	}{
		{"4711 (mpbox) T 1 2 3", 'T'},
		{"4711 (a) S (b) R 1 2 3", 'R'},
		{"4711 (mpbox)", 0},
		{"", 0},
	}
	for _, test := range tests {
		if got := stateIn([]byte(test.stat)); got != test.want {
			t.Errorf("stateIn(%q) = %q; want %q", test.stat, got, test.want)
		}
	}
}

func TestMethodOf(t *testing.T) {
	tests := []struct{ line, want string }{
		{"github.com/mpbox/mpbox/ipc.(*Queue[...]).Put(0x1, 0x2)", "Put"},
		{"github.com/mpbox/mpbox/applets.producer({0x1, 0x2}, {{0x0}})", "producer"},
		{"goroutine 7 [running]:", ""},
		{"", ""},
	}
	for _, test := range tests {
		if got := methodOf(test.line); got != test.want {
			t.Errorf("methodOf(%q) = %q; want %q", test.line, got, test.want)
		}
	}
}
