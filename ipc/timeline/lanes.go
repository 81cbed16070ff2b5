package timeline

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A scene is a log made ready to be drawn: every index is valid, every time
// lies within the life of its process, and what belongs together was found.
type scene struct {
	log      *Log
	end      time.Duration // of the picture, over 0
	lanes    []lane        // parents before their children
	of       []int         // the lane of each process
	links    []link
	meetings []meeting
}

// A lane is the life of a process.
type lane struct {
	*Process
	process, depth    int
	start, ready, end time.Duration
	began, ended      bool    // it reached its target; it was seen to end
	spans             []span  // in the order of their beginnings
	points            []point // in the order of their times
}

// A span is something that took time.
type span struct {
	Event    // of kind Wait, Hold or Task
	from, to time.Duration
	open     bool // it went on up to the end of the process
}

// failure is when a span turned out to be a failure, if it did. Whose lock had a
// holder that died knows when it gets it.
func (sp *span) failure() (at time.Duration, ok bool) {
	if sp.Kind == Hold {
		return sp.from, sp.Failed
	}
	return sp.to, sp.Failed && !sp.open
}

// A point is something that took none.
type point struct {
	Event // of kind Send, Recv, Set, Notify or Signal
	index int
}

// A link leads from a Send to the Recv of the same values, or from a Signal to
// the process that it was sent to.
type link struct {
	from, to       end
	kind           Kind
	object, signal int
	values         int // how many
}

// An end of a link is a process at a time. Its event is -1 at the end of a
// signal, whose arrival nobody logs.
type end struct {
	process, event int
	at             time.Duration
}

// A meeting is the moment at which the parties of a barrier pass it.
type meeting struct {
	object  int
	at      time.Duration
	members []int // processes, in the order in which they arrived
}

