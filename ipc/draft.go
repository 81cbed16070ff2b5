package ipc

import (
	"context"
	"time"
)

// A draft collects the results of a worker's tasks in the memory that it shares
// with its pool, and posts them in one message. The first error of the pipe is
// kept for all that follows.
type draft struct {
	board *board
	to    *Sender[[]byte]
	since time.Time // when the last message was posted, or the batch came

	first uint64 // the task whose result is the first
	count int
	used  int // bytes
	buf   []byte
	err   error
}

// add adds the result of task n, which follows those that are there. One that
// does not fit is posted by itself.
func (d *draft) add(n uint64, result []byte) {
	if len(result) <= draftSize {
		copy(d.room(n, len(result)), result)
		return
	}
	_ = d.post()
	d.send(batchHead{first: n, count: 1, what: sentResults}, result)
}

// room is where the result of task n goes, of that many bytes.
func (d *draft) room(n uint64, size int) []byte {
	if d.used+size > draftSize {
		_ = d.post()
	}
	if d.count == 0 {
		d.board.first.Store(n)
		d.first = n
	}
	d.count++
	d.used += size
	return d.board.draft[d.used-size : d.used]
}

// post sends what there is.
func (d *draft) post() error {
	if d.count > 0 {
		d.send(batchHead{first: d.first, count: d.count, what: sentResults}, d.board.draft[:d.used])
		d.count, d.used = 0, 0
	}
	return d.err
}

// fail says that task n has failed.
func (d *draft) fail(n uint64, failed *RemoteError) error {
	_ = d.post()
	d.send(batchHead{first: n, count: 1, what: sentFailed}, failed.append(nil, maxTree))
	return d.err
}

func (d *draft) send(h batchHead, body []byte) {
	now := time.Now()
	h.worked, d.since = uint64(now.Sub(d.since)), now
	var head [batchHeader]byte
	if d.err == nil {
		d.err = d.to.put(context.Background(), h.append(head[:0]), body)
	}
}
