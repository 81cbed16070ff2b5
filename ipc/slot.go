package ipc

import (
	"context"
	"sync"
	"time"
)

// A slot gives tasks to one worker after the other, and takes their results,
// until the pool ends. All it has is its goroutine's own, but for poke.
type slot struct {
	crew   *crew
	called chan struct{} // it was idle, and there is something to do
	starts bool          // it starts a worker; guarded by the crew's lock

	worker *worker // nil before the first task, and after a death
	out    []batch // what the worker has and has not answered, in its order
	count  int     // of tasks in out
	bytes  int     // sent for them
	held   *batch  // what is to be sent next
	sent   uint64  // the number of the next task
	buf    []byte

	pace float64 // nanoseconds for a task, 0 if not known
	last int     // how many tasks the last batch had

	watch watch

	mu    sync.Mutex
	ctx   context.Context // ends with a poke
	prick context.CancelFunc
}

// A batch is a run of tasks of a job, from number index on, that the worker
// knows by numbers from first on.
type batch struct {
	job      *job
	index, n int
	first    uint64
	message  []byte // until it is sent
}

func newSlot(c *crew) *slot {
	s := &slot{crew: c, called: make(chan struct{}, 1), sent: 1}
	s.ctx, s.prick = context.WithCancel(c.ctx)
	return s
}

// poke has the slot look at what has changed.
func (s *slot) poke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prick()
}

// context is one that ends with the next poke, or has ended, if there was one since
// untilPoked.
func (s *slot) context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx
}

// untilPoked is a context that ends with the next poke. What has changed is to be
// looked at after it, or a poke is lost.
func (s *slot) untilPoked() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		s.ctx, s.prick = context.WithCancel(s.crew.ctx)
	}
	return s.ctx
}

func (s *slot) run() {
	defer s.crew.gone(s)
	for s.count > 0 || s.held != nil || s.await() {
		if s.crew.ctx.Err() != nil {
			break
		}
		s.feed()
		if s.count > 0 {
			s.collect()
		}
	}
	s.giveBack(0)
	s.dismiss(s.crew.ctx)
	s.poke() // frees the context
}

// await waits for something to do. It reports false at the end of the pool.
func (s *slot) await() bool {
	var idle <-chan time.Time
	if d := s.crew.idleTime; d > 0 && s.worker != nil {
		t := time.NewTimer(d)
		defer t.Stop()
		idle = t.C
	}
	for {
		if work, stay := s.crew.rest(s); work || !stay {
			return work
		}
		var death <-chan struct{}
		if s.worker != nil {
			death = s.worker.ended
		}
		select {
		case <-s.called:
			continue
		case <-idle:
			idle = nil
			if s.crew.leave(s) {
				s.dismiss(s.crew.ctx)
				continue
			}
		case <-death:
			if s.crew.leave(s) {
				s.dismiss(ended)
				continue
			}
		case <-s.crew.ctx.Done():
			if s.crew.leave(s) {
				return false
			}
		}
		<-s.called // we were called before we could leave
	}
}

// feed gives the worker what it may have.
func (s *slot) feed() {
	for s.ready() {
		if s.held == nil {
			j, index, n := s.crew.claim(s.want)
			if n == 0 {
				return
			}
			if s.held = s.encode(j, index, n); s.held == nil {
				continue
			}
		}
		// What the worker can't take yet would have us wait, and the worker
		// for us, if its results don't fit either.
		if s.count > 0 && s.bytes+len(s.held.message) > maxAhead {
			return
		}
		if !s.send() {
			return
		}
	}
}

// maxAhead is how many bytes of tasks a worker may have. It is less than fits
// into its pipe.
const maxAhead = pipeRing / 2

// ready reports whether there is a worker that may have more tasks. It starts
// one if there is none, and something to do.
func (s *slot) ready() bool {
	w := s.worker
	if w != nil && s.count == 0 && (w.left <= 0 || w.hasEnded()) {
		s.dismiss(s.crew.ctx)
		w = nil
	}
	switch {
	case w == nil:
		return (s.held != nil || s.crew.hasTasks()) && s.hire()
	case s.watch.stage > 0 || s.held == nil && s.want(1) == 0:
		return false
	case w.board.stopped() && s.count > 0:
		return false // it has not come to see that tasks were taken back
	}
	w.board.goOn()
	return true
}

// send sends the batch that is held. It reports false if that has to wait.
func (s *slot) send() bool {
	b := s.held
	ctx := s.untilPoked()
	if b.job.stopped() != nil {
		s.drop()
		return true
	}
	b.first = s.sent
	batchHead{first: b.first, count: b.n, worked: uint64(b.index)}.append(b.message[:0])
	w := s.worker
	if s.count == 0 {
		s.watch.again() // it may begin at once
	}
	if err := w.tasks.put(ctx, nil, b.message); err != nil {
		if s.crew.ctx.Err() == nil && err != context.Canceled {
			s.bury(err)
		}
		return false
	}
	s.sent += uint64(b.n)
	s.count += b.n
	s.bytes += len(b.message)
	w.left -= b.n
	if cap(b.message) <= maxKept {
		s.buf = b.message[:0]
	}
	b.message = nil
	s.out = append(s.out, *b)
	s.held = nil
	return true
}

// drop gives back what is held.
func (s *slot) drop() {
	if b := s.held; b != nil {
		s.held = nil
		b.job.giveBack(b.index, b.n)
	}
}

// encode makes a batch of tasks, nil if nothing comes of it.
func (s *slot) encode(j *job, index, n int) *batch {
	buf := s.buf
	s.buf = nil
	msg, done := j.pack(append(buf[:0], make([]byte, batchHeader)...), index, n)
	if done == 0 {
		s.buf = msg
		return nil
	}
	s.last = done
	return &batch{job: j, index: index, n: done, message: msg}
}

// Time that tasks ahead of the worker may take, and so the longest time for
// which a task waits for another one while a worker is idle, but for what the
// watch takes back.
const aheadTime = float64(time.Millisecond)

// mostAhead bounds how many tasks that is.
const mostAhead = 1 << 14

// want says how many tasks to hand out, of so many that there are: half of what
// the worker is to have ahead, and less when there are so few that all workers
// should get some.
func (s *slot) want(left int) int {
	c, w := s.crew, s.worker
	ahead := 1
	if s.pace > 0 {
		ahead = int(min(max(1, aheadTime/s.pace), mostAhead))
	}
	n := min((ahead+1)/2, (left+2*c.size-1)/(2*c.size))
	if c.chunk == 0 {
		n = min(n, 8*max(s.last, 1))
	} else {
		n = max(1, min(n/c.chunk, mostChunks)) * c.chunk // whole chunks
	}
	n = min(n, w.left)
	if s.count > 0 && s.count+n > ahead {
		return 0
	}
	return n
}

// mostChunks is how many chunks of a given size a worker is sent at once.
const mostChunks = 32
