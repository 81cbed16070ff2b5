package ipc

import (
	"math"
	"strconv"
	"time"
)

// Cells of a bar between its brackets.
const (
	minBar = 5
	maxBar = 30
)

// line is p in one line of at most width characters. What matters least is
// left out first if it does not fit.
func (p Progress) line(width int) string {
	over, count := max(p.Done, 0)+max(p.Failed, 0), ""
	var percent, bar, rate, left, failed string
	if p.Total >= 0 {
		percent = strconv.Itoa(int(100*share(over, p.Total))) + "% "
		count = strconv.Itoa(over) + "/" + strconv.Itoa(p.Total)
	} else {
		count = strconv.Itoa(over) + " done"
	}
	room := width - len(count)
	fit := func(s string) string {
		if len(s) > room {
			return ""
		}
		room -= len(s)
		return s
	}
	if p.Failed > 0 {
		failed = fit("  " + strconv.Itoa(p.Failed) + " failed")
	}
	percent = fit(percent)
	left = fit(p.timeText())
	rate = fit(rateText(p.Rate))
	if cells := min(room-len("[] "), maxBar); p.Total >= 0 && cells >= minBar {
		bar = barOf(cells, share(over, p.Total))
	}
	line := percent + bar + count + rate + left + failed
	return line[:min(len(line), max(width, 0))]
}

// share is how much of total part is, from 0 to 1. It is 1 for all only.
func share(part, total int) float64 {
	if part >= total {
		return 1
	}
	return min(float64(part)/float64(total), math.Nextafter(1, 0))
}

// barOf is a bar of which so much is full.
func barOf(cells int, full float64) string {
	b := make([]byte, cells)
	n := int(full * float64(cells))
	for i := range b {
		switch {
		case i < n:
			b[i] = '='
		case i == n:
			b[i] = '>'
		default:
			b[i] = ' '
		}
	}
	return "[" + string(b) + "] "
}

// timeText is how long the rest takes, or how long all took.
func (p Progress) timeText() string {
	switch {
	case p.finished() && p.Elapsed > 0:
		return "  in " + durationText(p.Elapsed)
	case !p.finished() && p.Total >= 0 && p.Left > 0:
		return "  " + durationText(p.Left) + " left"
	}
	return ""
}

// durationText is d in seconds, rounded up, or in its two largest units.
func durationText(d time.Duration) string {
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	two := func(big int64, bigUnit string, small int64, smallUnit string) string {
		digits := strconv.FormatInt(small, 10)
		if small < 10 {
			digits = "0" + digits
		}
		return strconv.FormatInt(big, 10) + bigUnit + digits + smallUnit
	}
	switch {
	case s < 60:
		return strconv.FormatInt(s, 10) + "s"
	case s < 3600:
		return two(s/60, "m", s%60, "s")
	case s < 24*3600:
		return two(s/3600, "h", s/60%60, "m")
	}
	return two(s/3600/24, "d", s/3600%24, "h")
}

// rateText is so many per second, or per minute or hour if they are few.
func rateText(r float64) string {
	if !(r > 0) || r > 1e15 {
		return ""
	}
	unit, prefix := "s", ""
	for _, u := range []string{"min", "h"} {
		if r < 0.95 {
			r, unit = r*60, u
		}
	}
	for _, p := range []string{"k", "M", "G"} {
		if r >= 999.5 {
			r, prefix = r/1000, p
		}
	}
	digits := 0
	if r < 9.95 {
		digits = 1
	}
	return "  " + strconv.FormatFloat(r, 'f', digits, 64) + prefix + "/" + unit
}
