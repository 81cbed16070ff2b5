package pooltest

import (
	"context"
	"errors"
	"slices"

	"github.com/mpbox/mpbox/ipc"
)

// A result is not there, and then it is.
func results(c *check) { // POOL-04, POOL-10, POOL-11, POOL-40, POOL-42, FUT-11
	pool := newActPool(c)
	one := pool.ApplyAsync(act{"wait", 7, c.at})
	c.hear("began 7", 1)
	all := pool.MapAsync(c.acts("wait", 3))
	if r, err := one.Get(over()); r != (outcome{}) || err != context.Canceled || one.Ready() || all.Ready() {
		c.Errorf("Get() of a task under way = %v, %v", r, err)
	}
	select {
	case <-one.Done():
		c.Error("the result of a task under way is there")
	default:
	}
	c.say("go") // the task is not lost
	if r, err := one.Get(c.ctx); r.N != 49 || err != nil || !one.Ready() {
		c.Errorf("Get() = %+v, %v", r, err)
	}
	<-all.Done()
	got, err := all.Get(over()) // it is there
	if len(got) != 3 || got[0].N != 0 || got[2].N != 4 || err != nil || !all.Ready() {
		c.Errorf("Get() = %+v, %v", got, err)
	}
	if one.Cancel() {
		c.Error("Cancel() of a task that is done is true")
	}
	if r, err := one.Get(c.ctx); r.N != 49 || err != nil {
		c.Errorf("Get() after Cancel() = %+v, %v", r, err)
	}
}

func resultsFail(c *check) { // POOL-05, POOL-26
	pool := newPool(c, playFunc)
	in := c.acts("square", 3)
	in[1].What = "lost"
	one, all := pool.ApplyAsync(in[1]), pool.MapAsync(in)
	_, err := one.Get(c.ctx)
	if _, isTask := err.(*ipc.TaskError); !isTask || c.failure(err).Index != 0 || !errors.Is(err, errLost) {
		c.Errorf("Get() of a task = %#v", err)
	}
	got, err := all.Get(c.ctx)
	if e := c.failure(err); e.Index != 1 || !errors.Is(err, errLost) || got[2].N != 4 {
		c.Errorf("Get() of a map = %+v, %v", got, err)
	}
}

func asCompleted(c *check) { // FUT-12, FUT-13
	pool := newActPool(c)
	var quick, slow []*ipc.Result[outcome]
	for i := range 2 {
		quick = append(quick, pool.ApplyAsync(act{"square", i, c.at}))
	}
	for _, r := range quick {
		<-r.Done()
	}
	for i := range 2 {
		slow = append(slow, pool.ApplyAsync(act{"wait", 2 + i, c.at}))
	}
	all := slices.Concat(slow, quick, slow)
	if got := slices.Collect(ipc.AsCompleted(over(), all...)); !slices.Equal(got, quick) {
		c.Errorf("AsCompleted() without time yields %d; want the two that are done", len(got))
	}
	var got []*ipc.Result[outcome]
	for r := range ipc.AsCompleted(c.ctx, all...) {
		if got = append(got, r); len(got) == 2 {
			c.say("go") // the others can't be there before
		}
	}
	if len(got) != 4 || !slices.Equal(got[:2], quick) || !slices.Contains(got, slow[0]) || !slices.Contains(got, slow[1]) {
		c.Errorf("AsCompleted() yields %d; want each of 4 once, the quick ones first", len(got))
	}
}

// What was cancelled in time is never begun, and what was begun ends.
func cancelMany(c *check) { // FUT-08, FUT-09, FUT-11
	const tasks = 500
	pool := newActPool(c)
	var all []*ipc.Result[outcome]
	for i := range tasks {
		all = append(all, pool.ApplyAsync(act{"heed", i, c.at}))
	}
	begun := map[int]bool{}
	for _, word := range c.hear("began", c.Workers) {
		begun[field(word, 1)] = true
	}
	var never []int
	for i, r := range all {
		if !begun[i] && r.Cancel() && r.Cancel() {
			never = append(never, i)
		}
	}
	for i := range begun {
		if all[i].Cancel() {
			c.Errorf("Cancel() of task %d, which is under way, is true", i)
		}
	}
	finish(c, pool)
	for i, r := range all {
		if _, err := r.Get(over()); err != ipc.ErrCancelled {
			c.Errorf("Get() of task %d = %v; want ErrCancelled", i, err)
		}
	}
	for _, i := range never {
		if words := c.at.heard(words("began", i)); len(words) > 0 {
			c.Errorf("%v, though Cancel() was true", words)
		}
	}
	if len(never) == 0 {
		c.Errorf("of %d tasks none could be cancelled in time", tasks)
	}
}