func newScene(l *Log) *scene {
	s := &scene{log: l}
	s.findEnd()
	s.makeLanes()
	for i, e := range l.Events {
		if e.Process < 0 || e.Process >= len(l.Processes) {
			continue
		}
		if e.Object >= len(l.Objects) {
			e.Object = -1
		}
		if e.Peer < 0 || e.Peer >= len(l.Processes) {
			e.Peer = -1
		}
		s.add(i, e)
	}
	for i := range s.lanes {
		slices.SortStableFunc(s.lanes[i].spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		slices.SortStableFunc(s.lanes[i].points, func(a, b point) int { return cmp.Compare(a.At, b.At) })
	}
	s.linkMessages()
	s.linkSignals()
	s.findMeetings()
	return s
}

// findEnd sets the end of the picture to the last time in the log.
func (s *scene) findEnd() {
	s.end = 1
	for _, p := range s.log.Processes {
		s.end = max(s.end, p.Start, p.Ready, p.End)
	}
	for _, e := range s.log.Events {
		s.end = max(s.end, e.At, e.Until)
	}
}

// makeLanes puts each process below its parent, and after its elder siblings.
func (s *scene) makeLanes() {
	children := map[int][]int{}
	for i, p := range s.log.Processes {
		if p.Parent < 0 || p.Parent >= i {
			p.Parent = -1
		}
		children[p.Parent] = append(children[p.Parent], i)
	}
	s.of = make([]int, len(s.log.Processes))
	var visit func(parent, depth int)
	visit = func(parent, depth int) {
		for _, i := range children[parent] {
			s.of[i] = len(s.lanes)
			s.lanes = append(s.lanes, s.laneOf(i, depth))
			visit(i, depth+1)
		}
	}
	visit(-1, 0)
}

func (s *scene) laneOf(i, depth int) lane {
	p := &s.log.Processes[i]
	n := lane{Process: p, process: i, depth: depth, began: p.Ready >= 0, ended: p.End >= 0}
	n.start = max(p.Start, 0)
	n.end = s.end
	if n.ended {
		n.end = max(p.End, n.start)
	}
	n.ready = n.end
	if n.began {
		n.ready = min(max(p.Ready, n.start), n.end)
	}
	return n
}

// add gives the event to the lane that it belongs to.
func (s *scene) add(i int, e Event) {
	n := &s.lanes[s.of[e.Process]]
	e.At = n.within(e.At)
	switch e.Kind {
	case Wait, Hold, Task:
		sp := span{Event: e, from: e.At, to: n.end, open: e.Until < 0}
		if !sp.open {
			sp.to = max(n.within(e.Until), e.At)
		}
		n.spans = append(n.spans, sp)
	case Send, Recv, Set, Notify, Signal:
		n.points = append(n.points, point{e, i})
	}
}

// within is t, or the nearest time at which the process was there.
func (n *lane) within(t time.Duration) time.Duration { return min(max(t, n.start), n.end) }

// channel is one direction of an object.
type channel struct{ object, direction int }

// linkMessages finds for each Recv the Send of its values, by their numbers.
func (s *scene) linkMessages() {
	sends, recvs := map[channel][]point{}, map[channel][]point{}
	for _, n := range s.lanes {
		for _, p := range n.points {
			if p.Object < 0 || p.First < 1 || p.Count < 1 || p.First > math.MaxInt-p.Count {
				continue
			}
			c := channel{p.Object, p.Direction}
			switch p.Kind {
			case Send:
				sends[c] = append(sends[c], p)
			case Recv:
				recvs[c] = append(recvs[c], p)
			}
		}
	}
	for c, from := range sends {
		s.match(from, recvs[c])
	}
	slices.SortStableFunc(s.links, func(a, b link) int {
		return cmp.Or(cmp.Compare(a.from.at, b.from.at), cmp.Compare(a.from.event, b.from.event),
			cmp.Compare(a.to.event, b.to.event))
	})
}

// match links what overlaps of the two, walking along both at once.
func (s *scene) match(sends, recvs []point) {
	byFirst := func(a, b point) int { return cmp.Compare(a.First, b.First) }
	slices.SortStableFunc(sends, byFirst)
	slices.SortStableFunc(recvs, byFirst)
	for len(sends) > 0 && len(recvs) > 0 {
		a, b := sends[0], recvs[0]
		first, behind := max(a.First, b.First), min(a.First+a.Count, b.First+b.Count)
		if n := behind - first; n > 0 {
			s.links = append(s.links, link{
				from: end{a.Process, a.index, min(a.At, b.At)}, to: end{b.Process, b.index, b.At},
				kind: Send, object: a.Object, values: n,
			})
		}
		if a.First+a.Count <= b.First+b.Count {
			sends = sends[1:]
		} else {
			recvs = recvs[1:]
		}
	}
}

func (s *scene) linkSignals() {
	for _, n := range s.lanes {
		for _, p := range n.points {
			if p.Kind != Signal || p.Peer < 0 || p.Peer == n.process {
				continue
			}
			peer := &s.lanes[s.of[p.Peer]]
			s.links = append(s.links, link{
				from: end{n.process, p.index, p.At}, to: end{p.Peer, -1, peer.within(p.At)},
				kind: Signal, object: -1, signal: p.Signal,
			})
		}
	}
}

// findMeetings gathers the waits at each barrier that ended together. Who
// belongs to one round arrived before any of it had left; who comes later belongs
// to the next.
func (s *scene) findMeetings() {
	waits := map[int][]span{}
	for _, n := range s.lanes {
		for _, sp := range n.spans {
			if sp.Kind == Wait && sp.For == ForParties && sp.Object >= 0 && !sp.open && !sp.Failed {
				waits[sp.Object] = append(waits[sp.Object], sp)
			}
		}
	}
	for object, w := range waits {
		slices.SortStableFunc(w, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		for len(w) > 0 {
			m, leaves := meeting{object: object}, w[0].to
			for len(w) > 0 && w[0].from <= leaves {
				m.members, m.at = append(m.members, w[0].Process), w[0].from
				leaves = min(leaves, w[0].to)
				w = w[1:]
			}
			s.meetings = append(s.meetings, m)
		}
	}
	slices.SortFunc(s.meetings, func(a, b meeting) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.object, b.object))
	})
}
