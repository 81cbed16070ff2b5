package timeline

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// WriteTrace writes the log as JSON in the trace event format, which
// ui.perfetto.dev and chrome://tracing open. Each process has a thread for its
// life, with what it waited for and held, one for its messages and signals, and
// more where it did several things at once.
func (l *Log) WriteTrace(w io.Writer) error {
	t := &trace{scene: newScene(l), out: bufio.NewWriter(w), tids: map[[2]int]int{}}
	t.pids()
	t.out.WriteString(`{"displayTimeUnit":"ms","otherData":` + string(t.other()) + `,"traceEvents":[`)
	for i := range t.lanes {
		t.lane(i)
	}
	t.flows()
	for _, m := range t.meetings {
		last := m.members[len(m.members)-1]
		t.event(traceEvent{Phase: "i", Name: "all pass " + t.object(m.object), Category: "barrier",
			Time: micros(m.at), Pid: t.pid[last], Tid: t.tid(last, lifeThread), Scope: "g"})
	}
	t.out.WriteString("\n]}\n")
	if t.err != nil {
		return t.err
	}
	return t.out.Flush()
}

// A traceEvent is an event of the format. What a phase hasn't is left out.
type traceEvent struct {
	Name     string         `json:"name"`
	Phase    string         `json:"ph"`
	Category string         `json:"cat,omitempty"`
	Time     micros         `json:"ts"`
	Duration *micros        `json:"dur,omitempty"`
	Pid      int            `json:"pid"`
	Tid      int            `json:"tid"`
	ID       int            `json:"id,omitempty"`
	Scope    string         `json:"s,omitempty"`
	Bind     string         `json:"bp,omitempty"`
	Args     map[string]any `json:"args,omitempty"`
}

// micros is a time in microseconds, which the format has, with nanoseconds
// behind the point.
type micros time.Duration

func (m micros) MarshalJSON() ([]byte, error) {
	us := strconv.FormatInt(int64(m)/1000, 10)
	if ns := int64(m) % 1000; ns != 0 {
		us += "." + strconv.FormatInt(1000+ns, 10)[1:]
	}
	return []byte(us), nil
}

// The threads of a process in the trace.
const (
	lifeThread = iota + 1
	messageThread
	moreThreads // and on: what overlaps without being part of one another
)

type trace struct {
	*scene
	out   *bufio.Writer
	pid   []int          // of each process
	tids  map[[2]int]int // of a process and one of its threads
	comma bool
	err   error
}

// tid is the number of a thread. As Perfetto wants it, no two processes have the
// same, and that of the first thread is the pid.
func (t *trace) tid(process, thread int) int {
	if thread == lifeThread {
		return t.pid[process]
	}
	key := [2]int{process, thread}
	if _, ok := t.tids[key]; !ok {
		t.tids[key] = slices.Max(t.pid) + 1 + len(t.tids)
	}
	return t.tids[key]
}

// pids gives each process its pid, or numbers all of them if pids were used
// again.
func (t *trace) pids() {
	seen := map[int]bool{}
	for _, p := range t.log.Processes {
		if p.Pid > 0 && !seen[p.Pid] {
			t.pid = append(t.pid, p.Pid)
		}
		seen[p.Pid] = true
	}
	// Beyond that, no system has pids, and there would be none for threads.
	if len(t.pid) == len(t.log.Processes) && (len(t.pid) == 0 || slices.Max(t.pid) < math.MaxInt32) {
		return
	}
	t.pid = nil
	for i := range t.log.Processes {
		t.pid = append(t.pid, i+1)
	}
}

func (t *trace) other() []byte {
	b, _ := json.Marshal(map[string]int{"lost events": t.log.Lost, "unlisted processes": t.log.Unlisted})
	return b
}

// event writes an event on a line of its own.
func (t *trace) event(e traceEvent) {
	b, err := json.Marshal(e)
	t.err = cmp.Or(t.err, err)
	if t.comma {
		t.out.WriteByte(',')
	}
	t.comma = true
	t.out.WriteByte('\n')
	t.out.Write(b)
}

// slice writes what took time. Its end is not after that of the next one
// around it, rounded or not, as times have all their digits.
func (t *trace) slice(process, thread int, name, category string, from, to time.Duration, args map[string]any) {
	d := micros(to - from)
	t.event(traceEvent{Phase: "X", Name: name, Category: category, Time: micros(from), Duration: &d,
		Pid: t.pid[process], Tid: t.tid(process, thread), Args: args})
}

func (t *trace) meta(process, thread int, name string, args map[string]any) {
	t.event(traceEvent{Phase: "M", Name: name, Pid: t.pid[process], Tid: t.tid(process, thread), Args: args})
}

