package pooltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// An act is a task.
type act struct {
	What string
	N    int
	At   board
}

// An outcome is what comes of it.
type outcome struct{ N, Pid int }

var (
	playFunc   = ipc.NewFunc(play)
	squareFunc = ipc.NewFunc(square)
	nestFunc   = ipc.NewFunc(nest)
)

var errLost = errors.New("pooltest: lost the way")

// A mishap is an error with something in it.
type mishap struct{ N int }

func (m *mishap) Error() string { return fmt.Sprint("mishap ", m.N) }

func init() {
	ipc.RegisterError(errLost)
	ipc.Register[*mishap]()
}

func square(_ context.Context, n int) (int, error) { return n * n, nil }

// play does what an act says, and gives the square of its number.
func play(ctx context.Context, a act) (outcome, error) {
	o := outcome{a.N * a.N, os.Getpid()}
	if err := a.At.say("began", a.N, os.Getpid()); err != nil {
		return o, err
	}
	switch a.What {
	case "square":
	case "wait": // until the check says go
		_, err := a.At.wait(ctx, "go", 1)
		return o, err
	case "wait for next": // until it has begun
		_, err := a.At.wait(ctx, words("began", a.N+1), 1)
		return o, err
	case "heed": // the end of the context
		<-ctx.Done()
		return o, errors.Join(ctx.Err(), a.At.say("heeded", a.N))
	case "ignore": // it
		for {
			time.Sleep(time.Hour)
		}
	case "start a program":
		return o, startProgram(a)
	case "third time": // is when it succeeds
		if n := len(a.At.heard(words("began", a.N))); n < 3 {
			return o, fmt.Errorf("%w: time %d", errLost, n)
		}
	default:
		return o, fail(a)
	}
	return o, nil
}

// fail fails in the way that an act says.
func fail(a act) error {
	switch a.What {
	case "lost":
		return fmt.Errorf("act %d: %w", a.N, errLost)
	case "eof":
		return fmt.Errorf("act %d: %w", a.N, io.EOF)
	case "mishap":
		return fmt.Errorf("act %d: %w", a.N, &mishap{a.N})
	case "panic":
		panic(fmt.Errorf("act %d: %w", a.N, errLost))
	case "goexit":
		runtime.Goexit()
	case "exit":
		fmt.Fprintln(os.Stderr, "last words of act", a.N)
		os.Exit(3)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return fmt.Errorf("act %d: nobody knows how to %q", a.N, a.What)
}

// startProgram starts a program that would go on for long, and waits for it.
func startProgram(a act) error {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := a.At.say("program", a.N, cmd.Process.Pid); err != nil {
		return err
	}
	return cmd.Wait()
}

// nest has its task done by a pool of its own.
func nest(ctx context.Context, n int) (int, error) {
	pool := ipc.NewPool(squareFunc, 2)
	defer pool.Terminate()
	sum := 0
	got, err := pool.Map(ctx, []int{n, n + 1})
	for _, n := range got {
		sum += n
	}
	return sum, err
}
