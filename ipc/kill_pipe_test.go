package ipc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The places at pipes.

const (
	long  = 8 << 20 // more than a pipe or a queue holds
	short = 100     // bytes
)

var pipePlaces = []place{
	{
		object: "Conn", moment: "idle",
		seen:   "`Recv` returns `io.EOF`, `Send` `ErrBrokenPipe`",
		set:    conns,
		victim: func(context.Context, stage) error { return nil },
		others: func(ctx context.Context, s stage, _ way) error { return atEOF(ctx, s.Conn) },
		after:  func(ctx context.Context, s stage, _ way) error { return brokenPipe(ctx, s.Conn, short) },
		again:  func(ctx context.Context, s stage) error { return atEOF(ctx, s.Conn) },
	},
	{
		object: "Conn", moment: "after `Send`",
		seen:   "the message, then `io.EOF`",
		set:    conns,
		victim: func(ctx context.Context, s stage) error { return s.Conn.Send(ctx, numbered(0, short)) },
		others: func(ctx context.Context, s stage, _ way) error { return numberedUpTo(ctx, s.Conn, 1) },
	},
	{
		object: "Conn", moment: "in `Send`, the pipe being full", mode: asleep,
		seen: "what fitted into it, whole, then `io.EOF`",
		set:  conns,
		victim: func(ctx context.Context, s stage) (err error) {
			for n := 0; err == nil; n++ {
				err = s.Conn.Send(ctx, numbered(n, short))
			}
			return err
		},
		after: func(ctx context.Context, s stage, _ way) error { return numberedUpTo(ctx, s.Conn, -1) },
	},
	{
		object: "Conn", moment: "in a long `Send`", mode: asleep,
		seen:   "`io.EOF`, and nothing of the message",
		set:    conns,
		victim: func(ctx context.Context, s stage) error { return s.Conn.Send(ctx, numbered(0, long)) },
		after:  func(ctx context.Context, s stage, _ way) error { return atEOF(ctx, s.Conn) },
	},
	{
		object: "Conn", moment: "sending long messages", mode: moving,
		seen: "each that is complete, then `io.EOF`",
		set:  conns,
		victim: func(ctx context.Context, s stage) (err error) {
			for n := 0; err == nil; n++ {
				err = s.Conn.Send(ctx, numbered(n, 1<<20))
			}
			return err
		},
		others: func(ctx context.Context, s stage, _ way) error { return numberedUpTo(ctx, s.Conn, -1) },
	},
	{
		object: "Conn", moment: "in `Recv`", mode: asleep,
		seen:   "`ErrBrokenPipe` at `Send`",
		set:    conns,
		victim: func(ctx context.Context, s stage) error { return atEOF(ctx, s.Conn) },
		after:  func(ctx context.Context, s stage, _ way) error { return brokenPipe(ctx, s.Conn, short) },
		again:  func(ctx context.Context, s stage) error { return brokenPipe(ctx, s.Conn, long) },
	},
	{
		object: "Conn", moment: "not receiving, the pipe being full",
		seen:   "`ErrBrokenPipe` at once, also from a `Send` that waits",
		set:    conns,
		victim: func(context.Context, stage) error { return nil },
		others: func(ctx context.Context, s stage, _ way) error { return brokenPipe(ctx, s.Conn, short) },
		after:  func(ctx context.Context, s stage, _ way) error { return brokenPipe(ctx, s.Conn, long) },
	},
	{
		object: "Conn", moment: "receiving long messages", mode: moving,
		seen:   "`ErrBrokenPipe`, also in the middle of one",
		set:    conns,
		victim: func(ctx context.Context, s stage) error { return numberedUpTo(ctx, s.Conn, -1) },
		others: func(ctx context.Context, s stage, _ way) error { return brokenPipe(ctx, s.Conn, 1<<20) },
	},
	{
		object: "Wait", moment: "at the other side of one of the things", mode: moving,
		seen:   "that one is ready",
		set:    conns,
		victim: func(context.Context, stage) error { return nil },
		others: func(ctx context.Context, s stage, _ way) error {
			idle, err := ipc.NewEvent()
			if err != nil {
				return err
			}
			defer idle.Close()
			ready, err := ipc.Wait(ctx, idle, s.Conn)
			if err != nil || len(ready) != 1 || ready[0] != s.Conn {
				return fmt.Errorf("Wait() = %v, %v", ready, err)
			}
			return atEOF(ctx, s.Conn)
		},
	},
	{
		object: "Sender", moment: "in a long `Send`, another one having it too", mode: asleep,
		seen: "nothing of the message; those of the other one, whole",
		set: func(t *testing.T) (ours, victims stage) {
			r, s := channel[[]byte](t)
			return stage{Sender: s, Receiver: r}, stage{Sender: s}
		},
		victim: func(ctx context.Context, s stage) error { return s.Sender.Send(ctx, numbered(0, long)) },
		after:  pipeStillWorks,
		again:  pipeAgain,
	},
	{
		object: "Receiver", moment: "in a long `Recv`, another one having it too", mode: asleep,
		seen:   "that message is lost with it; the next one is whole",
		set:    halfSent,
		victim: func(ctx context.Context, s stage) error { _, err := s.Receiver.Recv(ctx); return err },
		after: func(ctx context.Context, s stage, _ way) error {
			if err := continueHalf(); err != nil {
				return err
			}
			return numberedUpTo(ctx, s.Receiver, 1)
		},
	},
}

