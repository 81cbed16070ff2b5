package box

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mpbox/mpbox/internal/bench"
)

// costOf is a cost with these samples.
func costOf(samples ...float64) *cost {
	c := &cost{}
	for _, s := range samples {
		c.add(s)
	}
	return c
}

func TestCost(t *testing.T) {
	for _, test := range []struct {
		samples          []float64
		median, min, max float64
	}{
		{[]float64{3}, 3, 3, 3},
		{[]float64{3, 1}, 2, 1, 3},
		{[]float64{9, 1, 2}, 2, 1, 9},
		{[]float64{4, 8, 1, 2}, 3, 1, 8},
		{[]float64{1.23456, 123456}, 61750, 1.235, 123500},
	} {
		c := costOf(test.samples...)
		if c.Median != test.median || c.Min != test.min || c.Max != test.max || len(c.Samples) != len(test.samples) {
			t.Errorf("cost of %v = %+v; want %v, %v..%v", test.samples, c, test.median, test.min, test.max)
		}
	}
}

func TestRatioSaysHowManyTimesFasterWeAre(t *testing.T) {
	for _, test := range []struct {
		unit         bench.Unit
		ours, theirs *cost
		want         float64
	}{
		{bench.Microseconds, costOf(2), costOf(50), 25},
		{bench.Microseconds, costOf(50), costOf(2), 0.04},
		{bench.Millions, costOf(10), costOf(0.1), 100},
		{bench.Millions, costOf(1, 2, 30), costOf(4), 0.5},
		{bench.Millions, costOf(1), nil, 0},
		{bench.Millions, costOf(1), &cost{Error: "no"}, 0},
		{bench.Millions, &cost{Error: "no"}, costOf(1), 0},
		{bench.Millions, costOf(1), &cost{}, 0},
	} {
		r := benchRow{Unit: test.unit, Ours: test.ours, Python: test.theirs}
		r.compare()
		if r.Ratio != test.want {
			t.Errorf("ratio of %+v and %+v %s = %v; want %v", test.ours, test.theirs, test.unit, r.Ratio, test.want)
		}
	}
}

// rowsOf are rows of each kind.
func rowsOf() []benchRow {
	rows := []benchRow{
		{Name: "round_trip/64KiB", Unit: bench.Microseconds, Ours: costOf(8, 9, 30), Python: costOf(63.4),
			Floor: costOf(41)},
		{Name: "queue/1:1", Unit: bench.Millions, Ours: costOf(11.3), Python: costOf(0.158)},
		{Name: "lock/2", Unit: bench.Nanoseconds, Ours: costOf(22), Python: &cost{Error: "no"}},
		{Name: "event", Unit: bench.Microseconds, Ours: &cost{Error: "no"}, Python: costOf(54.5), Floor: &cost{Error: "no"}},
	}
	for i := range rows {
		rows[i].compare()
	}
	return rows
}

