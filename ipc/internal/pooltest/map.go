package pooltest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

func mapInOrder(c *check) { // POOL-02, POOL-03, POOL-49, FUT-02
	for _, tt := range []struct{ n, chunk int }{
		{1, 0}, {3, 100}, {100, 1}, {100, 7}, {2000, 1}, {20_000, 0}, {20_000, 100},
	} {
		pool := newPool(c, squareFunc)
		pool.ChunkSize = tt.chunk
		for range 2 {
			if got, err := pool.Map(c.ctx, numbers(tt.n)); err != nil || !slices.Equal(got, squares(tt.n)) {
				c.Errorf("%d tasks, chunks of %d: Map() = %d results, %v", tt.n, tt.chunk, len(got), err)
			}
		}
		pool.Close()
	}
}

func mapOfNothing(c *check) { // POOL-07, POOL-08
	for _, chunk := range []int{0, 1} {
		pool := newPool(c, squareFunc)
		pool.ChunkSize = chunk
		for _, in := range [][]int{nil, {}} {
			if got, err := pool.Map(c.ctx, in); len(got) != 0 || err != nil {
				c.Errorf("Map() = %v, %v", got, err)
			}
			if got, err := pool.MapAsync(in).Get(c.ctx); len(got) != 0 || err != nil {
				c.Errorf("MapAsync() = %v, %v", got, err)
			}
			for r, err := range pool.Imap(c.ctx, slices.Values(in)) {
				c.Errorf("Imap() yields %v, %v", r, err)
			}
			for r, err := range pool.ImapUnordered(c.ctx, slices.Values(in)) {
				c.Errorf("ImapUnordered() yields %v, %v", r, err)
			}
		}
	}
}

// Each Map gets its own results, also beside others that fail.
func mapsAtOnce(c *check) { // ROB-12
	pool := newPool(c, playFunc)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			in := c.acts("square", 40+i)
			lost := []int(nil)
			if i%2 == 0 {
				in[i].What, lost = "lost", []int{i}
			}
			got, err := pool.Map(c.ctx, in)
			failed, isTasks := err.(ipc.TaskErrors)
			if err != nil && !isTasks || len(failed) != len(lost) || len(lost) > 0 && failed[0].Index != i {
				c.Errorf("Map() = %v; want that tasks %v fail", err, lost)
			}
			for j, r := range got {
				if r.N != j*j && !slices.Contains(lost, j) {
					c.Errorf("result %d is %+v", j, r)
				}
			}
		})
	}
	wg.Wait()
}

func poolsAtOnce(c *check) {
	one, other := newPool(c, squareFunc), newActPool(c)
	waits := other.MapAsync(c.acts("wait", c.Workers)) // it is full while one works
	c.hear("began", 1)
	if got, err := one.Map(c.ctx, numbers(100)); err != nil || !slices.Equal(got, squares(100)) {
		c.Errorf("Map() = %v, %v", got, err)
	}
	finish(c, one)
	c.say("go")
	if got, err := waits.Get(c.ctx); err != nil || got[c.Workers-1].N != (c.Workers-1)*(c.Workers-1) {
		c.Errorf("MapAsync() of the other = %v, %v", got, err)
	}
}

func poolsInWorkers(c *check) { // KF-14, PROC-69
	pool := newPool(c, nestFunc)
	if got, err := pool.Map(c.ctx, []int{1, 2, 3}); err != nil || !slices.Equal(got, []int{5, 13, 25}) {
		c.Errorf("Map() = %v, %v", got, err)
	}
}

func apply(c *check) { // POOL-01, FUT-01
	pool := newPool(c, squareFunc)
	for n, want := range squares(10) {
		if got, err := pool.Apply(c.ctx, n); got != want || err != nil {
			c.Errorf("Apply(%d) = %d, %v", n, got, err)
		}
		if got, err := pool.ApplyAsync(n).Get(c.ctx); got != want || err != nil {
			c.Errorf("ApplyAsync(%d) = %d, %v", n, got, err)
		}
	}
}

func badSettings(c *check) { // POOL-31, FUT-02
	for name, set := range map[string]func(*ipc.Pool[int, int]){
		"ChunkSize":        func(p *ipc.Pool[int, int]) { p.ChunkSize = -1 },
		"MaxTasksPerChild": func(p *ipc.Pool[int, int]) { p.MaxTasksPerChild = -1 },
		"Timeout":          func(p *ipc.Pool[int, int]) { p.Timeout = -time.Second },
		"Window":           func(p *ipc.Pool[int, int]) { p.Window = -1 },
	} {
		pool := newPool(c, squareFunc)
		set(pool)
		v := recovered(func() { _, _ = pool.Map(c.ctx, numbers(1)) })
		if text, _ := v.(string); !strings.Contains(text, name) {
			c.Errorf("a negative %s panics with %v", name, v)
		}
	}
}

// Tasks that wait for each other are all begun, and no more than that.
func asManyAsWorkers(c *check) { // POOL-16, FUT-15
	pool := newActPool(c)
	tasks := 15 * c.Workers
	all := pool.MapAsync(c.acts("wait", tasks))
	pids := map[int]bool{}
	for _, word := range c.hear("began", c.Workers) {
		pids[field(word, 2)] = true
	}
	if n := len(c.at.heard("began")); n != c.Workers || len(pids) != n {
		c.Errorf("%d tasks are under way in %d processes; want %d", n, len(pids), c.Workers)
	}
	c.say("go")
	got, err := all.Get(c.ctx)
	for i, r := range got {
		if r.N != i*i {
			c.Errorf("result %d is %+v", i, r)
		}
	}
	if len(got) != tasks || err != nil {
		c.Errorf("Get() = %d results, %v", len(got), err)
	}
}
