package timeline_test

import (
	"math"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/timeline"
)

// bytesOf gives numbers out of bytes, zeros when they are used up.
type bytesOf struct{ data []byte }

func (b *bytesOf) next() int {
	if len(b.data) == 0 {
		return 0
	}
	n := int(b.data[0])
	b.data = b.data[1:]
	return n
}

// number is a small number, or now and then one that nobody expects.
func (b *bytesOf) number() int {
	switch n := b.next(); n {
	case 255:
		return math.MaxInt
	case 254:
		return math.MinInt
	case 253:
		return math.MaxInt64 - 1
	default:
		return n - 8
	}
}

func (b *bytesOf) time() time.Duration {
	n := b.next()
	if n >= 253 {
		b.data = append([]byte{byte(n)}, b.data...)
		return time.Duration(b.number())
	}
	return time.Duration(n-3) * time.Millisecond / 7
}

func (b *bytesOf) name() string {
	n := min(b.next()%16, len(b.data))
	s := string(b.data[:n])
	b.data = b.data[n:]
	return s
}

// logOf makes a log of any bytes. It need not be one that ipc could write.
func logOf(data []byte) *timeline.Log {
	b, l := &bytesOf{data}, &timeline.Log{}
	for range b.next() % 12 {
		l.Processes = append(l.Processes, timeline.Process{Name: b.name(), Pid: b.number(), Parent: b.number(),
			Daemon: b.next()%2 == 1, Start: b.time(), Ready: b.time(), End: b.time(), Code: b.number()})
	}
	for range b.next() % 5 {
		l.Objects = append(l.Objects, timeline.Object{Kind: b.name(), Number: b.number(), Only: b.next()%2 == 1})
	}
	for len(b.data) > 0 && len(l.Events) < 300 {
		l.Events = append(l.Events, timeline.Event{At: b.time(), Process: b.number(), Kind: timeline.Kind(b.next() % 10),
			Object: b.number(), Until: b.time(), For: timeline.Reason(b.next() % 11), First: b.number(), Count: b.number(),
			Direction: b.next() % 3, Peer: b.number(), Signal: b.number(), Task: b.number(), Failed: b.next()%5 == 0})
	}
	l.Lost, l.Unlisted = b.next(), b.next()
	return l
}

// FuzzPictures draws logs of which nothing is certain: whatever a file has that
// was damaged, or that something else has written, the pictures keep their rules.
func FuzzPictures(f *testing.F) {
	f.Add([]byte(nil), 80, 24)
	f.Add([]byte("\x03\x04main\x08\x07\x00\x03\x03\x60\x08\x01\xff\x09\x08\x00\x05\x09\x40\xff\x02p2\x09\x08\x00\xfe\x09\x40\x00"), 60, 10)
	seed := []byte{11}
	for i := range 2000 {
		seed = append(seed, byte(i*i*7+i/3))
	}
	f.Add(seed, 100, 30)
	f.Fuzz(func(t *testing.T, data []byte, width, height int) {
		l := logOf(data)
		o := timeline.TextOptions{Width: 1 + abs(width)%300, Height: 1 + abs(height)%80}
		checkText(t, l, o)
		o.Color = true
		checkText(t, l, o)
		o.ASCII = true
		checkText(t, l, o)
		checkSVG(t, drawnSVG(t, l))
		checkTrace(t, l)
		checkMermaid(t, l)
	})
}

func abs(n int) int { return max(n, -(n + 1)) }
