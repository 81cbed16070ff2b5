package pooltest

import (
	"errors"
	"slices"

	"github.com/mpbox/mpbox/ipc"
)

// A pool that was closed or terminated is of no use any more.
func closePool(c *check) { // POOL-18, POOL-24, POOL-39, FUT-07
	for what, end := range map[string]func(*ipc.Pool[int, int]){
		"Close":     (*ipc.Pool[int, int]).Close,
		"Terminate": (*ipc.Pool[int, int]).Terminate,
	} {
		for _, tasks := range []int{0, 10} {
			pool := newPool(c, squareFunc)
			if _, err := pool.Map(c.ctx, numbers(tasks)); err != nil {
				c.Errorf("Map() = %v", err)
			}
			for range 2 {
				end(pool)
			}
			if err := errors.Join(pool.Join(c.ctx), pool.Join(over())); err != nil {
				c.Errorf("after %s: Join() = %v", what, err)
			}
			pool.Terminate()
			errs := useless(c, pool)
			if len(errs) != 6 || slices.ContainsFunc(errs, func(err error) bool { return err != ipc.ErrClosed }) {
				c.Errorf("after %s the errors are %v; want 6 of ErrClosed", what, errs)
			}
		}
	}
}

// useless are the errors of all calls.
func useless(c *check, pool *ipc.Pool[int, int]) []error {
	_, err := pool.Map(c.ctx, numbers(3))
	errs := []error{err}
	_, err = pool.Apply(c.ctx, 1)
	errs = append(errs, err)
	_, err = pool.ApplyAsync(1).Get(c.ctx)
	errs = append(errs, err)
	_, err = pool.MapAsync(numbers(3)).Get(c.ctx)
	errs = append(errs, err)
	for _, err := range pool.Imap(c.ctx, slices.Values(numbers(3))) {
		errs = append(errs, err)
	}
	for _, err := range pool.ImapUnordered(c.ctx, slices.Values(numbers(3))) {
		errs = append(errs, err)
	}
	return errs
}

// Close lets all be done that was there before, under way or not.
func closeLetsTasksEnd(c *check) { // POOL-37, FUT-07
	pool := newActPool(c)
	var all []*ipc.Result[outcome]
	for i := range 20 * c.Workers {
		all = append(all, pool.ApplyAsync(act{"wait", i, c.at}))
	}
	c.hear("began", 1)
	pool.Close()
	if _, err := pool.ApplyAsync(act{"square", 1, c.at}).Get(c.ctx); err != ipc.ErrClosed {
		c.Errorf("ApplyAsync() after Close = %v", err)
	}
	if slices.ContainsFunc(all, (*ipc.Result[outcome]).Ready) {
		c.Error("a result is there that can't be")
	}
	c.say("go")
	if err := pool.Join(c.ctx); err != nil {
		c.Errorf("Join() = %v", err)
	}
	for i, r := range all {
		if got, err := r.Get(over()); got.N != i*i || err != nil {
			c.Errorf("result %d is %+v, %v", i, got, err)
		}
	}
}

func joinBeforeClose(c *check) { // POOL-38
	pool := newPool(c, squareFunc)
	for range 2 { // before the first task, and after
		if err := pool.Join(c.ctx); err != ipc.ErrNotClosed {
			c.Errorf("Join() = %v; want ErrNotClosed", err)
		}
		if _, err := pool.Map(c.ctx, numbers(1)); err != nil {
			c.Error(err)
		}
	}
}

// Terminate ends the calls under way, the workers, and what these have started.
func terminate(c *check) { // POOL-39, KF-09, ROB-09
	pool := newActPool(c)
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err = pool.Map(c.ctx, c.acts("start a program", 10*c.Workers))
	}()
	var pids []int
	for _, word := range slices.Concat(c.hear("program", c.Workers), c.at.heard("began")) {
		pids = append(pids, field(word, 2))
	}
	if slices.ContainsFunc(pids, gone) {
		c.Errorf("of the processes %v some are gone", pids)
	}
	pool.Terminate()
	if <-done; err != ipc.ErrTerminated {
		c.Errorf("Map() = %v; want ErrTerminated", err)
	}
	if err := pool.Join(c.ctx); err != nil {
		c.Errorf("Join() = %v", err)
	}
	for _, pid := range pids { // the kernel may take its time
		c.until(true, "the process is gone", func() bool { return gone(pid) })
	}
	if n := len(c.at.heard("began")); n != c.Workers {
		c.Errorf("%d tasks were begun; want %d", n, c.Workers)
	}
}

func terminateMany(c *check) { // POOL-17
	const tasks = 5000
	pool := newActPool(c)
	all := pool.MapAsync(c.acts("ignore", tasks))
	var each []*ipc.Result[outcome]
	for i := range tasks {
		each = append(each, pool.ApplyAsync(act{"ignore", i, c.at}))
	}
	c.hear("began", c.Workers)
	pool.Terminate()
	if err := pool.Join(c.ctx); err != nil {
		c.Errorf("Join() = %v", err)
	}
	if _, err := all.Get(over()); err != ipc.ErrTerminated {
		c.Errorf("Get() of a map = %v; want ErrTerminated", err)
	}
	for i, r := range each {
		if _, err := r.Get(over()); err != ipc.ErrTerminated {
			c.Fatalf("Get() of task %d = %v; want ErrTerminated", i, err)
		}
	}
}
