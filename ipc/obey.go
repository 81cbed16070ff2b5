package ipc

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
)

// target is the context of this child's target. A parent may end it before
// the target has begun.
var target struct {
	ctx    context.Context
	cancel context.CancelFunc
}

// lifeline is a child's end of the socket to its parent.
var lifeline *os.File

// letters is held by who writes one to the lifeline. broken says that one was
// written by half.
var letters struct {
	sync.Mutex
	broken bool
}

// obey does what the parent commands until the parent has ended.
func obey(r io.Reader) {
	var b [commandSize]byte
	for {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return
		}
		arg := binary.LittleEndian.Uint64(b[8:])
		switch binary.LittleEndian.Uint64(b[:]) {
		case verbCancel:
			target.cancel()
		case verbCancelTask:
			taskCancels.cancel(arg)
		case verbStacks:
			post(letterStacks, arg, stacks(), letterPatience)
		}
	}
}

// maxStacks is the longest text of stacks that a child sends.
const maxStacks = 256 << 10

// stacks are the stack traces of all goroutines.
func stacks() []byte {
	for n := 16 << 10; ; n *= 2 {
		b := make([]byte, n)
		if got := runtime.Stack(b, true); got < n || n >= maxStacks {
			return b[:got]
		}
	}
}

// letterPatience is how long a child waits for a parent that does not read
// its stacks, more than the socket holds: nobody has the answer then.
const letterPatience = time.Second

// post sends a letter to the parent, and waits for it to be taken, for good if
// patience is 0. A parent that is gone needs none.
func post(kind, arg uint64, text []byte, patience time.Duration) {
	letters.Lock()
	defer letters.Unlock()
	if letters.broken {
		return
	}
	var until time.Time
	if patience > 0 {
		until = time.Now().Add(patience)
	}
	_ = lifeline.SetWriteDeadline(until)
	rest, err := sendLetter(lifeline, kind, arg, text)
	letters.broken = err != nil && len(rest) < headSize+len(text)
}

// taskCancels is how a pool's worker learns of tasks that it need not do.
var taskCancels cancels

type cancels struct {
	mu    sync.Mutex
	f     func(seq uint64)
	early []uint64 // came before there was f
}

// maxEarlyCancels bounds what is kept in a process that is no worker.
const maxEarlyCancels = 1024

func (c *cancels) cancel(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.f != nil:
		c.f(seq)
	case len(c.early) < maxEarlyCancels:
		c.early = append(c.early, seq)
	}
}

// onCancelTask has f called with the number of each task that the parent
// cancels from now on, and of those that it has cancelled before, on the
// goroutine that reads the lifeline: f must not wait.
func onCancelTask(f func(seq uint64)) {
	c := &taskCancels
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, seq := range c.early {
		f(seq)
	}
	c.f, c.early = f, nil
}
