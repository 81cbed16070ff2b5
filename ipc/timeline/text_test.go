package timeline_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mpbox/mpbox/ipc/timeline"
)

var update = flag.Bool("update", false, "write the files of testdata anew")

func drawn(t *testing.T, l *timeline.Log, o timeline.TextOptions) []string {
	t.Helper()
	var b strings.Builder
	if err := l.WriteText(&b, o); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func TestTextIsAsKept(t *testing.T) {
	for _, name := range []string{"barrier", "crowd", "daemon", "deadlock", "killed", "lost", "odd", "pipeline", "pool", "rounds", "wakes"} {
		for _, o := range []timeline.TextOptions{{Width: 60}, {Width: 100}, {Width: 100, ASCII: true}} {
			t.Run(fmt.Sprintf("%s/%d/ascii=%t", name, o.Width, o.ASCII), func(t *testing.T) {
				file := filepath.Join("testdata", fmt.Sprintf("%s.%d", name, o.Width))
				if o.ASCII {
					file += ".ascii"
				}
				got := strings.Join(drawn(t, stories[name](), o), "\n") + "\n"
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("got\n%swant\n%s", got, want)
				}
			})
		}
	}
}

var ansi = regexp.MustCompile("\x1b\\[[0-9]*m")

// checkText checks what holds for any log and any options.
func checkText(t *testing.T, l *timeline.Log, o timeline.TextOptions) {
	t.Helper()
	lines := drawn(t, l, o)
	if len(lines) > o.Height {
		t.Errorf("%d lines; want %d at most", len(lines), o.Height)
	}
	for _, line := range lines {
		plain := ansi.ReplaceAllString(line, "")
		if n := utf8.RuneCountInString(plain); n > o.Width {
			t.Errorf("%d columns; want %d at most: %s", n, o.Width, plain)
		}
		if strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' || o.ASCII && r > '~' }) {
			t.Errorf("a character that must not be there: %q", plain)
		}
		if line != plain && (o.ASCII || !o.Color) {
			t.Errorf("colours that nobody has asked for: %q", line)
		}
		if plain != strings.TrimRight(plain, " ") {
			t.Errorf("blanks at the end of %q", plain)
		}
	}
}

func TestTextFitsIntoAnyWidthAndHeight(t *testing.T) {
	eachStory(t, func(t *testing.T, l *timeline.Log) {
		widths, heights := []int{1, 10, 30, 60, 61, 80, 133, 200}, []int{1, 2, 5, 24, 60}
		if len(l.Events) > 1000 {
			widths, heights = []int{60, 200}, []int{24}
		}
		for _, width := range widths {
			for _, height := range heights {
				checkText(t, l, timeline.TextOptions{Width: width, Height: height, Color: true})
				checkText(t, l, timeline.TextOptions{Width: width, Height: height, ASCII: true, Color: true})
			}
		}
	})
}

