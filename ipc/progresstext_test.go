package ipc

import (
	"math"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	some := Progress{Done: 4197, Failed: 3, Total: 10000, Elapsed: 4 * time.Second,
		Left: 4100 * time.Millisecond, Rate: 1234}
	for _, tt := range []struct {
		name  string
		p     Progress
		width int
		want  string
	}{
		{"all", some, 90, "42% [============>                 ] 4200/10000  1.2k/s  5s left  3 failed"},
		{"shorter bar", some, 60, "42% [======>         ] 4200/10000  1.2k/s  5s left  3 failed"},
		{"no bar", some, 48, "42% 4200/10000  1.2k/s  5s left  3 failed"},
		{"shortest bar", some, 49, "42% [==>  ] 4200/10000  1.2k/s  5s left  3 failed"},
		{"no rate", some, 38, "42% 4200/10000  5s left  3 failed"},
		{"no time", some, 25, "42% 4200/10000  3 failed"},
		{"no percentage", some, 22, "4200/10000  3 failed"},
		{"only the count", some, 12, "4200/10000"},
		{"no room", some, 5, "4200/"},
		{"none", some, 0, ""},
		{"less than none", some, -3, ""},
		{"nothing done", Progress{Total: 5}, 60, "0% [>                             ] 0/5"},
		{"almost", Progress{Done: 999_999, Total: 1_000_000}, 60, "99% [=============================>] 999999/1000000"},
		{"finished", Progress{Done: 2, Failed: 1, Total: 3, Elapsed: 61 * time.Second, Rate: 0.05}, 80,
			"100% [==============================] 3/3  3.0/min  in 1m01s  1 failed"},
		{"no tasks", Progress{}, 60, "100% [==============================] 0/0"},
		{"unknown total", Progress{Done: 4200, Total: -1, Rate: 1234, Left: time.Second}, 60, "4200 done  1.2k/s"},
		{"more than all", Progress{Done: 7, Total: 3}, 60, "100% [==============================] 7/3"},
		{"nonsense", Progress{Done: -7, Failed: -1, Total: 3, Left: -1, Rate: math.NaN()}, 60,
			"0% [>                             ] 0/3"},
		{"no end", Progress{Done: 1, Total: math.MaxInt, Left: math.MaxInt64, Rate: math.Inf(1)}, 70,
			"0% [>                         ] 1/9223372036854775807  106751d23h left"},
	} {
		if got := tt.p.line(tt.width); got != tt.want {
			t.Errorf("%s: line(%d) =\n%s; want\n%s", tt.name, tt.width, got, tt.want)
		}
	}
}

// Whatever is drawn fits, in ASCII.
func TestProgressLineFits(t *testing.T) {
	values := []int{-1, 0, 1, 99, 12345, math.MaxInt32}
	for _, done := range values {
		for _, failed := range values {
			for _, total := range values {
				p := progressOf(done, failed, total, 90*time.Minute)
				for width := range 100 {
					got := p.line(width)
					if len(got) > width {
						t.Fatalf("%+v: line(%d) = %q", p, width, got)
					}
					for _, c := range []byte(got) {
						if c < ' ' || c > '~' {
							t.Fatalf("%+v: line(%d) = %q", p, width, got)
						}
					}
				}
			}
		}
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "0s",
		time.Nanosecond:                "1s",
		59*time.Second + 1:             "1m00s",
		time.Hour - time.Second:        "59m59s",
		time.Hour:                      "1h00m",
		25*time.Hour + 59*time.Minute:  "1d01h",
		100*24*time.Hour + time.Minute: "100d00h",
	} {
		if got := durationText(d); got != want {
			t.Errorf("durationText(%v) = %s; want %s", d, got, want)
		}
	}
}

func TestRateText(t *testing.T) {
	for r, want := range map[float64]string{
		0: "", -1: "", math.Inf(1): "", 1e-9: "  0.0/h",
		0.001: "  3.6/h", 0.5: "  30/min", 0.949: "  57/min", 0.95: "  0.9/s", 9.94: "  9.9/s", 9.96: "  10/s",
		999.4: "  999/s", 999.6: "  1.0k/s", 12_345: "  12k/s", 999_600: "  1.0M/s", 2e9: "  2.0G/s",
	} {
		if got := rateText(r); got != want {
			t.Errorf("rateText(%v) = %q; want %q", r, got, want)
		}
	}
}

func TestProgressOf(t *testing.T) {
	for _, tt := range []struct {
		done, failed, total int
		elapsed             time.Duration
		want                Progress
	}{
		{0, 0, 10, 0, Progress{Total: 10}},
		{0, 0, 10, time.Second, Progress{Total: 10, Elapsed: time.Second}},
		{3, 1, 10, 2 * time.Second, Progress{3, 1, 10, 2 * time.Second, 3 * time.Second, 2, false}},
		{10, 0, 10, time.Second, Progress{Done: 10, Total: 10, Elapsed: time.Second, Rate: 10}},
		{10, 0, -1, time.Second, Progress{Done: 10, Total: -1, Elapsed: time.Second, Rate: 10}},
		{1, 0, math.MaxInt, time.Hour, Progress{Done: 1, Total: math.MaxInt, Elapsed: time.Hour, Rate: 1 / 3600.}},
	} {
		if got := progressOf(tt.done, tt.failed, tt.total, tt.elapsed); got != tt.want {
			t.Errorf("progressOf(%d, %d, %d, %v) = %+v; want %+v", tt.done, tt.failed, tt.total, tt.elapsed, got, tt.want)
		}
	}
}
