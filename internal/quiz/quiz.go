// Package quiz asks what a run of an applet will show, runs it, and explains
// what was seen.
//
// A question is made from parameters: numbers, flags and names that a seed
// draws. It offers what different ideas of the applet lead to, computed from
// the parameters, and does not know which of them is right. That is taken from
// a run: its output, its exit code, the processes that it left.
package quiz

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/mpbox/mpbox/applets"
)

// A Question is about one run of an applet.
type Question struct {
	// Name is APPLET/WHAT: it belongs to the template and is the same for all
	// seeds.
	Name string
	// Pages are the pages that tell more, the applet's own first.
	Pages []string
	// Args is the command line of the run, after mpbox.
	Args []string
	// Text asks.
	Text string
	// Choices are what may be the answer, in the order to show them.
	Choices []string

	answer  func(*Run) (string, error) // what the run shows
	explain func(*Run) string
	fails   bool // the run may end with another code than 0
}

// Applet is the name of the applet that is run.
func (q *Question) Applet() string { return q.Args[0] }

// A template makes questions of one kind.
type template struct {
	name  string   // APPLET/WHAT
	pages []string // besides the applet's own
	make  func(*draw) Question
}

// applet is the name of the applet that the questions are about.
func (t *template) applet() string {
	name, _, _ := strings.Cut(t.name, "/")
	return name
}

// templates are all there are, in the order in which the applets are taught.
var templates = inOrder(startTemplates, endTemplates, talkTemplates, meetTemplates, poolTemplates,
	faultTemplates, lossTemplates)

// inOrder joins tables and sorts them by applet, in the order of applets.All.
func inOrder(tables ...[]template) []template {
	all := slices.Concat(tables...)
	place := func(t template) int {
		return slices.IndexFunc(applets.All, func(a applets.Applet) bool { return a.Name == t.applet() })
	}
	slices.SortStableFunc(all, func(a, b template) int { return place(a) - place(b) })
	return all
}

// Pages are the names of the pages that there are questions about.
func Pages() []string {
	var pages []string
	for _, t := range templates {
		pages = append(append(pages, t.applet()), t.pages...)
	}
	slices.Sort(pages)
	return slices.Compact(pages)
}

// All returns a question of each kind, in the order in which the applets are
// taught. A page that is not "" limits them to what that page is about.
func All(seed int64, page string) []Question {
	var all []Question
	for _, t := range templates {
		if page == "" || page == t.applet() || slices.Contains(t.pages, page) {
			all = append(all, t.question(seed))
		}
	}
	return all
}

// Some returns n of the questions, drawn by the seed. No applet comes again
// before each has come once.
func Some(seed int64, all []Question, n int) []Question {
	left := slices.Clone(all)
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	var chosen []Question
	for len(left) > 0 && len(chosen) < n {
		var later []Question
		had := map[string]bool{}
		for _, q := range left {
			if had[q.Applet()] {
				later = append(later, q)
				continue
			}
			had[q.Applet()] = true
			chosen = append(chosen, q)
		}
		left = later
	}
	return chosen[:min(n, len(chosen))]
}

// question makes the question that a seed draws. It depends on nothing else, so
// that it is the same in a quiz on one topic and in one on all.
func (t *template) question(seed int64) Question {
	h := fnv.New64a()
	h.Write([]byte(t.name))
	d := &draw{rand.New(rand.NewPCG(uint64(seed), h.Sum64()))}
	q := t.make(d)
	q.Name = t.name
	q.Pages = append([]string{t.applet()}, t.pages...)
	q.Choices = distinct(q.Choices)
	d.Shuffle(len(q.Choices), func(i, j int) { q.Choices[i], q.Choices[j] = q.Choices[j], q.Choices[i] })
	return q
}

// distinct leaves out what came before: two ideas may lead to the same.
func distinct(choices []string) []string {
	var out []string
	for _, c := range choices {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// Choice finds the choice that a reader's answer means: by its letter, or as it
// is written.
func (q *Question) Choice(answer string) (choice string, ok bool) {
	answer = plain(answer)
	if letter := strings.TrimSuffix(answer, ")"); len(letter) == 1 {
		if i := int(letter[0]) - 'a'; 0 <= i && i < len(q.Choices) {
			return q.Choices[i], true
		}
	}
	for _, c := range q.Choices {
		if plain(c) == answer {
			return c, true
		}
	}
	return "", false
}

// Letter is the letter of a choice.
func (q *Question) Letter(choice string) string {
	return string(rune('a' + slices.Index(q.Choices, choice)))
}

// plain is an answer without what does not matter in it.
func plain(answer string) string {
	return strings.ToLower(strings.Join(strings.Fields(answer), " "))
}
