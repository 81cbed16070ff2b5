package pooltest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// The task that its worker dies of is lost, and nothing else.
func workerDies(c *check) { // ROB-01, FUT-05, KF-01, KF-02
	for _, tt := range []struct {
		how   string
		code  int
		cause ipc.Cause
	}{
		{"kill", -9, ipc.CauseKilled},
		{"exit", 3, ipc.CauseExit},
	} {
		pool := newPool(c, playFunc)
		pool.Stderr = new(lines)
		in := c.acts("square", 20)
		in[7].What = tt.how
		got, err := pool.Map(c.ctx, in)
		e := c.failure(err)
		x, isExit := errors.AsType[*ipc.ExitError](err)
		if !isExit || x.Code != tt.code || e.Index != 7 || e.Cause != tt.cause || e.Attempts != 1 || e.Pid == 0 || e.Pid != x.Pid {
			c.Errorf("%s: Map() = %v, cause %v", tt.how, err, e.Cause)
		}
		for i, r := range got {
			if i != 7 && r.N != i*i {
				c.Errorf("%s: result %d is %+v", tt.how, i, r)
			}
		}
		if r, err := pool.Apply(c.ctx, act{"square", 5, c.at}); r.N != 25 || err != nil {
			c.Errorf("%s: the next Apply() = %+v, %v", tt.how, r, err)
		}
		pool.Close()
	}
}

func workerDiesAmongMany(c *check) { // ROB-12, KF-16
	pool := newPool(c, playFunc)
	in := c.acts("square", 500)
	lost := map[int]bool{100: true, 101: true, 499: true}
	for i := range lost {
		in[i].What = "kill"
	}
	got, err := pool.Map(c.ctx, in)
	if failed := c.failed(err); len(failed) != len(lost) {
		c.Errorf("Map() = %v", err)
	}
	for _, e := range c.failed(err) {
		if !lost[e.Index] || e.Cause != ipc.CauseKilled {
			c.Errorf("%v, cause %v", e, e.Cause)
		}
	}
	for i, r := range got {
		if !lost[i] && r.N != i*i {
			c.Errorf("result %d is %+v", i, r)
		}
	}
}

// A policy decides who is tried again. It is asked of each failure, and told
// how many there were.
func triedAgain(c *check) {
	pool := newPool(c, playFunc)
	var mu sync.Mutex
	asked := map[int][]int{} // the attempts, by task
	pool.Retry = func(e *ipc.TaskError) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[e.Index] = append(asked[e.Index], e.Attempts)
		return e.Attempts < 5 && errors.Is(e, errLost)
	}
	in := c.acts("square", 10)
	in[2].What, in[4].What, in[6].What = "third time", "eof", "lost"
	got, err := pool.Map(c.ctx, in)
	failed := c.failed(err)
	if len(failed) != 2 || failed[0].Index != 4 || failed[0].Attempts != 1 || failed[1].Index != 6 || failed[1].Attempts != 5 {
		c.Fatalf("Map() = %v; want that task 4 fails once, and task 6 five times", err)
	}
	if got[2].N != 4 || len(asked) != 3 || len(asked[2]) != 2 || len(asked[6]) != 5 {
		c.Errorf("task 2 gives %+v, the policy was asked of attempts %v", got[2], asked)
	}
	if n := len(c.at.heard("began 6")); n != 5 {
		c.Errorf("task 6 was begun %d times", n)
	}
}

func quarantine(c *check) {
	for _, deaths := range []int{0, 1, 2} { // 0 means 3
		pool := newPool(c, playFunc)
		pool.MaxDeaths = deaths
		pool.Retry = func(*ipc.TaskError) bool { return true }
		in := c.acts("square", 5)
		victim := 10 + deaths
		in[2] = act{"kill", victim, c.at}
		got, err := pool.Map(c.ctx, in)
		want := deaths
		if deaths == 0 {
			want = 3
		}
		e := c.failure(err)
		if !errors.Is(err, ipc.ErrQuarantined) || e.Index != 2 || e.Attempts != want || e.Cause != ipc.CauseKilled {
			c.Errorf("Map() = %v, cause %v, attempt %d; want ErrQuarantined after %d", err, e.Cause, e.Attempts, want)
		}
		if x, isExit := errors.AsType[*ipc.ExitError](err); !isExit || x.Code != -9 || got[3].N != 9 || got[4].N != 16 {
			c.Errorf("Map() = %v, %v", got, err)
		}
		if n := len(c.at.heard(words("began", victim))); n != want {
			c.Errorf("the task was begun %d times; want %d", n, want)
		}
		pool.Close()
	}
}

// Without a policy there is no quarantine, and the error has the last words.
func deathWithoutPolicy(c *check) {
	pool := newPool(c, playFunc)
	pool.MaxDeaths, pool.Stderr = 1, new(lines)
	_, err := pool.Apply(c.ctx, act{"exit", 6, c.at})
	e := c.failure(err)
	if errors.Is(err, ipc.ErrQuarantined) || !strings.Contains(e.Stderr, "last words of act 6\n") {
		c.Errorf("Apply() = %v, stderr %q", err, e.Stderr)
	}
}

// endsOthers checks that the panic does not wait for a task that goes on for ever.
func endsOthers(c *check) {
	in := []act{{"heed", 0, c.at}, {"lost", 1, c.at}}
	for name, call := range map[string]func(*ipc.Pool[act, outcome]){
		"Map()": func(p *ipc.Pool[act, outcome]) { _, _ = p.Map(c.ctx, in) },
		"Imap()": func(p *ipc.Pool[act, outcome]) {
			for range p.Imap(c.ctx, slices.Values(in)) {
			}
		},
	} {
		pool := newPool(c, playFunc)
		pool.ChunkSize = 1
		pool.Retry = func(*ipc.TaskError) bool {
			time.Sleep(short) // in which the pool may come to look away
			panic("from Retry")
		}
		if v := recovered(func() { call(pool) }); v != "from Retry" {
			c.Errorf("%s panics with %v", name, v)
		}
	}
}

// A policy that panics does so in the call.
func panicOfRetry(c *check) {
	pool := newPool(c, playFunc)
	pool.Retry = func(*ipc.TaskError) bool { panic("from Retry") }
	if v := recovered(func() { _, _ = pool.Map(c.ctx, c.acts("lost", 3)) }); v != "from Retry" {
		c.Errorf("Map() panics with %v", v)
	}
	if _, err := pool.ApplyAsync(act{"lost", 1, c.at}).Get(c.ctx); err == nil || !strings.Contains(err.Error(), "from Retry") {
		c.Errorf("Get() = %v", err)
	}
	endsOthers(c)
	if r, err := pool.Apply(c.ctx, act{"square", 5, c.at}); r.N != 25 || err != nil {
		c.Errorf("the next Apply() = %+v, %v", r, err)
	}
}
