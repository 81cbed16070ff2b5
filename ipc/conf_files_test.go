package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

type crowdedArgs struct {
	Ready *ipc.Sender[bool]
	In    *ipc.Receiver[*os.File]
}

// crowded uses up the numbers to 255 before it takes a file.
func crowded(ctx context.Context, a crowdedArgs) error {
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return err
		}
		defer f.Close()
		if f.Fd() >= 255 {
			break
		}
	}
	if err := a.Ready.Send(ctx, true); err != nil {
		return err
	}
	f, err := a.In.Recv(ctx)
	if err != nil {
		return err
	}
	if f.Fd() <= 255 {
		return fmt.Errorf("the file is descriptor %d", f.Fd())
	}
	_, err = f.WriteString("bar")
	return errors.Join(err, f.Close())
}

var crowdedTarget = ipc.NewTarget(crowded)

func TestFilesOfHighNumbersTravel(t *testing.T) { // FDPASS-02
	ctx := guard(t)
	in, s := channel[*os.File](t)
	ready, r := channel[bool](t)
	p := ipc.NewProcess(crowdedTarget, crowdedArgs{r, in})
	start(t, p)
	ok(ready.Recv(ctx))(t)
	name := filepath.Join(t.TempDir(), "file")
	f := ok(os.Create(name))(t)
	defer f.Close()
	const high = 300
	if err := dup(int(f.Fd()), high); err != nil {
		t.Fatal(err)
	}
	far := os.NewFile(high, "far")
	defer far.Close()
	if err := s.Send(ctx, far); err != nil {
		t.Fatal(err)
	}
	join(t, p)
	if got := string(ok(os.ReadFile(name))(t)); got != "bar" {
		t.Errorf("the file holds %q", got)
	}
}

// useNoFile is sent a message without a file, which must not be mistaken for one.
func useNoFile(ctx context.Context, in *ipc.Receiver[*os.File]) error {
	f, err := in.Recv(ctx)
	if err != nil {
		return err
	}
	if _, err := f.WriteString("lost"); f != nil || !errors.Is(err, os.ErrInvalid) {
		return fmt.Errorf("file %v, writing to it: %w", f, err)
	}
	return nil
}

var useNoFileTarget = ipc.NewTarget(useNoFile)

func TestMessageWithoutAFileHasNone(t *testing.T) { // FDPASS-03
	ctx := guard(t)
	in, s := channel[*os.File](t)
	p := ipc.NewProcess(useNoFileTarget, in)
	start(t, p)
	if err := s.Send(ctx, nil); err != nil {
		t.Fatal(err)
	}
	join(t, p)
}

type call struct{ Network, Address, Text string }

// callUp dials and writes its text in capitals.
func callUp(_ context.Context, c call) error {
	conn, err := net.Dial(c.Network, c.Address)
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(strings.ToUpper(c.Text)))
	return errors.Join(err, conn.Close())
}

var callUpTarget = ipc.NewTarget(callUp)

// addresses are where to listen, by kind.
func addresses(t *testing.T) map[string][2]string {
	all := map[string][2]string{
		"tcp":  {"tcp", "127.0.0.1:0"},
		"unix": {"unix", filepath.Join(t.TempDir(), "socket")},
	}
	if runtime.GOOS == "linux" {
		all["abstract"] = [2]string{"unix", fmt.Sprintf("@mpbox-%d-%s", os.Getpid(), t.Name())}
	}
	return all
}

// One child accepts, another one calls, and the parent reads what it says.
func TestAcceptedConnectionIsReadByTheParent(t *testing.T) { // FDPASS-04
	for kind, a := range addresses(t) {
		t.Run(kind, func(t *testing.T) {
			ctx := guard(t)
			where, w := channel[string](t)
			conns, cs := channel[*os.File](t)
			p := ipc.NewProcess(acceptOneTarget, served{a[0], a[1], w, cs})
			start(t, p)
			q := ipc.NewProcess(callUpTarget, call{a[0], ok(where.Recv(ctx))(t), "upper case"})
			start(t, q)
			f := ok(conns.Recv(ctx))(t)
			join(t, p, q)
			c := ok(net.FileConn(f))(t)
			defer c.Close()
			f.Close()
			if got := string(ok(io.ReadAll(c))(t)); got != "UPPER CASE" {
				t.Errorf("read %q", got)
			}
		})
	}
}

