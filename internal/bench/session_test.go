package bench_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/internal/bench"
	"github.com/mpbox/mpbox/ipc"
)

// endless is more operations than any test can wait for.
const endless = 1 << 50

func begin(t *testing.T, ctx context.Context, m *bench.Measurement) *bench.Session {
	t.Helper()
	s, err := m.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// noChildren fails the test if a session has left a child.
func noChildren(t *testing.T) {
	t.Helper()
	if left := ipc.ActiveChildren(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestEachMeasurementRuns(t *testing.T) {
	for _, m := range bench.All() {
		t.Run(m.Name, func(t *testing.T) {
			s := begin(t, t.Context(), &m)
			for _, n := range []int{1, 3, 10} { // also fewer than there are children
				if err := s.Run(n); err != nil {
					t.Fatalf("Run(%d) = %v", n, err)
				}
			}
			s.Close()
			noChildren(t)
		})
	}
}

func TestEachFloorRuns(t *testing.T) {
	for _, m := range bench.All() {
		s, err := m.BeginFloor(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		if (s == nil) != (m.Floor == "") {
			t.Fatalf("%s: session %v; the floor is %q", m.Name, s, m.Floor)
		}
		if s == nil {
			continue
		}
		if err := s.Run(3); err != nil {
			t.Errorf("%s: Run = %v", m.Name, err)
		}
		s.Close()
	}
	noChildren(t)
}

// endlessly runs a measurement until f has ended it, and returns its error.
func endlessly(s *bench.Session, f func()) error {
	ended := make(chan error)
	go func() { ended <- s.Run(endless) }()
	f()
	return <-ended
}

func TestContextEndsASession(t *testing.T) {
	for _, m := range bench.All() {
		if slices.Contains([]string{"value/add", "new/lock", "new/queue", "new/pipe"}, m.Name) {
			continue // they can't fail and wait for nobody
		}
		t.Run(m.Name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := begin(t, ctx, &m)
			if err := s.Run(1); err != nil {
				t.Fatal(err)
			}
			if err := endlessly(s, cancel); err != context.Canceled {
				t.Errorf("Run = %v; want %v", err, context.Canceled)
			}
			s.Close()
			noChildren(t)
		})
	}
}

func TestDeathOfAChildEndsASession(t *testing.T) {
	for _, m := range bench.All() {
		if strings.HasPrefix(m.Name, "pool/") {
			continue // a pool replaces a worker that has died
		}
		t.Run(m.Name, func(t *testing.T) {
			s := begin(t, t.Context(), &m)
			defer s.Close()
			children := ipc.ActiveChildren()
			if len(children) == 0 {
				t.Skip("it has no children, or starts them one by one")
			}
			err := endlessly(s, func() {
				if err := children[0].Kill(); err != nil {
					t.Error(err)
				}
			})
			if err == nil {
				t.Error("Run = nil; want an error")
			}
			s.Close()
			noChildren(t)
		})
	}
}

func TestValue(t *testing.T) {
	for _, test := range []struct {
		m       bench.Measurement
		seconds float64
		want    float64
	}{
		{bench.Measurement{Unit: bench.Milliseconds}, 0.5, 500},
		{bench.Measurement{Unit: bench.Microseconds}, 0.5, 500_000},
		{bench.Measurement{Unit: bench.Nanoseconds}, 0.5, 500_000_000},
		{bench.Measurement{Unit: bench.Gigabytes, Amount: 1_000_000}, 0.001, 1},
		{bench.Measurement{Unit: bench.Millions, Amount: 64}, 0.000_064, 1},
		{bench.Measurement{Unit: bench.Thousands, Amount: 1}, 0.01, 0.1},
	} {
		if got := test.m.Value(test.seconds); got < test.want*0.999 || got > test.want*1.001 {
			t.Errorf("%g s = %g %s; want %g", test.seconds, got, test.m.Unit, test.want)
		}
	}
}
