package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
)

func next(_ context.Context, n int) (int, error) { return n + 1, nil }

func nap(_ context.Context, n int) (int, error) {
	time.Sleep(napTime)
	return n + 1, nil
}

var (
	nextFunc = ipc.NewFunc(next)
	napFunc  = ipc.NewFunc(nap)
)

const (
	napTime      = 10 * time.Millisecond
	benchWorkers = 2 // of a host
	// How many tasks are in a measurement: a second or so of each kind.
	rawTasks  = 20_000
	autoTasks = 2_000_000
	napTasks  = 100 // for each worker
	rounds    = 7   // of the table
)

// newBenchServer starts a nats-server process for a benchmark.
func newBenchServer(b *testing.B) *server {
	b.Helper()
	s := newServer(b, freeAddr(b), "testdata/loopback.conf")
	s.start()
	return s
}

// newBenchPool starts host processes, and opens a pool on them. The name keeps
// them from taking the tasks of other pools.
func newBenchPool(b *testing.B, s *server, name string, hosts, chunk int, f ipc.Func[int, int]) *ipc.Pool[int, int] {
	b.Helper()
	config := cluster.Config{Name: name, Workers: benchWorkers}
	for i := range hosts {
		startPart(b, "benchhost", "BENCH_URL="+s.url(), "BENCH_NAME="+config.Name, fmt.Sprintf("BENCH_HOST=host%d", i))
	}
	c, pool := openPool(b, b.Context(), config, s.url(), f)
	pool.ChunkSize = chunk
	until(b.Context(), func() bool { return len(c.Hosts()) == hosts })
	measure(b, pool, 100*benchWorkers*hosts) // starts the workers
	return pool
}

func init() { roles["benchhost"] = benchHost }

func benchHost() error {
	ctx, stop := untilClosed(os.Stdin)
	defer stop()
	config := cluster.Config{Name: os.Getenv("BENCH_NAME"), Host: os.Getenv("BENCH_HOST"), Workers: benchWorkers}
	return config.Serve(ctx, os.Getenv("BENCH_URL"))
}

// measure maps n tasks, checks the results, and returns tasks per second.
func measure(b *testing.B, pool *ipc.Pool[int, int], n int) float64 {
	b.Helper()
	items := make([]int, n)
	for i := range items {
		items[i] = i
	}
	begin := time.Now()
	results, err := pool.Map(b.Context(), items)
	took := time.Since(begin)
	if err != nil {
		b.Fatal(err)
	}
	for i, r := range results {
		if r != i+1 {
			b.Fatalf("result %d is %d", i, r)
		}
	}
	return float64(n) / took.Seconds()
}