// numbered is a message that has its number and is told from all others.
func numbered(n, size int) []byte {
	b := bytes.Repeat([]byte{byte(n)}, size)
	binary.LittleEndian.PutUint64(b, uint64(n))
	return b
}

type receiver interface {
	Recv(ctx context.Context) ([]byte, error)
}

// numberedUpTo receives messages 0, 1, ..., all of them whole, up to io.EOF. It
// wants that many, any number if negative.
func numberedUpTo(ctx context.Context, r receiver, count int) error {
	for n := 0; ; n++ {
		b, err := r.Recv(ctx)
		switch {
		case err == io.EOF && count >= 0 && n != count:
			return fmt.Errorf("%d messages came; want %d", n, count)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case len(b) < short || !bytes.Equal(b, numbered(n, len(b))):
			return fmt.Errorf("message %d is not whole: %d bytes, % x...", n, len(b), b[:min(len(b), 16)])
		}
	}
}

func atEOF(ctx context.Context, r receiver) error { return numberedUpTo(ctx, r, 0) }

// brokenPipe sends until it finds that nobody receives any more.
func brokenPipe(ctx context.Context, c *ipc.Conn[[]byte], size int) (err error) {
	for n := 0; err == nil; n++ {
		err = c.Send(ctx, numbered(n, size))
	}
	return want("Send()", err, ipc.ErrBrokenPipe)
}

func conns(t *testing.T) (ours, victims stage) {
	a, b, err := ipc.Pipe[[]byte]()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return stage{Conn: a}, stage{Conn: b}
}

// pipeAgain sends a long message and receives it.
func pipeAgain(ctx context.Context, s stage) error {
	sent := make(chan error, 1)
	go func() { sent <- s.Sender.Send(ctx, numbered(0, 1<<20)) }()
	b, err := s.Receiver.Recv(ctx)
	if err != nil || !bytes.Equal(b, numbered(0, 1<<20)) {
		return fmt.Errorf("Recv() = %d bytes, %v", len(b), err)
	}
	return <-sent
}

func pipeStillWorks(ctx context.Context, s stage, _ way) error { return pipeAgain(ctx, s) }

// halfSender is the process that sendHalf has stopped.
var halfSender *ipc.Process

func halfSent(t *testing.T) (ours, victims stage) {
	r, s := channel[[]byte](t)
	sendHalf(t, longSender{Out: s})
	s.Close()
	return shared(stage{Receiver: r})
}

func halfPut(t *testing.T) (ours, victims stage) {
	q := newQueue[[]byte](t, 0)
	sendHalf(t, longSender{Queue: q})
	return shared(stage{Queue: q})
}

// sendHalf starts a process that sends a long message, and stops it in the
// middle of that.
func sendHalf(t *testing.T, l longSender) {
	ready, tell := channel[int](t)
	l.Ready = tell
	p := ipc.NewProcess(longSenderTarget, l)
	start(t, p)
	ok(ready.Recv(context.Background()))(t)
	if err := syscall.Kill(p.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill(); _ = p.Join(context.Background()) })
	halfSender = p
}

// continueHalf has the process go on from where it was stopped.
func continueHalf() error { return syscall.Kill(halfSender.Pid(), syscall.SIGCONT) }

// A longSender sends a long message and a short one, and says when it waits.
type longSender struct {
	Out   *ipc.Sender[[]byte]
	Queue *ipc.Queue[[]byte]
	Ready *ipc.Sender[int]
}

func (l longSender) Run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- l.send(ctx) }()
	if !sleeps("ipc_test.longSender.send", done) {
		return fmt.Errorf("it does not wait: %w", <-done)
	}
	if err := l.Ready.Send(ctx, 0); err != nil {
		return err
	}
	return <-done
}

func (l longSender) send(ctx context.Context) error {
	put := l.Queue.Put
	if l.Out != nil {
		put = l.Out.Send
	}
	if err := put(ctx, numbered(1, long)); err != nil {
		return err
	}
	return put(ctx, numbered(0, short))
}

var longSenderTarget = ipc.TargetOf[longSender]()
