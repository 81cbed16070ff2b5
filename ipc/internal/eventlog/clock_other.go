//go:build unix && !linux

package eventlog

import "time"

// A clock gives times that are comparable between processes. Package syscall
// has no monotonic clock here: a step of the system's time between the starts of
// two processes would show.
type clock struct{ start time.Time }

func newClock() clock { return clock{time.Now()} }

func (c clock) now() int64 { return c.start.UnixNano() + int64(time.Since(c.start)) }