type listening struct {
	L    *os.File
	Said *ipc.Sender[string]
}

// acceptHere accepts one connection of a listener that it was given.
func acceptHere(ctx context.Context, a listening) error {
	l, err := net.FileListener(a.L)
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	return errors.Join(err, a.Said.Send(ctx, string(text)))
}

var acceptHereTarget = ipc.NewTarget(acceptHere)

// A listener is one of package net. It is a file to a child, which accepts
// from it, also those who have called and left before there was that child.
func TestListenerIsHandedToAChild(t *testing.T) { // LSN-01 to LSN-05
	for kind, a := range addresses(t) {
		for _, early := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, ", early ", early), func(t *testing.T) {
				ctx := guard(t)
				l := ok(net.Listen(a[0], a[1]))(t)
				defer l.Close()
				if _, err := net.Listen(a[0], l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("a second listener: %v; want EADDRINUSE", err)
				}
				f := ok(l.(interface{ File() (*os.File, error) }).File())(t)
				r, s := channel[string](t)
				server := ipc.NewProcess(acceptHereTarget, listening{f, s})
				client := ipc.NewProcess(callUpTarget, call{a[0], l.Addr().String(), "hello"})
				if early {
					start(t, client)
					join(t, client)
					start(t, server)
				} else {
					start(t, server, client)
					join(t, client)
				}
				f.Close()
				if got := ok(r.Recv(ctx))(t); got != "HELLO" {
					t.Errorf("the listener heard %q", got)
				}
				join(t, server)
				l.Close()
				if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Accept() of a closed listener: %v", err)
				}
				if kind == "abstract" {
					if _, err := os.Stat(a[1]); !os.IsNotExist(err) {
						t.Errorf("an abstract name has left a file: %v", err)
					}
				}
			})
		}
	}
}

type interrupted struct {
	L    *os.File
	Said *ipc.Sender[string]
}

// acceptInterrupted accepts while signals come in, and welcomes the caller.
func acceptInterrupted(ctx context.Context, a interrupted) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	l, err := net.FileListener(a.L)
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for range signals {
			_ = a.Said.Send(ctx, "handled")
		}
	}()
	if err := a.Said.Send(ctx, "ready"); err != nil {
		return err
	}
	c, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = c.Write([]byte("welcome"))
	return errors.Join(err, c.Close())
}

var acceptInterruptedTarget = ipc.NewTarget(acceptInterrupted)

func TestAcceptGoesOnAfterASignal(t *testing.T) { // SIG-03
	ctx := guard(t)
	l := ok(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	f := ok(l.(*net.TCPListener).File())(t)
	defer f.Close()
	r, s := channel[string](t)
	p := ipc.NewProcess(acceptInterruptedTarget, interrupted{f, s})
	start(t, p)
	ok(r.Recv(ctx))(t)
	for range 10 { // it waits in Accept for the last of them, if not for the first
		if err := syscall.Kill(p.Pid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if got := ok(r.Recv(ctx))(t); got != "handled" {
			t.Errorf("the child says %q", got)
		}
	}
	c := ok(net.Dial("tcp", l.Addr().String()))(t)
	defer c.Close()
	if got := string(ok(io.ReadAll(c))(t)); got != "welcome" {
		t.Errorf("read %q", got)
	}
	join(t, p)
}

// A handler that runs while this process waits does not end the wait.
func TestJoinGoesOnAfterASignal(t *testing.T) { // SIG-01
	ctx := guard(t)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	defer signal.Stop(signals)
	e := newEvent(t)
	r, s := channel[bool](t)
	p := ipc.NewProcess(eventTarget, eventArgs{E: e, Ready: s})
	start(t, p)
	ok(r.Recv(ctx))(t)
	wait := mustBlock(t, "Join", func() { join(t, p) })
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	<-signals
	wait = mustBlock(t, "Join after a signal", wait)
	e.Set()
	wait()
	if code, ended := p.ExitCode(); code != 0 || !ended {
		t.Errorf("%v", p)
	}
}
