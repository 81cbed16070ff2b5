//go:build unix

package timeline

import (
	"cmp"
	"io"
	"slices"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/eventlog"
)

// Read reads the log in the file that was given to [ipc.Record], or that IPC_LOG
// named: from its beginning, wherever the file stands. The program need not have
// ended, though an event that is just being written may be missing.
func Read(file io.ReaderAt) (*Log, error) {
	b := make([]byte, eventlog.Size)
	if n, err := file.ReadAt(b, 0); err != nil && err != io.EOF || n < len(b) {
		if err == io.EOF {
			err = eventlog.ErrFormat
		}
		return nil, err
	}
	record, err := eventlog.Read(b)
	if err != nil {
		return nil, err
	}
	r := reader{
		Log:     &Log{Lost: record.Lost, Unlisted: record.Unlisted},
		place:   map[int]int{},
		objects: map[uint64]int{},
		waits:   map[uint64]int{},
		last:    map[wait]int{},
		holds:   map[int][]int{},
		tasks:   map[task]int{},

		messages: map[passage]int{},
	}
	r.processes(record.Lanes)
	for i, e := range record.Events {
		r.event(record.Numbers[i], e)
	}
	r.finish()
	return r.Log, nil
}

// A reader puts together what the log has in pieces.
type reader struct {
	*Log
	place   map[int]int    // from lanes to processes
	objects map[uint64]int // by their ids
	waits   map[uint64]int // that have begun, by the number of the event
	last    map[wait]int   // the last wait of a process for this, once it is over
	holds   map[int][]int  // of an object, that have not ended
	tasks   map[task]int   // that have not ended

	messages map[passage]int // the last one
}

type passage struct {
	object, direction int
	kind              Kind
}

type wait struct {
	process, object, peer int
	reason                Reason
}

type task struct{ process, number int }

func (r *reader) processes(lanes []eventlog.Lane) {
	for n, l := range lanes {
		if l.Void {
			continue
		}
		parent, ok := r.place[l.Parent]
		if !ok {
			parent = -1
		}
		r.place[n] = len(r.Processes)
		r.Processes = append(r.Processes, Process{
			Name:   l.Name,
			Pid:    l.Pid,
			Parent: parent,
			Daemon: l.Daemon,
			Start:  time.Duration(l.Start),
			Ready:  time.Duration(l.Ready),
			End:    time.Duration(l.End),
			Code:   l.Code,
		})
	}
}

// sorts are the names of the kinds of objects, by their numbers in the log.
var sorts = []string{"", "lock", "event", "barrier", "pipe", "queue", "rlock", "semaphore", "cond", "value", "array"}

// object is the index of an object, -1 for none.
func (r *reader) object(e eventlog.Event) int {
	if e.Object == 0 {
		return -1
	}
	i, ok := r.objects[e.Object]
	if !ok {
		sort := "object"
		if int(e.Sort) < len(sorts) {
			sort = sorts[e.Sort]
		}
		i = len(r.Objects)
		r.objects[e.Object] = i
		r.Objects = append(r.Objects, Object{Kind: sort})
	}
	return i
}

func (r *reader) event(number uint64, raw eventlog.Event) {
	p, ok := r.place[int(raw.Lane)]
	if !ok {
		return
	}
	e := Event{At: time.Duration(raw.At), Process: p, Object: r.object(raw), Peer: -1, Until: -1, Failed: raw.Failed}
	own := func(process int) bool { return process == p }
	switch raw.Kind {
	case eventlog.Send, eventlog.Recv:
		e.Kind, e.First, e.Count, e.Direction = Send, int(raw.First), int(raw.Count), int(raw.Ring)
		if raw.Kind == eventlog.Recv {
			e.Kind = Recv
		}
		r.message(e)
	case eventlog.Set:
		e.Kind = Set
		r.add(e)
	case eventlog.Notify:
		e.Kind = Notify
		r.add(e)
	case eventlog.Signal:
		e.Kind, e.Signal, e.Peer = Signal, int(raw.First), r.peer(raw)
		r.add(e)
	case eventlog.WaitBegin:
		r.beginWait(number, raw, e)
	case eventlog.WaitEnd:
		r.endWait(raw, e)
	case eventlog.Acquire:
		e.Kind = Hold
		r.acquire(e)
	case eventlog.Release:
		// Who has no permit of a semaphore gives back that of another process.
		if !r.release(e, own) && r.counts(e.Object) {
			r.release(e, func(int) bool { return true })
		}
	case eventlog.GiveUp:
		for r.release(e, own) {
		}
	case eventlog.TaskBegin:
		e.Kind, e.Task = Task, int(raw.First)
		r.tasks[task{p, e.Task}] = r.add(e)
	case eventlog.TaskEnd:
		h := task{p, int(raw.First)}
		if i, ok := r.tasks[h]; ok {
			r.Events[i].Until, r.Events[i].Failed = e.At, raw.Failed
			delete(r.tasks, h)
		}
	}
}

