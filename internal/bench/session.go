package bench

import (
	"cmp"
	"context"
	"io"
	"sync"

	"github.com/mpbox/mpbox/ipc"
)

// forever is the context of the operations that are measured: one that can
// end costs more where a process goes to sleep. What ends them is that their
// objects are closed.
var forever = context.Background()

// A setup makes the objects and starts the children of a session, and returns
// what does so many operations.
type setup func(s *Session) (operate, error)

type operate func(n int) error

// A Session is a measurement under way: the objects are there, and the
// children wait for something to do.
type Session struct {
	op       operate
	ctx      context.Context
	stop     func() bool // lets go of ctx
	children []*ipc.Process

	mu     sync.Mutex
	things []io.Closer
}

func begin(ctx context.Context, set setup) (*Session, error) {
	s := &Session{ctx: ctx}
	s.stop = context.AfterFunc(ctx, s.giveUp)
	var err error
	if s.op, err = set(s); err != nil {
		s.Close()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return s, nil
}

// Run does n operations. It returns early if the context of the session ends,
// or a child does.
func (s *Session) Run(n int) error {
	err := s.op(n)
	return cmp.Or(s.ctx.Err(), err)
}

// Close ends the children, whatever they are doing, and waits until they have
// ended.
func (s *Session) Close() {
	s.stop()
	for _, p := range s.children {
		_ = p.Kill() // it may have ended by itself
	}
	for _, p := range s.children {
		_ = p.Join(forever)
	}
	s.giveUp()
}

// giveUp closes all objects: whoever waits for one does so no more.
func (s *Session) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, thing := range s.things {
		_ = thing.Close()
	}
	s.things = nil
}

// keep notes what is to be closed at the end of the session.
func (s *Session) keep(things ...io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.things = append(s.things, things...)
}

// spawn starts a child of the session.
func (s *Session) spawn(j job) error {
	p := ipc.NewProcess(jobTarget, j)
	p.Daemon = true
	if err := p.Start(); err != nil {
		return err
	}
	s.children = append(s.children, p)
	// An event or a lock would be waited for in vain when its other side has
	// gone. The goroutine ends with the child, which Close sees to.
	go func() {
		<-p.Sentinel()
		s.giveUp()
	}()
	return nil
}
