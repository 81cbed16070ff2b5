package docs_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/ipc/timeline"
)

// The pictures of a page are drawn from the event log of a run of the command
// that its timeline block begins with. The log is kept beside them, so that
// they can be drawn again: what is checked of a new run is what does not depend
// on the time.
//
//	go generate ./docs
var update = flag.Bool("update", false, "run the commands of the pictures, and draw them anew")

const pictures = "pictures"

// pictureColumns is the width of a text picture: a terminal of 80 columns has
// room for it with the margins of a page.
const pictureColumns = 74

func TestPictures(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each applet")
	}
	if _, err := build(); err != nil {
		t.Fatal(err)
	}
	for _, a := range applets.All {
		t.Run(a.Name, func(t *testing.T) {
			blocks, _, err := parse(read(t, a.Name+".md"))
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(blocks, func(b block) bool { return b.info == "timeline" })
			if i < 0 {
				t.Fatalf("%s.md has no block of kind timeline", a.Name)
			}
			command := strings.TrimPrefix(blocks[i].lines[0], "$ ")
			ran := record(t, command)
			if *update {
				save(t, a.Name, blocks[i], ran)
				return
			}
			kept := keptLog(t, a.Name)
			if want := draw(t, command, kept); !slices.Equal(blocks[i].lines, want) {
				t.Errorf("the page has\n%s\nits log gives\n%s", strings.Join(blocks[i].lines, "\n"), strings.Join(want, "\n"))
			}
			var svg bytes.Buffer
			if err := kept.WriteSVG(&svg); err != nil {
				t.Fatal(err)
			}
			if file := read(t, filepath.Join(pictures, a.Name+".svg")); file != svg.String() {
				t.Error("the SVG file is not what its log gives")
			}
			if old, now := plot(kept), plot(ran); !slices.Equal(old, now) {
				t.Errorf("a new run gives another picture:\n%s\ninstead of\n%s", strings.Join(now, "\n"), strings.Join(old, "\n"))
			}
		})
	}
}

// record runs the command and reads its log.
func record(t *testing.T, command string) *timeline.Log {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	words := strings.Fields(strings.TrimSuffix(command, " --timeline")) // which would keep a log of its own
	if out, err := runWith("IPC_LOG="+log, t.TempDir(), filepath.Join(tools, words[0]), words[1:]...); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := timeline.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func keptLog(t *testing.T, name string) *timeline.Log {
	t.Helper()
	f, err := os.Open(filepath.Join(pictures, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := timeline.ReadJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// draw gives the lines of a timeline block.
func draw(t *testing.T, command string, l *timeline.Log) []string {
	t.Helper()
	var text bytes.Buffer
	if err := l.WriteText(&text, timeline.TextOptions{Width: pictureColumns, ASCII: true}); err != nil {
		t.Fatal(err)
	}
	return append([]string{"$ " + command}, strings.Split(strings.TrimRight(text.String(), "\n"), "\n")...)
}

// plot is what each run of the same command has in common: who takes part, how
// each ends, and what is passed on, set and done. How long things take, and so
// whether one has to wait for them, differs.
func plot(l *timeline.Log) []string {
	var facts []string
	for _, p := range l.Processes {
		parent := ""
		if p.Parent >= 0 {
			parent = l.Processes[p.Parent].Name
		}
		facts = append(facts, fmt.Sprintf("process %s, parent %q, daemon %t, exit code %d", p.Name, parent, p.Daemon, p.Code))
	}
	done := map[string]int{}
	for _, e := range l.Events {
		who := l.Processes[e.Process].Name
		switch e.Kind {
		case timeline.Send:
			done[who+" sends by a "+l.Objects[e.Object].Kind] += e.Count
		case timeline.Recv:
			done[who+" receives by a "+l.Objects[e.Object].Kind] += e.Count
		case timeline.Hold:
			done[who+" holds a "+l.Objects[e.Object].Kind]++
		case timeline.Set, timeline.Notify:
			done[who+" sets or notifies a "+l.Objects[e.Object].Kind]++
		case timeline.Signal:
			done[fmt.Sprintf("%s sends signal %d to %s", who, e.Signal, l.Processes[e.Peer].Name)]++
		case timeline.Task:
			done["tasks"]++ // by whichever worker
		case timeline.Wait:
			if e.For == timeline.ForParties {
				done[who+" comes to a barrier"]++
			}
		}
	}
	for what, n := range done {
		facts = append(facts, fmt.Sprintf("%s: %d", what, n))
	}
	slices.Sort(facts)
	return facts
}

// save keeps a log and draws its pictures.
func save(t *testing.T, name string, b block, l *timeline.Log) {
	t.Helper()
	for i := range l.Processes {
		l.Processes[i].Pid = 1000 + i
	}
	write := func(file string, f func(*bytes.Buffer) error) {
		t.Helper()
		var out bytes.Buffer
		if err := f(&out); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(pictures, name+".json"), func(w *bytes.Buffer) error { return l.WriteJSON(w) })
	write(filepath.Join(pictures, name+".svg"), func(w *bytes.Buffer) error { return l.WriteSVG(w) })
	write(name+".md", func(w *bytes.Buffer) error {
		page := strings.Split(read(t, name+".md"), "\n")
		first := b.line // the line after the fence, counted from 0
		page = slices.Replace(page, first, first+len(b.lines), draw(t, strings.TrimPrefix(b.lines[0], "$ "), l)...)
		_, err := w.WriteString(strings.Join(page, "\n"))
		return err
	})
}
