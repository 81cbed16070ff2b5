package timeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/timeline"
)

// A story makes up a log. Its times are in milliseconds.
type story struct{ timeline.Log }

func ms(t float64) time.Duration { return time.Duration(t * float64(time.Millisecond)) }

// tell is the log of a story with the main process, which runs up to end.
func tell(end float64, f func(s *story)) *timeline.Log {
	s := &story{}
	s.process("main", -1, 0, 0, end, 0)
	f(s)
	return &s.Log
}

func (s *story) process(name string, parent int, start, ready, end float64, code int) int {
	s.Processes = append(s.Processes, timeline.Process{Name: name, Pid: 100 + len(s.Processes), Parent: parent,
		Start: ms(start), Ready: ms(ready), End: ms(end), Code: code})
	return len(s.Processes) - 1
}

func (s *story) object(kind string, number int, only bool) int {
	s.Objects = append(s.Objects, timeline.Object{Kind: kind, Number: number, Only: only})
	return len(s.Objects) - 1
}

func (s *story) add(e timeline.Event) { s.Events = append(s.Events, e) }

func (s *story) wait(process int, why timeline.Reason, object int, at, until float64) {
	s.add(timeline.Event{Kind: timeline.Wait, For: why, Process: process, Object: object, At: ms(at), Until: ms(until), Peer: -1})
}

func (s *story) join(process, peer int, at, until float64) {
	s.add(timeline.Event{Kind: timeline.Wait, For: timeline.ForEnd, Process: process, Object: -1, Peer: peer, At: ms(at), Until: ms(until)})
}

func (s *story) hold(process, object int, at, until float64) {
	s.add(timeline.Event{Kind: timeline.Hold, Process: process, Object: object, At: ms(at), Until: ms(until), Peer: -1})
}

func (s *story) task(process, task int, at, until float64) {
	s.add(timeline.Event{Kind: timeline.Task, Process: process, Object: -1, Task: task, At: ms(at), Until: ms(until), Peer: -1})
}

func (s *story) point(k timeline.Kind, process, object int, at float64, first, count int) {
	s.add(timeline.Event{Kind: k, Process: process, Object: object, At: ms(at), Until: -1, Peer: -1, First: first, Count: count})
}

func (s *story) signal(process, peer, signal int, at float64) {
	s.add(timeline.Event{Kind: timeline.Signal, Process: process, Object: -1, Peer: peer, Signal: signal, At: ms(at), Until: -1})
}

// stories are the logs that the tests draw.
var stories = map[string]func() *timeline.Log{
	"empty":    func() *timeline.Log { return &timeline.Log{} },
	"barrier":  barrierStory,
	"pipeline": pipelineStory,
	"pool":     poolStory,
	"killed":   killedStory,
	"daemon":   daemonStory,
	"deadlock": deadlockStory,
	"crowd":    crowdStory,
	"flood":    floodStory,
	"lost":     lostStory,
	"odd":      oddStory,
	"rounds":   roundsStory,
	"wakes":    wakesStory,
}

// eachStory runs f for every story, but the one of very many events if tests
// shall be short.
func eachStory(t *testing.T, f func(t *testing.T, l *timeline.Log)) {
	for name, story := range stories {
		if name != "flood" || !testing.Short() {
			t.Run(name, func(t *testing.T) { f(t, story()) })
		}
	}
}

// barrierStory is that of the applet process_barrier.
func barrierStory() *timeline.Log {
	return tell(222, func(s *story) {
		barrier, lock, queue := s.object("barrier", 1, true), s.object("lock", 1, true), s.object("queue", 1, true)
		for i, late := range []float64{0, 200, 0, 200} {
			at := 6 + float64(i)*1.5 + late
			p := s.process(fmt.Sprintf("p%d", i+1), 0, 0.5+float64(i), 5+float64(i), at+5, 0)
			if i < 2 {
				s.wait(p, timeline.ForParties, barrier, at, 207.6)
				at = 207.7
			}
			s.hold(p, lock, at+0.2, at+0.5)
			s.point(timeline.Send, p, queue, at+0.6, i+1, 1)
			s.Processes[p].End = ms(max(at+5, 0))
			s.point(timeline.Recv, 0, queue, at+1, i+1, 1)
		}
		s.wait(0, timeline.ForValue, queue, 5, 9.8)
		s.wait(0, timeline.ForValue, queue, 10, 208)
		s.join(0, 1, 209, 214)
	})
}

