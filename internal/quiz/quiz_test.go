package quiz_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/docs"
	"github.com/mpbox/mpbox/internal/quiz"
)

// unexpanded is what is left of a parameter that has no value.
var unexpanded = regexp.MustCompile(`%[!a-z(]|\$\{?\w|\{\{|<nil>|\?\?\?`)

// checkText looks at a text for readers.
func checkText(t *testing.T, text string) {
	t.Helper()
	if found := unexpanded.FindString(text); found != "" {
		t.Errorf("%q has %q", text, found)
	}
	if n := len(text); n < 60 || n > 420 {
		t.Errorf("%q is %d bytes long; want 60 to 420", text, n)
	}
}

func TestQuestionsAreWellMade(t *testing.T) {
	for seed := range int64(200) {
		names := map[string]bool{}
		for _, q := range quiz.All(seed, "") {
			if names[q.Name] {
				t.Errorf("two templates are called %s", q.Name)
			}
			names[q.Name] = true
			checkText(t, q.Text)
			if n := len(q.Choices); n < 3 || n > 4 {
				t.Errorf("%s, seed %d: choices %q; want 3 or 4", q.Name, seed, q.Choices)
			}
			for i, c := range q.Choices {
				if slices.Contains(q.Choices[:i], c) || c == "" || unexpanded.MatchString(c) {
					t.Errorf("%s, seed %d: choice %q of %q", q.Name, seed, c, q.Choices)
				}
				if got, ok := q.Choice(c); !ok || got != c {
					t.Errorf("%s, seed %d: Choice(%q) = %q, %v", q.Name, seed, c, got, ok)
				}
				if got, ok := q.Choice(" " + strings.ToUpper(q.Letter(c)) + ") "); !ok || got != c {
					t.Errorf("%s, seed %d: Choice by letter of %q = %q, %v", q.Name, seed, c, got, ok)
				}
			}
			for _, no := range []string{"", "q", "e)x", "none of them", "A B"} {
				if got, ok := q.Choice(no); ok {
					t.Errorf("%s, seed %d: Choice(%q) = %q", q.Name, seed, no, got)
				}
			}
			if strings.Contains(q.Command(), "  ") || unexpanded.MatchString(q.Command()) {
				t.Errorf("%s, seed %d: command %q", q.Name, seed, q.Command())
			}
		}
	}
}

func TestQuestionsCoverEveryApplet(t *testing.T) {
	asked := map[string]int{}
	all := quiz.All(1, "")
	for _, q := range all {
		asked[q.Applet()]++
		for _, page := range q.Pages {
			if _, ok := docs.Page(page); !ok {
				t.Errorf("%s leads to %s, which is no page", q.Name, page)
			}
		}
		if q.Pages[0] != q.Applet() || !strings.HasPrefix(q.Name, q.Applet()+"/") {
			t.Errorf("%s, on page %s, runs %s", q.Name, q.Pages[0], q.Applet())
		}
	}
	for _, a := range applets.All {
		if asked[a.Name] == 0 {
			t.Errorf("no question about %s", a.Name)
		}
	}
	if len(all) < 25 {
		t.Errorf("%d questions; want 25 at least", len(all))
	}
	for _, page := range quiz.Pages() {
		for _, q := range quiz.All(1, page) {
			if !slices.Contains(q.Pages, page) {
				t.Errorf("All(1, %q) has %s", page, q.Name)
			}
		}
	}
}

func TestSeedRepeatsAQuiz(t *testing.T) {
	describe := func(seed int64, page string, n int) string {
		var out []string
		for _, q := range quiz.Some(seed, quiz.All(seed, page), n) {
			out = append(out, q.Name, q.Text, q.Command(), fmt.Sprint(q.Choices))
		}
		return strings.Join(out, "\n")
	}
	if one, two := describe(7, "", 30), describe(7, "", 30); one != two {
		t.Errorf("seed 7 gives\n%s\nand then\n%s", one, two)
	}
	if describe(7, "", 30) == describe(8, "", 30) {
		t.Error("seeds 7 and 8 give the same")
	}
	// The same question in a quiz on one topic.
	for _, q := range quiz.All(7, "process_pool") {
		if !strings.Contains(describe(7, "", 1000), q.Text) {
			t.Errorf("%s is another one in a quiz on its topic", q.Name)
		}
	}
}

func TestSomeTakesEachAppletBeforeOneComesAgain(t *testing.T) {
	all := quiz.All(3, "")
	had := map[string]int{}
	for _, q := range quiz.Some(3, all, len(applets.All)) {
		had[q.Applet()]++
	}
	if len(had) != len(applets.All) {
		t.Errorf("%d questions are about %v; want one for each applet", len(applets.All), had)
	}
	if n := len(quiz.Some(3, all, 1000)); n != len(all) {
		t.Errorf("Some(1000) returned %d of %d", n, len(all))
	}
}
