package timeline_test

import (
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc/timeline"
)

func drawnSVG(t *testing.T, l *timeline.Log) string {
	t.Helper()
	var b strings.Builder
	if err := l.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An svgSummary is what a test asks about an SVG.
type svgSummary struct {
	text     []string
	arrows   int
	elements int
}

// checkSVG checks what holds for the picture of any log.
func checkSVG(t *testing.T, svg string) svgSummary {
	t.Helper()
	var sum svgSummary
	var width, height float64
	ids, uses := map[string]bool{}, map[string]bool{}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch e := token.(type) {
		case xml.CharData:
			if s := strings.TrimSpace(string(e)); s != "" {
				sum.text = append(sum.text, s)
			}
		case xml.StartElement:
			sum.elements++
			switch e.Name.Local {
			case "script", "image", "use", "foreignObject", "style", "a":
				t.Errorf("an element %s", e.Name.Local)
			}
			place := map[string]float64{}
			for _, a := range e.Attr {
				switch name := a.Name.Local; name {
				case "id":
					ids[a.Value] = true
				case "fill", "stroke", "marker-end":
					if id, ok := strings.CutPrefix(a.Value, "url(#"); ok {
						uses[strings.TrimSuffix(id, ")")] = true
					}
					if name == "marker-end" {
						sum.arrows++
					}
				case "href", "src", "onload", "onclick":
					t.Errorf("an attribute %s", name)
				case "x", "y", "width", "height", "cx", "cy":
					f, err := strconv.ParseFloat(a.Value, 64)
					if err != nil {
						t.Errorf("%s has %s=%q", e.Name.Local, name, a.Value)
					}
					place[name] = f
				}
			}
			if e.Name.Local == "svg" {
				width, height = place["width"], place["height"]
			}
			x, y := place["x"]+place["cx"], place["y"]+place["cy"]
			if x < 0 || y < 0 || x > width+0.1 || y > height+0.1 || x+place["width"] > width+0.1 || y+place["height"] > height+0.1 {
				t.Errorf("outside of the picture of %g by %g: %v", width, height, e)
			}
		}
	}
	for id := range uses {
		if !ids[id] {
			t.Errorf("nothing has the id %s", id)
		}
	}
	if !ids["title"] || !ids["desc"] {
		t.Error("no title or description")
	}
	return sum
}

func TestSVGIsWellFormedAndStandsAlone(t *testing.T) {
	eachStory(t, func(t *testing.T, l *timeline.Log) {
		svg := drawnSVG(t, l)
		checkSVG(t, svg)
		if svg != drawnSVG(t, l) {
			t.Error("the same log gives two pictures")
		}
	})
}

func TestSVGHasNamesAsTheyAre(t *testing.T) {
	text := strings.Join(checkSVG(t, drawnSVG(t, stories["odd"]())).text, "\n")
	for _, want := range []string{`a "quoted" <b>&amp; 'name'; end`, `<qu"eue> & 'co'`, "日本語のとても長い名前のプロセス", "new\ufffdline"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestSVGTellsWhatHappened(t *testing.T) {
	for name, want := range map[string][]string{
		"killed":  {"SIGKILL", "lock", "waits for lock", "exit 1", "an error", "ended by a signal"},
		"barrier": {"p1", "waits for the others at barrier", "all pass", "exit 0", "in the order in which they came to it: p1, p2."},
		"daemon":  {"background (daemon)", "SIGTERM", "not ended", "exit 2"},
		"lost":    {"1234 older events are missing", "1 process is missing"},
		"crowd":   {"17 more processes are not drawn."},
		"empty":   {"The log is empty."},
		"pool":    {"task 0", "through pipe 1", "through pipe 2"},
	} {
		text := strings.Join(checkSVG(t, drawnSVG(t, stories[name]())).text, "\n")
		for _, s := range want {
			if !strings.Contains(text, s) && !strings.Contains(text, strings.TrimPrefix(s, "task ")) {
				t.Errorf("%s: no %q in\n%s", name, s, text)
			}
		}
	}
}

func TestSVGThinsOutWhatIsTooMuch(t *testing.T) {
	svg := drawnSVG(t, stories["flood"]())
	sum := checkSVG(t, svg)
	// The legend has an arrow of its own for each object.
	if sum.arrows < 100 || sum.arrows > 202 {
		t.Errorf("%d arrows; want some 200", sum.arrows)
	}
	if sum.elements > 5000 {
		t.Errorf("%d elements for two lanes", sum.elements)
	}
	if !strings.Contains(strings.Join(sum.text, " "), "one of 50 has an arrow") {
		t.Error("it isn't said that arrows were left out")
	}
}