// message adds a Send or a Recv. Its process may have died right before it came
// true: then the next one has the same numbers, and takes its place.
func (r *reader) message(e Event) {
	way := passage{e.Object, e.Direction, e.Kind}
	if i, ok := r.messages[way]; ok && r.Events[i].First == e.First && r.Events[i].Process != e.Process {
		r.Events[i].Kind = 0
	}
	r.messages[way] = r.add(e)
}

// acquire adds a Hold. Who has a lock is the only one: others that have not
// released it were dead by then.
func (r *reader) acquire(e Event) {
	if !r.counts(e.Object) {
		for r.release(e, func(process int) bool { return process != e.Process }) {
		}
	}
	r.holds[e.Object] = append(r.holds[e.Object], r.add(e))
}

// counts reports whether several can have the object at a time.
func (r *reader) counts(object int) bool {
	return object < 0 || r.Objects[object].Kind == "semaphore"
}

// release ends the last Hold of the object by a process that whose picks.
func (r *reader) release(e Event, whose func(process int) bool) bool {
	held := r.holds[e.Object]
	for n, i := range slices.Backward(held) {
		if whose(r.Events[i].Process) {
			if end := r.Processes[r.Events[i].Process].End; end < 0 || end > e.At {
				r.Events[i].Until = e.At
			}
			r.holds[e.Object] = slices.Delete(held, n, n+1)
			return true
		}
	}
	return false
}

func (r *reader) add(e Event) int {
	r.Events = append(r.Events, e)
	return len(r.Events) - 1
}

// peer is the process that the event is about, -1 for none.
func (r *reader) peer(raw eventlog.Event) int {
	if p, ok := r.place[int(raw.Peer)]; ok {
		return p
	}
	return -1
}

// reasons are those of package eventlog.
var reasons = []Reason{
	eventlog.ForValue:   ForValue,
	eventlog.ForRoom:    ForRoom,
	eventlog.ForLock:    ForLock,
	eventlog.ForParties: ForParties,
	eventlog.ForEvent:   ForEvent,
	eventlog.ForNotify:  ForNotify,
	eventlog.ForTasks:   ForTasks,
	eventlog.ForEnd:     ForEnd,
	eventlog.ForTask:    ForTask,
}

// breath is the longest time between two waits for the same that makes them
// one: who waits looks around now and then, and sleeps again.
const breath = time.Millisecond

func (r *reader) beginWait(number uint64, raw eventlog.Event, e Event) {
	e.Kind = Wait
	if int(raw.Why) < len(reasons) {
		e.For = reasons[raw.Why]
	}
	if e.For == ForEnd {
		e.Peer = r.peer(raw)
	}
	w := wait{e.Process, e.Object, e.Peer, e.For}
	if i, ok := r.last[w]; ok && e.At-r.Events[i].Until < breath && e.For != ForParties && e.For != ForTask {
		delete(r.last, w)
		r.waits[number] = i
		r.Events[i].Until = -1
		return
	}
	r.waits[number] = r.add(e)
}

func (r *reader) endWait(raw eventlog.Event, e Event) {
	i, ok := r.waits[raw.Begun]
	if !ok {
		return
	}
	delete(r.waits, raw.Begun)
	w := &r.Events[i]
	w.Until, w.Failed = e.At, raw.Failed
	r.last[wait{w.Process, w.Object, w.Peer, w.For}] = i
}

// finish puts the events in order and names the objects.
func (r *reader) finish() {
	r.Events = slices.DeleteFunc(r.Events, func(e Event) bool { return e.Kind == 0 })
	slices.SortStableFunc(r.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	count := map[string]int{}
	for i := range r.Objects {
		o := &r.Objects[i]
		count[o.Kind]++
		o.Number = count[o.Kind]
	}
	for i := range r.Objects {
		r.Objects[i].Only = count[r.Objects[i].Kind] == 1
	}
}
