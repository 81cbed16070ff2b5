package word

import (
	"context"
	"sync"
	"unsafe"
)

// A Local is what a process keeps, in its own memory, of an object that it
// shares: the queue in which its goroutines wait for a lock, so that only one
// of them takes a thread to sleep in the kernel; and a place where the race
// detector is told of the order that the shared words make, which it can't see.
//
// The zero value is ready.
type Local struct {
	once sync.Once
	gate chan struct{} // made when it is first waited at
	mark byte
}

// enter waits until no other goroutine of this process is in the gate.
func (l *Local) enter(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.once.Do(func() { l.gate = make(chan struct{}, 1) })
	select {
	case l.gate <- struct{}{}:
		return nil
	default:
	}
	select {
	case l.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Local) leave() {
	if l != nil {
		<-l.gate
	}
}

// acquired and releases tell the race detector that what came before releases
// is seen by what comes after acquired.
func (l *Local) acquired() {
	if raceEnabled && l != nil {
		raceAcquire(unsafe.Pointer(&l.mark))
	}
}

func (l *Local) releases() {
	if raceEnabled && l != nil {
		raceRelease(unsafe.Pointer(&l.mark))
	}
}