func TestTextHasAWidthAndAHeightOfItsOwn(t *testing.T) {
	l := stories["crowd"]()
	if got, want := drawn(t, l, timeline.TextOptions{}), drawn(t, l, timeline.TextOptions{Width: 80, Height: 24}); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestColorsAreNotNeededToReadText(t *testing.T) {
	eachStory(t, func(t *testing.T, l *timeline.Log) {
		plain := drawn(t, l, timeline.TextOptions{Width: 100})
		colored := drawn(t, l, timeline.TextOptions{Width: 100, Color: true})
		if len(l.Processes) > 0 && slices.Equal(plain, colored) {
			t.Error("no colours")
		}
		for i := range colored {
			colored[i] = ansi.ReplaceAllString(colored[i], "")
		}
		if !slices.Equal(plain, colored) {
			t.Error("with colours it is another picture")
		}
	})
}

// lineOf is the lane of a process as runes.
func lineOf(t *testing.T, lines []string, name string) []rune {
	t.Helper()
	for _, line := range lines {
		if strings.HasPrefix(strings.TrimLeft(line, " "), name+" ") {
			return []rune(line)
		}
	}
	t.Fatalf("%s has no lane in\n%s", name, strings.Join(lines, "\n"))
	return nil
}

func TestTextShowsWhoWaitedForWhomAtABarrier(t *testing.T) {
	for width := 60; width <= 200; width++ {
		l := stories["barrier"]()
		if width%2 == 1 { // at the right edge, too
			l.Events = slices.DeleteFunc(l.Events, func(e timeline.Event) bool { return e.At > ms(209) || e.Until > ms(209) })
			for i := range l.Processes {
				l.Processes[i].End = min(l.Processes[i].End, ms(209))
			}
		}
		lines := drawn(t, l, timeline.TextOptions{Width: width})
		first, late := lineOf(t, lines, "p1"), lineOf(t, lines, "p2")
		pass := slices.Index(first, '╫')
		if pass < 0 || pass != slices.Index(late, '╫') {
			t.Fatalf("p1 and p2 don't pass in one column:\n%s", strings.Join(lines, "\n"))
		}
		between := []rune(lines[slices.Index(lines, string(first))+1])
		if between[pass] != '║' {
			t.Fatalf("no line from p1 to p2:\n%s", strings.Join(lines, "\n"))
		}
		if got := string(first[:pass]); !strings.Contains(got, "├") || !strings.HasSuffix(got, "┈┈┈┈") {
			t.Errorf("p1 doesn't come and wait: %s", got)
		}
		if got := string(late[:pass]); strings.ContainsAny(got, "├┈") || !strings.HasSuffix(got, "━━━━") {
			t.Errorf("p2, the last one, doesn't come running: %s", got)
		}
		for _, p := range [][]rune{first, late} {
			if got := string(p[pass:]); !strings.HasPrefix(got, "╫█●") {
				t.Errorf("what follows at once is not there: %s", got)
			}
		}
	}
}

func TestTextEndsTheLaneOfAKilledProcessAtItsDeath(t *testing.T) {
	for width := 60; width <= 200; width++ {
		lines := drawn(t, stories["killed"](), timeline.TextOptions{Width: width})
		lane := lineOf(t, lines, "holder")
		cross := slices.Index(lane, '╳')
		if cross < 0 || string(lane[cross:]) != "╳ SIGKILL" {
			t.Fatalf("the lane doesn't end with the signal: %s", string(lane))
		}
		// The main process lives for the whole chart, the holder for 700 of its 1200 ms.
		main := lineOf(t, lines, "main")
		left := slices.IndexFunc(main, func(r rune) bool { return r == '━' })
		chart := len(main) - len(" exit 0") - left
		if at, want := cross-left, chart*700/1200; at != want {
			t.Errorf("width %d: dies in column %d of %d; want %d", width, at, chart, want)
		}
		if mark := slices.Index(main, '!'); mark != cross-1 && mark != cross {
			t.Errorf("the signal is sent in column %d, the process dies in %d", mark, cross)
		}
	}
}

func TestTextShowsWhatAProcessHeldWhenItWasKilled(t *testing.T) {
	for width := 60; width <= 200; width++ {
		l := stories["barrier"]()
		l.Processes[2].End, l.Processes[2].Code = ms(207.8), -9
		for i, e := range l.Events {
			if e.Kind == timeline.Hold && e.Process == 2 {
				l.Events[i].At, l.Events[i].Until = ms(207.7), -1
			}
		}
		l.Events = slices.DeleteFunc(l.Events, func(e timeline.Event) bool { return e.Kind == timeline.Send && e.Process == 2 })
		lines := drawn(t, l, timeline.TextOptions{Width: width})
		if lane := string(lineOf(t, lines, "p2")); !strings.HasSuffix(lane, "╫█╳ SIGKILL") {
			t.Errorf("passes the barrier, takes the lock and dies: %s", lane)
		}
	}
}

func TestTextCountsTheLanesThatAreLeftOut(t *testing.T) {
	for height := 6; height < 80; height++ {
		lines := drawn(t, stories["crowd"](), timeline.TextOptions{Width: 80, Height: height})
		shown, left := 0, 0
		for _, line := range lines {
			if regexp.MustCompile(`^( Process-[0-9]+|main) `).MatchString(line) {
				shown++
			}
			if _, err := fmt.Sscanf(line, "… %d more process", &left); err != nil {
				continue
			}
		}
		if shown+left != 65 || shown < 2 {
			t.Errorf("height %d: %d lanes, and %d left out; want 65\n%s", height, shown, left, strings.Join(lines, "\n"))
		}
		if height > 10 {
			for _, end := range []string{"╳ SIGSEGV", "exit 3"} {
				if !strings.Contains(strings.Join(lines, "\n"), end) {
					t.Errorf("height %d: nobody ends with %s", height, end)
				}
			}
		}
	}
}

func TestTextSaysWhatTheLogHasLost(t *testing.T) {
	text := strings.Join(drawn(t, stories["lost"](), timeline.TextOptions{Width: 60}), " ")
	for _, want := range []string{"1234 older events are missing", "1 process is missing"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestTextLegendHasTheSignsThatOccurOnly(t *testing.T) {
	meanings := map[string]string{"░": "is being started", "┈": "waits for", "█": "holds", "●": "sends", "○": "receives",
		"◆": "sets", "◇": "notifies", "├": "arrives", "╫": "all pass", "!": "sends a signal", "×": "an error", "┣": "does a task"}
	eachStory(t, func(t *testing.T, l *timeline.Log) {
		lines := drawn(t, l, timeline.TextOptions{Width: 100})
		legend := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, "━ runs") })
		if legend < 0 {
			return // of an empty log
		}
		// The line before may begin the legend, as signs come in an order.
		for legend > 0 && strings.HasPrefix(lines[legend-1], "░ ") {
			legend--
		}
		lanes, signs := strings.Join(lines[1:legend], "\n"), strings.Join(lines[legend:], "  ")
		for sign, meaning := range meanings {
			if there, told := strings.Contains(lanes, sign), strings.Contains(signs, sign+" "+meaning); there != told {
				t.Errorf("%s is in the lanes: %t, in the legend: %t\n%s", sign, there, told, strings.Join(lines, "\n"))
			}
		}
	})
}
