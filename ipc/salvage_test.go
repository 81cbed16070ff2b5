package ipc

import "testing"

// results is a load that notes what it is given.
type results struct {
	kept   map[int]byte
	failed map[int]*TaskError
}

func (r *results) encode(b []byte, i, n int) ([]byte, int, error) { return b, n, nil }

func (r *results) keep(b []byte, i, n int) (int, error) {
	for k := range n {
		r.kept[i+k] = b[k]
	}
	return n, nil
}

func (r *results) fail(e *TaskError, _ bool) { r.failed[e.Index] = e }

// TestSalvageWaitsForMessages has a worker post a failure after its pool has
// looked for messages, and before it looks into the draft.
func TestSalvageWaitsForMessages(t *testing.T) {
	board, err := newBoard(newObject)
	if err != nil {
		t.Fatal(err)
	}
	defer board.h.Close()
	from, to, err := oneWay[[]byte](newObject)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	board.cursor.Store(1)

	load := &results{map[int]byte{}, map[int]*TaskError{}}
	c := newCrew(nil, 0, strip{plain: true, size: 1}, strip{plain: true, size: 1})
	j := newJob(load, 3, false)
	if err := c.submit(j); err != nil {
		t.Fatal(err)
	}
	s := newSlot(c)
	s.worker = &worker{board: board, results: from}
	first, n := j.claim(3)
	s.out, s.count = []batch{{job: j, index: first, n: n, first: 1}}, n

	d := draft{board: board, to: to}
	board.begin(1)
	d.add(1, []byte{'a'})
	board.begin(2)
	if err := d.fail(2, &RemoteError{Msg: "no luck"}); err != nil {
		t.Fatal(err)
	}
	board.begin(3)
	if err := s.salvage(); err != nil {
		t.Errorf("salvage() = %v", err)
	}
	if b, ok := load.kept[1]; ok {
		t.Errorf("the task that failed has the result %q", b)
	}
}