// BenchmarkRaw is request and reply by JetStream, without package cluster.
func BenchmarkRaw(b *testing.B) {
	c := newRawCaller(b, newBenchServer(b))
	for b.Loop() {
		c.measure(rawTasks)
	}
	b.ReportMetric(float64(rawTasks*b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkPool is the same work by a pool.
func BenchmarkPool(b *testing.B) {
	for _, bb := range []struct {
		name         string
		hosts, chunk int
		f            ipc.Func[int, int]
		n            int
	}{
		{"tiny/chunk=1", 1, 1, nextFunc, rawTasks},
		{"tiny/chunk=auto", 1, 0, nextFunc, autoTasks},
		{"10ms/hosts=1", 1, 0, napFunc, napTasks * benchWorkers},
		{"10ms/hosts=2", 2, 0, napFunc, napTasks * benchWorkers * 2},
		{"10ms/hosts=3", 3, 0, napFunc, napTasks * benchWorkers * 3},
	} {
		b.Run(bb.name, func(b *testing.B) {
			pool := newBenchPool(b, newBenchServer(b), "bench", bb.hosts, bb.chunk, bb.f)
			for b.Loop() {
				measure(b, pool, bb.n)
			}
			b.ReportMetric(float64(bb.n*b.N)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}

// BenchmarkEnd is how long it takes from a cancel, or the end of the time that a
// task has, until the host has ended the task and the caller knows.
func BenchmarkEnd(b *testing.B) {
	begin := func(b *testing.B, timeout, grace time.Duration) (pool *ipc.Pool[deed, done], dir string) {
		_, _, m := aServer(b)
		startHost(b, m.at("host"))
		_, pool = openPool(b, b.Context(), m.config(), m.URL, actFunc)
		pool.Timeout, pool.Grace = timeout, grace
		if _, err := pool.Apply(b.Context(), deed{}); err != nil { // starts a worker
			b.Fatal(err)
		}
		return pool, b.TempDir()
	}
	report := func(b *testing.B, late []float64) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(late), "ms")
		b.ReportMetric(slices.Max(late), "ms-most")
	}
	b.Run("cancel", func(b *testing.B) {
		pool, dir := begin(b, 0, time.Minute)
		var late []float64
		for b.Loop() {
			ctx, cancel := context.WithCancel(b.Context())
			var began time.Time
			go func() {
				until(b.Context(), func() bool { return len(marks(dir, "began")) == len(late)+1 })
				began = time.Now()
				cancel()
			}()
			if _, err := pool.Apply(ctx, deed{What: "wait", Dir: dir}); err != context.Canceled {
				b.Fatal(err)
			}
			late = append(late, 1e3*time.Since(began).Seconds())
		}
		report(b, late)
	})
	b.Run("timeout", func(b *testing.B) {
		pool, dir := begin(b, 100*time.Millisecond, time.Minute)
		var late []float64
		for b.Loop() {
			began := time.Now()
			if _, err := pool.Apply(b.Context(), deed{What: "wait", Dir: dir}); !errors.Is(err, ipc.ErrTimeout) {
				b.Fatal(err)
			}
			late = append(late, 1e3*(time.Since(began)-pool.Timeout).Seconds())
		}
		report(b, late)
	})
}

// BenchmarkTable measures all of them in turn, with one server, a few rounds of
// it, and prints the medians as a table:
//
//	go test -run='^$' -bench=Table .
//
// It takes a minute. "To raw" is by the round, as the machine may be slower for a
// while, and "of ideal" what the workers would do if nothing else took time.
func BenchmarkTable(b *testing.B) {
	s := newBenchServer(b)
	raw := newRawCaller(b, s)
	one := newBenchPool(b, s, "one", 1, 1, nextFunc)
	auto := newBenchPool(b, s, "auto", 1, 0, nextFunc)
	lines := []*line{
		{name: "raw JetStream", measure: func() float64 { return raw.measure(rawTasks) }},
		{name: "tiny tasks, chunk 1", measure: func() float64 { return measure(b, one, rawTasks) }},
		{name: "tiny tasks, automatic chunks", measure: func() float64 { return measure(b, auto, autoTasks) }},
	}
	for hosts := 1; hosts <= 3; hosts++ {
		workers := benchWorkers * hosts
		pool := newBenchPool(b, s, fmt.Sprintf("nap%d", hosts), hosts, 0, napFunc)
		lines = append(lines, &line{
			name: fmt.Sprintf("10 ms tasks, hosts %d", hosts), ideal: float64(workers) / napTime.Seconds(),
			measure: func() float64 { return measure(b, pool, napTasks*workers) },
		})
	}
	for b.Loop() {
		for range rounds {
			for _, l := range lines {
				l.rates = append(l.rates, l.measure())
				fmt.Fprintf(os.Stderr, "%s: %.0f tasks/s\n", l.name, l.rates[len(l.rates)-1])
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(lines[1].ratio(lines[0]), "chunk1/raw")
	b.ReportMetric(lines[2].ratio(lines[0]), "auto/raw")
	printTable(lines)
}

// A line of the table.
type line struct {
	name    string
	ideal   float64 // tasks per second, 0 if none is known
	measure func() float64
	rates   []float64
}

func (l *line) median() float64 { return median(l.rates) }

// ratio is the median of the ratios of the rounds: what else the machine did in
// one of them has slowed down both.
func (l *line) ratio(other *line) float64 {
	var ratios []float64
	for i, rate := range l.rates {
		ratios = append(ratios, rate/other.rates[i])
	}
	return median(ratios)
}

func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[len(sorted)/2]
}

func printTable(lines []*line) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ntasks/s\tmedian\tleast\tmost\tto raw\tof ideal\t")
	for _, l := range lines {
		toRaw, ofIdeal := fmt.Sprintf("%.2f", l.ratio(lines[0])), "-"
		if l.ideal > 0 {
			toRaw, ofIdeal = "-", fmt.Sprintf("%.1f %%", 100*l.median()/l.ideal)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%s\t%s\t\n",
			l.name, l.median(), slices.Min(l.rates), slices.Max(l.rates), toRaw, ofIdeal)
	}
	w.Flush()
}
