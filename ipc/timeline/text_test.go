package timeline_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc/timeline"
)

func TestLook(t *testing.T) {
	for name, f := range stories {
		if n := os.Getenv("LOOK"); n == "" || !strings.Contains(name, n) && n != "all" {
			continue
		}
		for _, width := range []int{60, 100} {
			var b strings.Builder
			f().WriteText(&b, timeline.TextOptions{Width: width, ASCII: os.Getenv("ASCII") != ""})
			t.Logf("%s %d\n%s", name, width, b.String())
		}
	}
}

func TestLookSVG(t *testing.T) {
	dir := os.Getenv("LOOKDIR")
	if dir == "" {
		t.Skip()
	}
	for name, f := range stories {
		var b strings.Builder
		f().WriteSVG(&b)
		os.WriteFile(dir+"/"+name+".svg", []byte(b.String()), 0o666)
	}
}

func TestLookOthers(t *testing.T) {
	dir := os.Getenv("LOOKDIR")
	if dir == "" {
		t.Skip()
	}
	for name, f := range stories {
		var b, c strings.Builder
		f().WriteMermaid(&b)
		os.WriteFile(dir+"/"+name+".mmd", []byte(b.String()), 0o666)
		f().WriteTrace(&c)
		os.WriteFile(dir+"/"+name+".json", []byte(c.String()), 0o666)
	}
}
