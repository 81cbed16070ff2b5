package pooltest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// short is a time-out which quick tasks keep also on a machine that has much
// to do.
const short = 500 * time.Millisecond

// A task that takes too long, and ends when its context does, keeps its worker.
func timeoutHeeded(c *check) {
	pool := newActPool(c)
	pool.Timeout, pool.Grace = short, time.Hour
	in := c.acts("square", 5)
	in[1].What = "heed"
	_, err := pool.Map(c.ctx, in)
	e := c.failure(err)
	if !errors.Is(err, ipc.ErrTimeout) || e.Index != 1 || e.Cause != ipc.CauseTimeout {
		c.Errorf("Map() = %v, cause %v", err, e.Cause)
	}
	if _, isExit := errors.AsType[*ipc.ExitError](err); isExit || len(c.at.heard("heeded 1")) != 1 {
		c.Errorf("Map() = %v; want that the task has seen its context end", err)
	}
}

// One that goes on is killed with its worker, and no other task is.
func timeoutNotHeeded(c *check) {
	pool := newActPool(c)
	pool.Timeout, pool.Grace = short, 10*time.Millisecond
	in := c.acts("square", 20)
	in[7].What = "ignore"
	got, err := pool.Map(c.ctx, in)
	e := c.failure(err)
	if !errors.Is(err, ipc.ErrTimeout) || e.Index != 7 || e.Cause != ipc.CauseTimeout || e.Attempts != 1 {
		c.Errorf("Map() = %v, cause %v", err, e.Cause)
	}
	if !strings.Contains(e.Stacks, "pooltest.play(") {
		c.Errorf("the stacks do not show the task:\n%.2000s", e.Stacks)
	}
	for i, r := range got {
		if i != 7 && r.N != i*i {
			c.Errorf("result %d is %+v", i, r)
		}
	}
	pid := field(c.hear("began 7", 1)[0], 2)
	c.until(true, "the worker is gone", func() bool { return gone(pid) })
}

func contextHasEnded(c *check) {
	pool := newPool(c, playFunc)
	got, err := pool.Map(over(), c.acts("square", 3))
	if len(got) != 0 || err != context.Canceled {
		c.Errorf("Map() = %v, %v", got, err)
	}
	for _, err := range pool.Imap(over(), slices.Values(c.acts("square", 3))) {
		if err != context.Canceled {
			c.Errorf("Imap() yields %v", err)
		}
	}
	finish(c, pool)
	if words := c.at.heard("began"); len(words) > 0 {
		c.Errorf("%v", words)
	}
}

// Tasks under way end with the context of Map, which waits for that, and the
// others are not begun.
func contextEndsInMap(c *check) { // FUT-04
	pool := newActPool(c)
	pool.Grace = time.Hour
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	go func() {
		_, _ = c.at.wait(c.ctx, "began", c.Workers)
		cancel()
	}()
	tasks := 20 * c.Workers
	if got, err := pool.Map(ctx, c.acts("heed", tasks)); err != context.Canceled || len(got) != tasks {
		c.Errorf("Map() = %d results, %v", len(got), err)
	}
	if began, heeded := len(c.at.heard("began")), len(c.at.heard("heeded")); began != c.Workers || heeded != began {
		c.Errorf("%d tasks were begun, %d have ended; want %d", began, heeded, c.Workers)
	}
	if r, err := pool.Apply(c.ctx, act{"square", 5, c.at}); r.N != 25 || err != nil {
		c.Errorf("the next Apply() = %+v, %v", r, err)
	}
}

// The results that there are come with the error.
func contextEndsBehindResults(c *check) { // FUT-04
	const done = 10
	pool := newActPool(c)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	pool.Progress = func(p ipc.Progress) {
		if p.Done == done {
			cancel() // the last one never ends by itself
		}
	}
	got, err := pool.Map(ctx, append(c.acts("square", done), act{"heed", done, c.at}))
	if err != context.Canceled || len(got) != done+1 {
		c.Fatalf("Map() = %v, %v", got, err)
	}
	for i, r := range got[:done] {
		if r.N != i*i {
			c.Errorf("result %d is %+v", i, r)
		}
	}
}

func contextEndsInImap(c *check) { // FUT-04
	pool := newActPool(c)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	var got []int
	var errs []error
	for r, err := range pool.Imap(ctx, slices.Values(append(c.acts("square", 2), c.acts("heed", 1)...))) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if got = append(got, r.N); len(got) == 2 {
			cancel() // the third never ends by itself
		}
	}
	if !slices.Equal(got, []int{0, 1}) || !slices.Equal(errs, []error{context.Canceled}) {
		c.Errorf("Imap() = %v, %v; want two results and then the end of the context", got, errs)
	}
}
