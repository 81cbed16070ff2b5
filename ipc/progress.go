package ipc

import (
	"io"
	"math"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Progress is how far many tasks have come. It counts the tasks that are over,
// not those that were handed out.
type Progress struct {
	Done    int           // tasks that returned no error
	Failed  int           // tasks that did, or were given up
	Total   int           // all tasks; -1 as long as their number isn't known
	Elapsed time.Duration // since the first task was asked for
	Left    time.Duration // how long the rest will take at this rate; 0 if that isn't known
	Rate    float64       // tasks that were over per second; 0 if that isn't known
	Over    bool          // there will be no more, even if some of the tasks were not done
}

// progressOf is the progress after elapsed, if all goes on as it went.
func progressOf(done, failed, total int, elapsed time.Duration) Progress {
	p := Progress{Done: done, Failed: failed, Total: total, Elapsed: elapsed}
	if over := done + failed; over > 0 && elapsed > 0 {
		p.Rate = float64(over) / elapsed.Seconds()
		if left := float64(total-over) / p.Rate * float64(time.Second); left > 0 && left < math.MaxInt64 {
			p.Left = time.Duration(left)
		}
	}
	return p
}

// finished tells whether all tasks are over, or given up.
func (p Progress) finished() bool { return p.Over || p.Total >= 0 && p.Done+p.Failed >= p.Total }

// ShowProgress returns a function that shows progress in one line of the
// terminal w, such as
//
//	42% [===========>                  ] 4200/10000  1.2k/s  5s left  3 failed
//
// Each call draws the line anew, but those that come within a tenth of a
// second of the last drawing do nothing. The call with Over, or in which Done and
// Failed add up to Total, always draws, and ends the line. Until then, the output of
// [Lines] on the same w appears above it; other output gets mixed up with it.
//
// If w is no terminal, nothing at all is written. The function returned may be
// called from several goroutines of this process.
func ShowProgress(w io.Writer) func(Progress) {
	t, ok := w.(syscall.Conn)
	if !ok || columns(t) == 0 {
		return func(Progress) {}
	}
	s := &progressLine{to: openLineWriter(w), width: func() int { return columns(t) }}
	runtime.AddCleanup(s, (*lineWriter).close, s.to)
	return s.show
}

// A progressLine is a line that shows how far something is.
type progressLine struct {
	to    *lineWriter
	width func() int

	mu    sync.Mutex
	drawn time.Time // zero before the first drawing
	ended bool      // the line drawn last has its end
}

// progressEvery is the least time between two drawings.
const progressEvery = 100 * time.Millisecond

func (s *progressLine) show(p Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := p.finished()
	if last && s.ended {
		return // the end was shown
	}
	if !last && !s.drawn.IsZero() && time.Since(s.drawn) < progressEvery {
		return
	}
	// The last column is left free: some terminals go on to the next line.
	// A terminal that is gone is nobody's loss.
	_ = s.to.draw(p.line(s.width()-1), last)
	s.drawn, s.ended = time.Now(), last
}

// unknownColumns is how wide a terminal is that does not say.
const unknownColumns = 80

// columns is the width of the terminal c, or 0 if c is none.
func columns(c syscall.Conn) (n int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	// Not by Fd, which would make the file block.
	_ = raw.Control(func(fd uintptr) {
		var size struct{ rows, columns, x, y uint16 }
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ,
			uintptr(unsafe.Pointer(&size)))
		switch {
		case errno != 0:
		case size.columns == 0:
			n = unknownColumns
		default:
			n = int(size.columns)
		}
	})
	return n
}
