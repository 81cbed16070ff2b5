package pooltest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/mpbox/mpbox/ipc"
)

// A kit is what a setup is given, and what tasks find.
type kit struct {
	Factor int
	At     board
}

func unpack(_ context.Context, k kit) (kit, error) {
	if k.Factor == 0 {
		return k, fmt.Errorf("no factor: %w", errLost)
	}
	return k, k.At.say("opened", os.Getpid())
}

func pack(_ context.Context, k kit) error { return k.At.say("closed", os.Getpid()) }

func magnify(ctx context.Context, n int) (outcome, error) {
	return outcome{ipc.State[kit](ctx).Factor * n, os.Getpid()}, nil
}

var (
	kitSetup    = ipc.NewSetup(unpack, pack)
	magnifyFunc = ipc.NewFunc(magnify)
)

// Each worker is set up once, before its first task, and torn down once.
func setup(c *check) { // POOL-34, FUT-16
	pool := newPool(c, magnifyFunc)
	pool.Setup, pool.ChunkSize = kitSetup.With(kit{3, c.at}), 1
	used := map[int]bool{}
	for range 2 {
		got, err := pool.Map(c.ctx, numbers(50))
		if err != nil {
			c.Fatal(err)
		}
		for i, r := range got {
			if used[r.Pid] = true; r.N != 3*i {
				c.Errorf("result %d is %+v", i, r)
			}
		}
	}
	finish(c, pool)
	opened := c.at.heard("opened")
	for pid := range used {
		if n := len(c.at.heard(words("opened", pid))); n != 1 {
			c.Errorf("worker %d was set up %d times", pid, n)
		}
	}
	c.until(c.Late, "each worker was torn down once", func() bool {
		return len(c.at.heard("closed")) == len(opened)
	})
	for _, word := range opened {
		if pid := field(word, 1); len(c.at.heard(words("closed", pid))) != 1 {
			c.Errorf("worker %d was not torn down", pid)
		}
	}
}

// A setup that fails is one error, of all calls, and not that of a task.
func setupFails(c *check) { // FUT-16, ROB-03
	pool := newPool(c, magnifyFunc)
	pool.Setup = kitSetup.With(kit{0, c.at})
	pending := pool.ApplyAsync(1)
	_, mapErr := pool.Map(c.ctx, numbers(100))
	_, pendingErr := pending.Get(c.ctx)
	_, nextErr := pool.Apply(c.ctx, 1)
	for _, err := range []error{mapErr, pendingErr, nextErr} {
		_, isTasks := err.(ipc.TaskErrors)
		_, isTask := err.(*ipc.TaskError)
		if err == nil || isTask || isTasks || !strings.Contains(err.Error(), "no factor") {
			c.Errorf("the error is %v; want that of the setup", err)
		}
	}
}

func workersWearOut(c *check) { // POOL-29, KF-12
	const most, tasks = 4, 40
	pool := newActPool(c)
	pool.MaxTasksPerChild = most
	got, err := pool.Map(c.ctx, c.acts("square", tasks))
	if err != nil {
		c.Fatal(err)
	}
	done := map[int]int{}
	for i, r := range got {
		if done[r.Pid]++; r.N != i*i || r.Pid == 0 || r.Pid == os.Getpid() {
			c.Errorf("result %d is %+v", i, r)
		}
	}
	if len(done) < tasks/most {
		c.Errorf("%d workers did %d tasks", len(done), tasks)
	}
	for pid, n := range done {
		if n > most {
			c.Errorf("worker %d did %d tasks; want no more than %d", pid, n, most)
		}
	}
}

// lines is a writer that says what it was given.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(strings.Lines(l.b.String()))
}

const lineLength = 300

// babble writes lines, each in two parts.
func babble(_ context.Context, id int) (int, error) {
	line := strings.Repeat(string(rune('a'+id%26)), lineLength) + "\n"
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		for _, part := range []string{line[:lineLength/3], line[lineLength/3:]} {
			if _, err := f.WriteString(part); err != nil {
				return 0, err
			}
		}
	}
	return id, nil
}

var babbleFunc = ipc.NewFunc(babble)

// Each line is whole, and has its worker's name before it.
func linesOfWorkers(c *check) {
	pool := newPool(c, babbleFunc)
	var stdout, stderr lines
	pool.ChunkSize, pool.Stdout, pool.Stderr = 1, &stdout, &stderr
	const n = 100
	if _, err := pool.Map(c.ctx, numbers(n)); err != nil {
		c.Fatal(err)
	}
	finish(c, pool)
	for name, w := range map[string]*lines{"stdout": &stdout, "stderr": &stderr} {
		c.until(c.Late, "all lines are there", func() bool { return len(w.all()) >= n })
		texts := map[string]int{}
		for _, line := range w.all() {
			tag, text, _ := strings.Cut(line, ": ")
			if texts[text]++; !strings.Contains(tag, "PoolWorker-") {
				c.Errorf("%s: a line without a name: %.60q", name, line)
			}
		}
		for i := range numbers(26) {
			text := strings.Repeat(string(rune('a'+i)), lineLength) + "\n"
			if want := n/26 + min(1, max(0, n%26-i)); texts[text] != want {
				c.Errorf("%s: %d lines of %c; want %d", name, texts[text], text[0], want)
			}
			delete(texts, text)
		}
		for text := range texts {
			c.Errorf("%s: a line of %d bytes: %.60q", name, len(text), text)
		}
	}
}

// Progress comes to the number of all tasks before Map returns, and never goes
// back.
func progress(c *check) {
	for _, chunk := range []int{0, 1, 7} {
		pool := newPool(c, playFunc)
		var last ipc.Progress // of one goroutine at a time, and not after the end
		pool.ChunkSize = chunk
		pool.Progress = func(p ipc.Progress) {
			if p.Done < last.Done || p.Failed < last.Failed || p.Total != 50 || p.Done+p.Failed > 50 {
				c.Errorf("progress %+v after %+v", p, last)
			}
			last = p
		}
		for range 2 {
			in := c.acts("square", 50)
			in[3].What, in[30].What = "lost", "kill"
			_, err := pool.Map(c.ctx, in)
			if len(c.failed(err)) != 2 || last.Done != 48 || last.Failed != 2 {
				c.Errorf("Map() = %v, the last progress is %+v", err, last)
			}
			last = ipc.Progress{}
		}
		pool.Close()
	}
}

// The insights have each task, with the worker that has done it.
func insights(c *check) {
	pool := newActPool(c)
	done := map[int]int{}
	for _, n := range []int{20, 30} {
		got, err := pool.Map(c.ctx, c.acts("square", n))
		if err != nil {
			c.Fatal(err)
		}
		for _, r := range got {
			done[r.Pid]++
		}
	}
	finish(c, pool)
	in := pool.Insights()
	for _, w := range in.Workers {
		if w.Name == "" || w.Tasks != done[w.Pid] || w.Tasks > 0 && (w.Start <= 0 || w.Working <= 0) {
			c.Errorf("worker %+v; it did %d tasks", w, done[w.Pid])
		}
		delete(done, w.Pid)
	}
	if len(done) > 0 || len(in.Slowest) == 0 {
		c.Errorf("Insights() = %+v; it lacks %v", in, done)
	}
}