func (t *trace) lane(i int) {
	n := &t.lanes[i]
	name := t.name(n.process)
	if n.Daemon {
		name += " (daemon)"
	}
	t.meta(n.process, lifeThread, "process_name", map[string]any{"name": name})
	t.meta(n.process, lifeThread, "process_sort_index", map[string]any{"sort_index": i})
	t.thread(n.process, lifeThread, "life")
	if n.ready > n.start {
		t.slice(n.process, lifeThread, "is being started", "life", n.start, n.ready, nil)
	}
	if n.began {
		t.slice(n.process, lifeThread, "runs", "life", n.ready, n.end, map[string]any{"pid": n.Pid, "end": n.ending()})
	}
	t.spans(n)
	t.points(n)
	if n.ended && n.Code != 0 {
		t.event(traceEvent{Phase: "i", Name: n.ending(), Category: "life", Time: micros(n.end),
			Pid: t.pid[n.process], Tid: t.tid(n.process, lifeThread), Scope: "p"})
	}
}

func (t *trace) thread(process, thread int, name string) {
	t.meta(process, thread, "thread_name", map[string]any{"name": name})
	t.meta(process, thread, "thread_sort_index", map[string]any{"sort_index": thread})
}

// spans writes the spans of a process, each to the first thread where it lies
// within all that it overlaps, or the format would not allow it.
func (t *trace) spans(n *lane) {
	spans := slices.Clone(n.spans)
	slices.SortStableFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	ends := [][]time.Duration{{n.end}} // of what is open in each thread, outermost first
	for _, sp := range spans {
		thread := 0
		for ; thread < len(ends); thread++ {
			open := ends[thread]
			for len(open) > 0 && open[len(open)-1] <= sp.from {
				open = open[:len(open)-1]
			}
			ends[thread] = open
			startsBefore := thread == 0 && sp.from < n.ready
			if !startsBefore && (len(open) == 0 || open[len(open)-1] >= sp.to) {
				break
			}
		}
		number := lifeThread
		if thread > 0 {
			number = moreThreads + thread - 1
		}
		if thread == len(ends) {
			ends = append(ends, nil)
			t.thread(n.process, number, "at the same time "+strconv.Itoa(thread))
		}
		ends[thread] = append(ends[thread], sp.to)
		name, category := t.spanName(sp)
		t.slice(n.process, number, name, category, sp.from, sp.to, spanArgs(sp))
	}
}

func (t *trace) spanName(sp span) (name, category string) {
	switch sp.Kind {
	case Hold:
		return "holds " + t.object(sp.Object), "hold"
	case Task:
		return "task " + strconv.Itoa(sp.Task), "task"
	}
	return "waits for " + t.reason(sp.Event), "wait"
}

func spanArgs(sp span) map[string]any {
	switch {
	case sp.open:
		return map[string]any{"open": "up to the end of the process"}
	case sp.Failed:
		return map[string]any{"failed": true}
	}
	return nil
}

// points writes what takes no time as slices that are short, as arrows can
// only be tied to slices.
func (t *trace) points(n *lane) {
	if len(n.points) > 0 {
		t.thread(n.process, messageThread, "messages")
	}
	for i, p := range n.points {
		d := time.Microsecond
		for _, next := range n.points[i+1:] {
			if next.At > p.At {
				d = min(d, next.At-p.At)
				break
			}
		}
		t.slice(n.process, messageThread, t.pointName(p), "message", p.At, p.At+d, pointArgs(p))
	}
}

func (t *trace) pointName(p point) string {
	switch p.Kind {
	case Send:
		return "send to " + t.object(p.Object)
	case Recv:
		return "receive from " + t.object(p.Object)
	case Set:
		return "set " + t.object(p.Object)
	case Notify:
		return "notify " + t.object(p.Object)
	}
	return signalName(p.Signal) + " to " + t.peer(p.Event)
}

func pointArgs(p point) map[string]any {
	if p.Kind != Send && p.Kind != Recv || p.Count < 1 {
		return nil
	}
	return map[string]any{"first value": p.First, "values": p.Count}
}

// flows writes the arrows.
func (t *trace) flows() {
	for i, l := range t.links {
		name, category, to := t.object(l.object), "message", messageThread
		if l.kind == Signal {
			name, category, to = signalName(l.signal), "signal", lifeThread
			if peer := &t.lanes[t.of[l.to.process]]; l.to.at >= peer.end {
				continue
			}
		}
		if l.to.at < l.from.at {
			continue
		}
		t.event(traceEvent{Phase: "s", Name: name, Category: category, ID: i + 1, Time: micros(l.from.at),
			Pid: t.pid[l.from.process], Tid: t.tid(l.from.process, messageThread)})
		t.event(traceEvent{Phase: "f", Name: name, Category: category, ID: i + 1, Time: micros(l.to.at),
			Pid: t.pid[l.to.process], Tid: t.tid(l.to.process, to), Bind: "e"})
	}
}
