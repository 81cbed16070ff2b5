package ipc_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// A doomed process is the victim. It goes to its place, says so, and dies when it is told to.
type doomed struct {
	Where, How string
	Stage      stage
	Ready      *ipc.Sender[int]
	Go         *ipc.Receiver[int]
}

func (v doomed) Run(ctx context.Context) error {
	if err := placeNamed(v.Where).enter(ctx, v.Stage); err != nil {
		return err
	}
	if err := v.Ready.Send(ctx, os.Getpid()); err != nil {
		return err
	}
	if _, err := v.Go.Recv(ctx); err != io.EOF {
		return err
	}
	return die(v.How)
}

func (p place) enter(ctx context.Context, s stage) (err error) {
	if p.mode == there {
		return p.victim(ctx, s)
	}
	done := make(chan error, 1)
	go func() { done <- atThePlace(ctx, p, s) }()
	if p.mode == asleep && !sleeps("ipc_test.atThePlace", done) {
		err = fmt.Errorf("the victim is not asleep: %w", <-done)
	}
	return err
}

func atThePlace(ctx context.Context, p place, s stage) error { return p.victim(ctx, s) }

var sleeping = regexp.MustCompile(`/internal/park\.\S*\.Wait\(`)

// sleeps waits until the goroutine that runs the function sleeps for shared
// memory to change. It reports false if that has not happened; done may have
// a result then.
func sleeps(function string, done <-chan error) (asleep bool) {
	stacks := make([]byte, 64<<10)
	until(func() bool {
		for g := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(g, function+"(") && sleeping.MatchString(g) {
				asleep = true
			}
		}
		return asleep || len(done) > 0
	}, func() {})
	return asleep
}

// guardian starts a victim and is killed, so that its child is an orphan.
func guardian(ctx context.Context, v doomed) error {
	if err := ipc.NewProcess(doomedTarget, v).Start(); err != nil {
		return err
	}
	v.Stage.closeBut(stage{}) // or its own death would be seen too
	return die("kill")
}

// successor uses what the victim has used.
type successor struct {
	Where string
	Stage stage
}

func (s successor) Run(ctx context.Context) error { return placeNamed(s.Where).again(ctx, s.Stage) }

var (
	doomedTarget    = ipc.TargetOf[doomed]()
	guardianTarget  = ipc.NewTarget(guardian)
	successorTarget = ipc.TargetOf[successor]()
)

func survive(ctx context.Context, p place, s stage, w way) error { return p.others(ctx, s, w) }

// A candidate is a victim that waits for its death.
type candidate struct {
	way  way
	proc *ipc.Process // it, or its guardian
	pid  int
	let  *ipc.Sender[int]
}

// raise brings a victim to its place.
func (p place) raise(t *testing.T, w way, s stage) *candidate {
	t.Helper()
	ctx := context.Background()
	ready, r := channel[int](t)
	let, s2 := channel[int](t)
	target := doomedTarget
	if w == orphaned {
		target = guardianTarget
	}
	c := &candidate{way: w, let: s2}
	c.proc = ipc.NewProcess(target, doomed{p.name(), w.name, s, r, let})
	c.proc.Stderr = io.Discard
	start(t, c.proc)
	r.Close()
	let.Close()
	if p.mode == unborn {
		time.Sleep(rand.N(8 * time.Millisecond))
		_ = c.proc.Kill()
		return c
	}
	pid, err := ready.Recv(ctx)
	if err != nil {
		t.Fatalf("the victim did not get to its place: %v; %v", err, c.proc.Join(ctx))
	}
	c.pid = pid
	if w == orphaned {
		_ = c.proc.Join(ctx)
	}
	return c
}

// fall lets it die, and waits until it has.
func (c *candidate) fall(t *testing.T) {
	t.Helper()
	if c.way == outside {
		time.Sleep(rand.N(2 * time.Millisecond))
		_ = c.proc.Kill()
	}
	c.let.Close()
	if c.way == orphaned {
		until(func() bool { return gone(c.pid) }, func() { t.Errorf("process %d is still there", c.pid) })
		return
	}
	<-c.proc.Sentinel()
	if code, _ := c.proc.ExitCode(); code != c.way.code {
		t.Errorf("exit code %d; want %d", code, c.way.code)
	}
	_ = c.proc.Join(context.Background())
}
