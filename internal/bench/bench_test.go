package bench_test

import (
	"os"
	"testing"

	"github.com/mpbox/mpbox/internal/bench"
	"github.com/mpbox/mpbox/ipc"
)

func TestMain(m *testing.M) { os.Exit(ipc.Main(m.Run)) }

// Benchmark runs all measurements, and their floors:
//
//	go test -run '^$' -bench /round_trip ./internal/bench
func Benchmark(b *testing.B) {
	for _, m := range bench.All() {
		b.Run(m.Name, func(b *testing.B) {
			s, err := m.Begin(b.Context())
			run(b, &m, s, err)
		})
		if m.Floor == "" {
			continue
		}
		b.Run(m.Name+"/floor", func(b *testing.B) {
			s, err := m.BeginFloor(b.Context())
			run(b, &m, s, err)
		})
	}
}

// run does b.N operations of a session, after one that warms up.
func run(b *testing.B, m *bench.Measurement, s *bench.Session, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(1); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := s.Run(b.N); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if m.Unit.Rate() {
		b.ReportMetric(m.Value(b.Elapsed().Seconds()/float64(b.N)), string(m.Unit))
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range bench.All() {
		if seen[m.Name] {
			t.Errorf("two measurements are named %s", m.Name)
		}
		seen[m.Name] = true
	}
}
