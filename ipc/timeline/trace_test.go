package timeline_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc/timeline"
)

// A traceEvent has the fields of the trace event format that its description
// lists; one that it doesn't is an error.
type traceEvent struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`
	Cat   string         `json:"cat"`
	Ts    *float64       `json:"ts"`
	Dur   *float64       `json:"dur"`
	Pid   *int           `json:"pid"`
	Tid   *int           `json:"tid"`
	ID    int            `json:"id"`
	Scope string         `json:"s"`
	Bp    string         `json:"bp"`
	Args  map[string]any `json:"args"`
}

type traceFile struct {
	TraceEvents     []traceEvent   `json:"traceEvents"`
	DisplayTimeUnit string         `json:"displayTimeUnit"`
	OtherData       map[string]any `json:"otherData"`
}

type thread struct{ pid, tid int }

// checkTrace checks the rules of the format: the fields of each phase, slices of
// a thread that lie within each other or apart, and arrows of two ends that are
// tied to slices.
func checkTrace(t *testing.T, l *timeline.Log) traceFile {
	t.Helper()
	var b strings.Builder
	if err := l.WriteTrace(&b); err != nil {
		t.Fatal(err)
	}
	var f traceFile
	d := json.NewDecoder(strings.NewReader(b.String()))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if f.TraceEvents == nil || f.DisplayTimeUnit != "ms" {
		t.Error("no traceEvents, or no displayTimeUnit")
	}
	slicesOf, pidOf := map[thread][]traceEvent{}, map[int]int{}
	for _, e := range f.TraceEvents {
		if e.Name == "" || e.Ts == nil || *e.Ts < 0 || e.Pid == nil || e.Tid == nil || e.Phase != "M" && e.Cat == "" {
			t.Errorf("fields are missing: %+v", e)
			continue
		}
		if pid, ok := pidOf[*e.Tid]; ok && pid != *e.Pid {
			t.Errorf("%d and %d have the same thread %d", pid, *e.Pid, *e.Tid)
		}
		pidOf[*e.Tid] = *e.Pid
		switch e.Phase {
		case "X":
			if e.Dur == nil || *e.Dur < 0 {
				t.Errorf("a slice without a duration: %+v", e)
				continue
			}
			slicesOf[thread{*e.Pid, *e.Tid}] = append(slicesOf[thread{*e.Pid, *e.Tid}], e)
		case "M":
			checkMetadata(t, e)
		case "i":
			if !slices.Contains([]string{"g", "p", "t"}, e.Scope) {
				t.Errorf("an instant without a scope: %+v", e)
			}
		case "s", "f":
			if e.ID == 0 || e.Phase == "f" && e.Bp != "e" {
				t.Errorf("half an arrow: %+v", e)
			}
		default:
			t.Errorf("phase %q", e.Phase)
		}
	}
	for th, all := range slicesOf {
		checkNesting(t, th, all)
	}
	checkFlows(t, f.TraceEvents, slicesOf)
	return f
}

func checkMetadata(t *testing.T, e traceEvent) {
	t.Helper()
	key := map[string]string{"process_name": "name", "thread_name": "name",
		"process_sort_index": "sort_index", "thread_sort_index": "sort_index"}[e.Name]
	if _, ok := e.Args[key]; !ok {
		t.Errorf("metadata without its argument: %+v", e)
	}
}

// nanoseconds are exact, other than sums of fractions of microseconds.
func nanoseconds(us float64) int64 { return int64(us*1000 + 0.5) }

func bounds(e traceEvent) (from, to int64) {
	return nanoseconds(*e.Ts), nanoseconds(*e.Ts) + nanoseconds(*e.Dur)
}

func checkNesting(t *testing.T, th thread, all []traceEvent) {
	t.Helper()
	slices.SortStableFunc(all, func(a, b traceEvent) int {
		aFrom, aTo := bounds(a)
		bFrom, bTo := bounds(b)
		if aFrom != bFrom {
			return int(aFrom - bFrom)
		}
		return int(bTo - aTo)
	})
	var open []int64
	for _, e := range all {
		from, to := bounds(e)
		for len(open) > 0 && open[len(open)-1] <= from {
			open = open[:len(open)-1]
		}
		if len(open) > 0 && open[len(open)-1] < to {
			t.Errorf("thread %v: %s, %d to %d, overlaps what ends at %d", th, e.Name, from, to, open[len(open)-1])
			return
		}
		open = append(open, to)
	}
}

func checkFlows(t *testing.T, all []traceEvent, slicesOf map[thread][]traceEvent) {
	t.Helper()
	starts := map[int]traceEvent{}
	for _, e := range all {
		if e.Phase != "s" && e.Phase != "f" {
			continue
		}
		at := nanoseconds(*e.Ts)
		in := slicesOf[thread{*e.Pid, *e.Tid}]
		// They are sorted by their beginnings: one that begins at or before it
		// and lasts is found by going back.
		i, _ := slices.BinarySearchFunc(in, at, func(s traceEvent, at int64) int {
			if from, _ := bounds(s); from > at {
				return 1
			}
			return -1
		})
		bound := false
		for i--; i >= 0 && !bound; i-- {
			_, to := bounds(in[i])
			bound = to > at
		}
		if !bound {
			t.Errorf("no slice around the end of an arrow: %+v", e)
		}
		if e.Phase == "s" {
			if _, twice := starts[e.ID]; twice {
				t.Errorf("two arrows with the number %d", e.ID)
			}
			starts[e.ID] = e
			continue
		}
		s, ok := starts[e.ID]
		if !ok || s.Name != e.Name || s.Cat != e.Cat || *s.Ts > *e.Ts {
			t.Errorf("an arrow that doesn't fit its beginning: %+v, %+v", s, e)
		}
		delete(starts, e.ID)
	}
	if len(starts) > 0 {
		t.Errorf("%d arrows without an end", len(starts))
	}
}

func TestTraceKeepsTheRulesOfTheFormat(t *testing.T) {
	eachStory(t, func(t *testing.T, l *timeline.Log) { checkTrace(t, l) })
}

// find counts the events of a phase with a name.
func (f traceFile) find(phase, name string) (n int) {
	for _, e := range f.TraceEvents {
		if e.Phase == phase && e.Name == name {
			n++
		}
	}
	return n
}

func TestTraceHasAnArrowForEachValue(t *testing.T) {
	f := checkTrace(t, stories["pipeline"]())
	for _, pipe := range []string{"pipe 1", "pipe 2"} {
		if n := f.find("s", pipe); n != 6 {
			t.Errorf("%d arrows through %s; want 6", n, pipe)
		}
	}
}

func TestTraceSaysHowAProcessEnded(t *testing.T) {
	f := checkTrace(t, stories["killed"]())
	for _, e := range f.TraceEvents {
		if e.Phase == "i" && e.Name == "SIGKILL" {
			if *e.Ts != 700_000 || *e.Pid != 101 {
				t.Errorf("SIGKILL at %v µs in %d; want 700000 in 101", *e.Ts, *e.Pid)
			}
			return
		}
	}
	t.Error("no instant SIGKILL")
}

func TestTracePutsWaitsThatOverlapOnThreadsOfTheirOwn(t *testing.T) {
	l := tell(100, func(s *story) {
		for i := range 3 {
			p := s.process(fmt.Sprintf("p%d", i), 0, 1, 2, 90, 0)
			s.join(0, p, 10+10*float64(i), 50+10*float64(i))
		}
	})
	tids := map[int]bool{}
	for _, e := range checkTrace(t, l).TraceEvents {
		if strings.HasPrefix(e.Name, "waits for") {
			tids[*e.Tid] = true
		}
	}
	if len(tids) != 3 {
		t.Errorf("three waits that overlap are on %d threads", len(tids))
	}
}

func TestTraceHasNumbersForPidsThatWereUsedAgain(t *testing.T) {
	l := stories["killed"]()
	l.Processes[2].Pid = l.Processes[1].Pid
	pids := map[int]bool{}
	for _, e := range checkTrace(t, l).TraceEvents {
		pids[*e.Pid] = true
	}
	if len(pids) != 3 {
		t.Errorf("%d pids for three processes", len(pids))
	}
}