// pipelineStory is that of two pipes with a process between them.
func pipelineStory() *timeline.Log {
	return tell(60, func(s *story) {
		in, out := s.object("pipe", 1, false), s.object("pipe", 2, false)
		create := s.process("create", 0, 1, 6, 40, 0)
		multiply := s.process("multiply", 0, 2, 8, 52, 0)
		for i := range 6 {
			at := 10 + float64(i)*6
			if i > 0 {
				s.wait(multiply, timeline.ForValue, in, at-5, at+1.5)
			}
			s.wait(0, timeline.ForValue, out, at-5, at+3)
			s.point(timeline.Send, create, in, at, i+1, 1)
			s.point(timeline.Recv, multiply, in, at+1.5, i+1, 1)
			s.point(timeline.Send, multiply, out, at+2.5, i+1, 1)
			s.point(timeline.Recv, 0, out, at+3, i+1, 1)
		}
		s.join(0, create, 48, 50)
		s.join(0, multiply, 50, 53)
	})
}

// poolStory is a hundred tasks for four workers, one of which fails.
func poolStory() *timeline.Log {
	return tell(300, func(s *story) {
		tasks, results := s.object("pipe", 1, false), s.object("pipe", 2, false)
		for w := range 4 {
			p := s.process(fmt.Sprintf("worker-%d", w+1), 0, 1+float64(w), 8+float64(w), 292+float64(w), 0)
			s.wait(p, timeline.ForTask, tasks, 9+float64(w), 11+float64(w))
			for i := range 25 {
				at := 11 + float64(w) + float64(i)*11
				s.point(timeline.Send, 0, tasks, at-0.5, 4*i+w+1, 1)
				s.point(timeline.Recv, p, tasks, at-0.2, 4*i+w+1, 1)
				s.task(p, 4*i+w, at, at+9.5)
				s.Events[len(s.Events)-1].Failed = 4*i+w == 53
				s.point(timeline.Send, p, results, at+9.6, 4*i+w+1, 1)
				s.point(timeline.Recv, 0, results, at+9.8, 4*i+w+1, 1)
			}
		}
		s.wait(0, timeline.ForValue, results, 12, 288)
	})
}

// killedStory is a worker that is killed while it holds what another waits for.
func killedStory() *timeline.Log {
	return tell(1200, func(s *story) {
		lock := s.object("lock", 1, true)
		holder := s.process("holder", 0, 2, 9, 700, -9)
		waiter := s.process("waiter", 0, 4, 11, 1100, 1)
		s.hold(holder, lock, 40, 700)
		s.wait(waiter, timeline.ForLock, lock, 60, 702)
		s.hold(waiter, lock, 702, 1000)
		s.Events[len(s.Events)-1].Failed = true
		s.signal(0, holder, 9, 699)
		s.join(0, waiter, 720, 1101)
	})
}

// daemonStory is a daemon that ends with the main process, and an orphan that
// was never seen to end.
func daemonStory() *timeline.Log {
	return tell(500, func(s *story) {
		d := s.process("background", 0, 3, 12, 498, -15)
		s.Processes[d].Daemon = true
		s.process("finisher", 0, 5, 14, 320, 0)
		never := s.process("stillborn", 0, 6, 0, 40, 2)
		s.Processes[never].Ready = -1
		orphan := s.process("orphan", 2, 100, 110, 0, 0)
		s.Processes[orphan].End = -1
		s.join(0, 2, 20, 321)
		s.signal(0, d, 15, 495)
	})
}

// deadlockStory is two processes that each hold what the other waits for.
func deadlockStory() *timeline.Log {
	return tell(900, func(s *story) {
		l1, l2 := s.object("lock", 1, false), s.object("lock", 2, false)
		a := s.process("left", 0, 2, 9, 800, -15)
		b := s.process("right", 0, 4, 11, 802, -15)
		s.hold(a, l1, 50, -1)
		s.hold(b, l2, 60, -1)
		s.wait(a, timeline.ForLock, l2, 200, -1)
		s.wait(b, timeline.ForLock, l1, 210, -1)
		for i := range s.Events {
			s.Events[i].Until = -1
		}
		s.join(0, a, 15, 790)
		s.signal(0, a, 15, 790)
		s.signal(0, b, 15, 791)
	})
}

