package timeline_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc/timeline"
)

func TestJSONGivesTheLogBack(t *testing.T) {
	for name, story := range stories {
		if name == "flood" || name == "odd" { // too long; not UTF-8, as JSON has to be
			continue
		}
		var b strings.Builder
		if err := story().WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		got, err := timeline.ReadJSON(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if want := story(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: ReadJSON = %v; want %v", name, got, want)
		}
	}
}

func TestJSONOfSomethingElseIsAnError(t *testing.T) {
	for _, s := range []string{"", "{", "[]", `{"Proceses": []}`, `{"Lost": "many"}`} {
		if l, err := timeline.ReadJSON(strings.NewReader(s)); err == nil {
			t.Errorf("ReadJSON(%q) = %v; want an error", s, l)
		}
	}
}