func TestTable(t *testing.T) {
	for _, test := range []struct {
		name    string
		columns int
		peers   bool
		want    string
	}{
		{"all", 100, true, `
                        mpbox        min..max  Python        min..max  ratio   floor
round_trip/64KiB us      9.00      8.00..30.0    63.4      63.4..63.4   7.0x    41.0
queue/1:1        M/s     11.3      11.3..11.3   0.158    0.158..0.158    72x
lock/2           ns      22.0      22.0..22.0       -
event            us         -                    54.5      54.5..54.5              -
`},
		{"80 columns", 80, true, `
                        mpbox        min..max  Python  ratio   floor
round_trip/64KiB us      9.00      8.00..30.0    63.4   7.0x    41.0
queue/1:1        M/s     11.3      11.3..11.3   0.158    72x
lock/2           ns      22.0      22.0..22.0       -
event            us         -                    54.5              -
`},
		{"40 columns", 40, true, `
                   mpbox  Python  ratio
round_trip/64KiB    9.00    63.4   7.0x
queue/1:1           11.3   0.158    72x
lock/2              22.0       -
event                  -    54.5
`},
		{"no peers", 80, false, `
                        mpbox        min..max   floor
round_trip/64KiB us      9.00      8.00..30.0    41.0
queue/1:1        M/s     11.3      11.3..11.3
lock/2           ns      22.0      22.0..22.0
event            us         -                       -
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			table := benchTable{test.columns, benchColumns(test.columns, test.peers)}
			var got strings.Builder
			got.WriteString("\n" + table.titles())
			for _, r := range rowsOf() {
				got.WriteString(table.line(&r))
			}
			if got.String() != test.want {
				t.Errorf("the table is%s\nwant%s", got.String(), test.want)
			}
		})
	}
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.00001: "0.0000", 0.0123: "0.0123", 0.999: "0.999", 1: "1.00", 12.34: "12.3", 99.99: "100.0",
		100: "100", 1234.5: "1234", 3210000: "3210000",
	} {
		if got := threeDigits(v); got != want {
			t.Errorf("threeDigits(%v) = %s; want %s", v, got, want)
		}
	}
}

func TestDocumentHasAllAsJSON(t *testing.T) {
	doc := newBenchDocument(Build{Version: "1.2.3"}, newPlan(false))
	doc.Rows = rowsOf()
	text, err := doc.json()
	if err != nil {
		t.Fatal(err)
	}
	var got benchDocument
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(&got, doc) {
		t.Errorf("read back, the document is %+v; want %+v", got, *doc)
	}
	if err := doc.failure(); err == nil || err.Error() != "event: no" {
		t.Errorf("failure() = %v; want that of the event", err)
	}
}

func TestChooseMeasurements(t *testing.T) {
	all := []bench.Measurement{{Name: "lock/2"}, {Name: "round_trip/8B"}, {Name: "round_trip/1KiB"}, {Name: "lock/free"}}
	for pattern, want := range map[string][]string{
		"":              {"lock/2", "round_trip/8B", "round_trip/1KiB", "lock/free"},
		"lock":          {"lock/2", "lock/free"},
		"LOCK/2":        {"lock/2"},
		"round-trip/8b": {"round_trip/8B"},
		"*/*B":          {"round_trip/8B", "round_trip/1KiB"},
	} {
		chosen, err := (&benchCommand{Pattern: pattern}).choose(all)
		var got []string
		for _, m := range chosen {
			got = append(got, m.Name)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("choose(%q) = %q, %v; want %q", pattern, got, err, want)
		}
	}
	for _, pattern := range []string{"xyzzy", "lock["} {
		_, err := (&benchCommand{Pattern: pattern}).choose(all)
		var r *refusal
		if !errors.As(err, &r) || r.code != exitUsage {
			t.Errorf("choose(%q) = %v; want a usage error", pattern, err)
		}
	}
}

func TestTheTimeIsSharedAmongTheRows(t *testing.T) {
	p := newPlan(false)
	now := p.end.Add(-9 * time.Second)
	for rows, want := range map[int]time.Duration{1: 5 * time.Second, 3: 3 * time.Second, 9: time.Second} {
		if got := p.shareEnd(now, rows).Sub(now); got != want {
			t.Errorf("with %d rows left in 9 s, one has %v; want %v", rows, got, want)
		}
	}
	if late := p.end.Add(time.Second); p.shareEnd(late, 1).After(late) {
		t.Error("there is time left after the end")
	}
}

// scripted is a contender that takes what it is given, in units of 1 ms.
func scripted(log *[]string, name string, samples ...float64) contender {
	return contender{&cost{}, func(time.Duration) (float64, error) {
		*log = append(*log, name)
		s := samples[0]
		samples = samples[1:]
		if s < 0 {
			return 0, errors.New("broken")
		}
		return s / 1000, nil
	}}
}

func TestSamplesAreTakenInTurnAndTheFirstDoNotCount(t *testing.T) {
	var log []string
	a, b := scripted(&log, "a", 9, 1, 2, 3), scripted(&log, "b", 9, 4, -1)
	m := &bench.Measurement{Unit: bench.Milliseconds}
	benchPlan{rounds: 3}.take(t.Context(), m, []contender{a, b}, time.Now().Add(time.Hour))
	if got := strings.Join(log, ""); got != "abababa" {
		t.Errorf("samples were taken by %s; want abababa", got)
	}
	if !slices.Equal(a.cost.Samples, []float64{1, 2, 3}) || b.cost.Error != "broken" || b.cost.known() {
		t.Errorf("costs %+v, %+v; want 1, 2, 3, and an error", a.cost, b.cost)
	}
}

func TestTimeEndsTheRoundsButNotTheFirst(t *testing.T) {
	var log []string
	a := scripted(&log, "a", 9, 1, 2, 3)
	benchPlan{rounds: 3}.take(t.Context(), &bench.Measurement{Unit: bench.Milliseconds}, []contender{a}, time.Now())
	if !slices.Equal(a.cost.Samples, []float64{1}) {
		t.Errorf("samples %v; want the first one", a.cost.Samples)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log = nil
	benchPlan{rounds: 3}.take(ctx, &bench.Measurement{}, []contender{a}, time.Now())
	if len(log) > 0 {
		t.Errorf("%d samples were taken after the end", len(log))
	}
}

// takes makes operations that take so long each, and a run of them so much
// longer, by the clock of a synctest bubble.
func takes(each time.Duration, delays ...time.Duration) func(n int) error {
	return func(n int) error {
		d := time.Duration(n) * each
		if len(delays) > 0 {
			d += delays[0]
			delays = delays[1:]
		}
		time.Sleep(d)
		return nil
	}
}

func TestWarmUpFindsHowManyMakeASample(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(n int) error
		want int
	}{
		{"fast", takes(time.Microsecond), 60_000},
		{"slow", takes(time.Second), 1},
		{"middling", takes(20 * time.Millisecond), 3},
		{"slow at first", takes(time.Microsecond, time.Second), 60_000},
		{"delayed later", takes(time.Microsecond, 0, 0, 0, time.Second), 60_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, n, err := warmUp(test.run, 1, 60*time.Millisecond)
				if n != test.want || err != nil {
					t.Errorf("warmUp = %d operations, %v; want %d", n, err, test.want)
				}
			})
		})
	}
}

func TestTakeSample(t *testing.T) {
	const sample = 60 * time.Millisecond
	for _, test := range []struct {
		name    string
		run     func(n int) error
		n       int
		seconds float64
		next    int
	}{
		{"as it should be", takes(time.Microsecond), 60_000, 1e-6, 60_000},
		{"too few", takes(time.Microsecond), 100, 1e-6, 60_000},
		{"rather many", takes(time.Microsecond), 80_000, 1e-6, 60_000},
		{"delayed", takes(time.Microsecond, 5940*time.Millisecond), 60_000, 1e-4, 30_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seconds, next, err := takeSample(test.run, test.n, sample)
				if fourDigits(seconds) != test.seconds || next != test.next || err != nil {
					t.Errorf("takeSample = %v s, then %d, %v; want %v, %d", seconds, next, err, test.seconds, test.next)
				}
			})
		})
	}
}

func TestSamplesEndWithAnError(t *testing.T) {
	broken := errors.New("broken")
	run := func(int) error { return broken }
	if _, _, err := warmUp(run, 1, time.Second); err != broken {
		t.Errorf("warmUp = %v; want %v", err, broken)
	}
	if _, _, err := takeSample(run, 1, time.Second); err != broken {
		t.Errorf("takeSample = %v; want %v", err, broken)
	}
}

func TestPythonMeasuresTheSame(t *testing.T) {
	var ours, theirs []string
	for _, m := range bench.All() {
		ours = append(ours, m.Name)
	}
	_, shapes, _ := strings.Cut(pythonProgram, "SHAPES = {\n")
	shapes, _, _ = strings.Cut(shapes, "}")
	for _, found := range regexp.MustCompile(`(?m)^    "(.+?)":`).FindAllStringSubmatch(shapes, -1) {
		theirs = append(theirs, found[1])
	}
	if !slices.Equal(ours, theirs) {
		t.Errorf("we measure %q\nPython %q", ours, theirs)
	}
}

func TestPython(t *testing.T) {
	p, err := startPython(t.Context())
	if err != nil {
		t.Skip(err)
	}
	defer p.close(t.Context())
	if seconds, err := p.take(t.Context(), "lock/free", time.Millisecond); err != nil || seconds <= 0 {
		t.Errorf("take = %v, %v; want some time", seconds, err)
	}
	if seconds, err := p.take(t.Context(), "xyzzy", time.Millisecond); err == nil {
		t.Errorf("take of an unknown name = %v; want an error", seconds)
	}
	if seconds, err := p.take(t.Context(), "lock/2", time.Millisecond); err != nil || math.IsNaN(seconds) {
		t.Errorf("take = %v, %v after an error; want some time", seconds, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.take(ctx, "pool/life", time.Minute); err != context.Canceled {
		t.Errorf("take with a context that has ended = %v; want %v", err, context.Canceled)
	}
}

func TestPythonThatCannotBeUsed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := startPython(t.Context()); err == nil || err.Error() != "python3 was not found" {
		t.Errorf("startPython() = %v; want that it was not found", err)
	}
}