// crowdStory is 64 processes, some of which do not end well.
func crowdStory() *timeline.Log {
	return tell(900, func(s *story) {
		queue := s.object("queue", 1, true)
		for i := range 64 {
			start := 5 + 8*float64(i)
			p := s.process(fmt.Sprintf("Process-%d", i+1), 0, start, start+9, start+300, 0)
			switch i {
			case 17:
				s.Processes[p].Code = -11
			case 41:
				s.Processes[p].Code = 3
			}
			s.point(timeline.Send, p, queue, start+290, i+1, 1)
			s.point(timeline.Recv, 0, queue, start+291, i+1, 1)
		}
	})
}

// floodStory is 50,000 events of two processes.
func floodStory() *timeline.Log {
	return tell(1000, func(s *story) {
		queue, lock := s.object("queue", 1, true), s.object("lock", 1, true)
		p := s.process("producer", 0, 1, 8, 990, 0)
		c := s.process("consumer", 0, 2, 9, 995, 0)
		for i := range 10_000 {
			at := 10 + float64(i)*0.097
			s.point(timeline.Send, p, queue, at, i+1, 1)
			s.point(timeline.Recv, c, queue, at+0.01, i+1, 1)
			s.wait(c, timeline.ForValue, queue, at+0.02, at+0.09)
			s.hold(p, lock, at+0.02, at+0.03)
			s.hold(c, lock, at+0.091, at+0.094)
		}
	})
}

// lostStory is a log that had no room for all.
func lostStory() *timeline.Log {
	l := killedStory()
	l.Lost, l.Unlisted = 1234, 1
	return l
}

// oddStory has names that mean something to a terminal, to XML and to Mermaid.
func oddStory() *timeline.Log {
	return tell(100, func(s *story) {
		queue := s.object(`<qu"eue> & 'co'`, 1, true)
		a := s.process("a \"quoted\" <b>&amp; 'name'; end -->> %% #35;", 0, 1, 8, 90, 0)
		b := s.process("new\nline\x1b[31m\x00\xff", 0, 2, 9, 92, -6)
		s.process("日本語のとても長い名前のプロセス", 0, 3, 10, 93, 0)
		s.process("👩‍🚀 e\u0301 emoji", 0, 4, 11, 94, 0)
		s.process("", 0, 4, 11, 94, 0)
		s.point(timeline.Send, a, queue, 30, 1, 1)
		s.point(timeline.Recv, b, queue, 40, 1, 1)
		s.join(0, a, 20, 90)
	})
}

// roundsStory is three processes that meet at a barrier again and again, until
// it breaks.
func roundsStory() *timeline.Log {
	return tell(1000, func(s *story) {
		barrier := s.object("barrier", 1, true)
		for i := range 3 {
			p := s.process(fmt.Sprintf("p%d", i+1), 0, 1+float64(i), 9+float64(i), 930, 0)
			for round := range 4 {
				arrives := 40 + 200*float64(round) + 50*float64((i+round)%3)
				if round == 3 && i == 1 {
					s.Processes[p].End, s.Processes[p].Code = ms(arrives), -9
					break
				}
				s.wait(p, timeline.ForParties, barrier, arrives, 140.2+200*float64(round)+0.1*float64(i))
				if round == 3 {
					s.Events[len(s.Events)-1].Until, s.Events[len(s.Events)-1].Failed = ms(880), true
				}
			}
		}
	})
}

// wakesStory has an event, a condition, a semaphore and a joinable queue.
func wakesStory() *timeline.Log {
	return tell(400, func(s *story) {
		event, cond := s.object("event", 1, true), s.object("condition", 1, true)
		sem, queue := s.object("semaphore", 1, true), s.object("queue", 1, true)
		a := s.process("setter", 0, 2, 10, 300, 0)
		b := s.process("waiter", 0, 3, 11, 350, 0)
		s.wait(b, timeline.ForEvent, event, 20, 101)
		s.point(timeline.Set, a, event, 100, 0, 0)
		s.wait(b, timeline.ForNotify, cond, 120, 201)
		s.point(timeline.Notify, a, cond, 200, 0, 0)
		s.hold(a, sem, 40, 90)
		s.hold(b, sem, 210, 290)
		s.wait(a, timeline.ForRoom, queue, 210, 280)
		s.wait(0, timeline.ForTasks, queue, 50, 340)
		s.point(timeline.Send, a, queue, 280, 1, 3)
		s.point(timeline.Recv, b, queue, 281, 1, 1)
		s.point(timeline.Recv, b, queue, 285, 2, 2)
	})
}
